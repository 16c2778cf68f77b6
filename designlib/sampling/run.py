"""A sampling run: chains cut into blocks, and the designs that each block visits.

Chains are evaluated in blocks of a fixed size. The rounding of a predictor's
arithmetic may depend on the size of its batch, so a block, never a part of one,
is what shards and workers share out: any division gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from designlib.constraints import Constraint
from designlib.predictors import Trajectory
from designlib.sampling.drivers.anneal import anneal
from designlib.sampling.drivers.smc import Population, smc
from designlib.sampling.ladders.base import Rung
from designlib.sampling.ladders.plan import ScoreAt
from designlib.sampling.plan import SamplingPlan, Starts, build_ladders
from designlib.spaces import DesignSpace
from designlib.types import Designs

_BLOCK_SIZE = 128


class Block(NamedTuple):
    """Chains that are evaluated together."""

    first: int
    size: int
    elite: bool

    @property
    def chains(self) -> range:
        """Numbers of the block's chains."""
        return range(self.first, self.first + self.size)

    @property
    def turn(self) -> int:
        """Which of several ladders it takes: neighbouring blocks take different ones."""
        return -(-self.first // _BLOCK_SIZE)


def cut_blocks(elite: Sequence[bool]) -> list[Block]:
    """Return the blocks of all chains: consecutive chains of one kind of start."""
    blocks: list[Block] = []
    for chain, is_elite in enumerate(elite):
        last = blocks[-1] if blocks else None
        if last and last.elite == is_elite and last.size < _BLOCK_SIZE:
            blocks[-1] = last._replace(size=last.size + 1)
        else:
            blocks.append(Block(chain, 1, is_elite))
    return blocks


def share_out(blocks: Sequence[Block], shards: int) -> list[list[Block]]:
    """Deal the blocks out to ``shards`` shards, or as many as there are blocks.

    In turn, since the blocks of one kind of start lie together and cost the same.
    """
    return [list(blocks[shard::shards]) for shard in range(min(shards, len(blocks)))]


def sample_block(
    plan: SamplingPlan,
    ladders: Sequence[Sequence[Rung]],
    starts: Designs,
    block: Block,
    seed: int,
    space: DesignSpace,
) -> Iterator[pd.DataFrame]:
    """Sample with the chains of one block and yield a frame of them at the end of each rung.

    ``starts`` are those of all chains, ``space`` is that of written designs. Blocks take turns on
    the ladders. A block is a population of SMC; there ``start_design`` is where the ancestor of a
    chain began, and a block of one chain, which is none, is annealed.

    Columns: chain, rung, training_step, beta, start, start_design, design, score
    (standardised, of the rung's own checkpoint) and acceptance.
    """
    initial = starts[block.first : block.first + block.size]
    origin = np.array(space.decode(initial), dtype=object)
    entry = plan.elite_entry_rung if block.elite else 0
    sampler, ladder = plan.sampler, ladders[block.turn % len(ladders)]
    kernel, chains = sampler.kernel(), block.chains
    if sampler.driver == "smc" and block.size > 1:
        states = smc(ladder[entry:], kernel, initial, seed, chains, warm_up=sampler.warm_up)
    else:
        states = anneal(ladder, kernel, initial, seed, chains, entry, warm_up=sampler.warm_up)
    for state in states:
        began, index = origin, state.rung
        if isinstance(state, Population):
            began, index = origin[state.ancestors[0].cpu().numpy()], entry + state.rung
        rung = plan.rungs[index]
        yield pd.DataFrame(
            {
                "chain": list(chains),
                "rung": index,
                "training_step": rung.training_step,
                "beta": rung.beta,
                "start": "elite" if block.elite else "random",
                "start_design": began.tolist(),
                "design": sampler.written(space, state.designs.cpu()),
                "score": state.value.double().cpu().numpy(),
                "acceptance": state.acceptance.double().cpu().numpy(),
            }
        )


@dataclass(frozen=True)
class SamplingRun:
    """The chains of a planned run: what a campaign's shards and the benchmark sample with."""

    plan: SamplingPlan
    ladders: Sequence[Sequence[Rung]]
    starts: Starts
    space: DesignSpace
    """The space of written designs."""
    seed: int

    @classmethod
    def of(
        cls,
        plan: SamplingPlan,
        starts: Starts,
        members: Sequence[Trajectory],
        scores: Sequence[ScoreAt],
        constraint: Constraint,
        space: DesignSpace,
        seed: int,
        device: torch.device | str = "cpu",
    ) -> SamplingRun:
        """Return the run with its networks on ``device``.

        ``constraint`` is one on the space that chains move in, ``space`` that of written designs.
        """
        moved_in = plan.sampler.chain_space(space)
        ladders = build_ladders(plan, members, scores, constraint, device, moved_in)
        on_device = starts._replace(designs=starts.designs.to(device))
        return cls(plan, ladders, on_device, space, seed)

    @property
    def blocks(self) -> list[Block]:
        """All blocks of chains."""
        return cut_blocks(self.starts.elite.tolist())

    def sample(self, block: Block) -> Iterator[pd.DataFrame]:
        """Yield the designs that a block visits, rung by rung; see `sample_block`."""
        return sample_block(
            self.plan, self.ladders, self.starts.designs, block, self.seed, self.space
        )


def ladder_bands(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the 5, 50 and 95 % quantiles of ``predicted_mean`` on each rung by kind of start."""
    groups = samples.groupby(["rung", "start"], sort=True)
    shares = {"low": 0.05, "median": 0.5, "high": 0.95}
    predicted = groups["predicted_mean"]
    bands = pd.DataFrame({name: predicted.quantile(share) for name, share in shares.items()})
    about = groups.agg(
        step=("training_step", "first"), acceptance=("acceptance", "mean"), beta=("beta", "first")
    )
    return bands.join(about).reset_index()
