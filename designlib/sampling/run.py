"""A whole sampling run: where chains start, how they are cut into blocks, what they visit.

Chains are evaluated in blocks of a fixed size. The rounding of a predictor's
arithmetic may depend on the size of its batch, so a block, never a part of one,
is what shards and workers share out: any division gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Shaped
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from designlib.config import SamplingConfig
from designlib.constraints import Constraint, feasible_starts
from designlib.randomness import torch_generator
from designlib.sampling.drivers.anneal import anneal
from designlib.sampling.drivers.smc import Population, smc
from designlib.sampling.kernels.base import MetropolisKernel
from designlib.sampling.kernels.gibbs_with_gradients import GibbsWithGradients
from designlib.sampling.kernels.mixed import MixedKernel
from designlib.sampling.kernels.simplex_langevin import SimplexLangevin
from designlib.sampling.kernels.transfer import MOST_MOVES, GridTransfer
from designlib.sampling.ladders.base import Rung
from designlib.sampling.ladders.plan import RungPlan
from designlib.spaces import DesignSpace, MixedSpace, SequenceSpace, SimplexSpace
from designlib.types import Designs

__all__ = [
    "Block",
    "Sampler",
    "Starts",
    "choose_sampler",
    "choose_starts",
    "cut_blocks",
    "ladder_bands",
    "reference_designs",
    "sample_block",
    "share_out",
]

_BLOCK_SIZE = 128
_REFERENCE_DESIGNS = 512
_WARM_UP = 4


class Sampler(BaseModel):
    """How the designs of one space are drawn: by which driver, and where chains walk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    driver: Literal["anneal", "smc"]
    moves: Literal["letters", "grid", "continuous", "variables"]
    """How a composition moves, if there is one; variables where there is none."""
    variables: bool = False
    """Whether there are quantities or choices, which a kernel for each part moves."""

    @property
    def label(self) -> str:
        """What tables and pages call it."""
        driver = {"anneal": "annealing", "smc": "SMC"}[self.driver]
        beside = (
            ", variables by kernels of their own"
            if self.variables and self.moves != "variables"
            else ""
        )
        return f"trajectory {driver}, {_MOVES[self.moves]}{beside}"

    @property
    def exactness(self) -> str:
        """What may be said of the designs that it draws."""
        return {
            "anneal": "search heuristic: end states of short walks, not exact draws",
            "smc": "sequential Monte Carlo: consistent as the particles of a population grow",
        }[self.driver]

    @property
    def warm_up(self) -> int:
        """Further steps on each rung that tune the kernel, where it has a step size to tune."""
        return _WARM_UP if self.variables or self.moves == "continuous" else 0

    def walked(self, space: DesignSpace) -> DesignSpace:
        """Return the space that chains walk in, for the space of the written designs."""
        if self.moves != "continuous" or isinstance(space, SequenceSpace):
            return space
        free = SimplexSpace(space.components)
        return space.walked(free) if isinstance(space, MixedSpace) else free

    def kernel(self) -> MetropolisKernel[Any, Any]:
        """Return a new kernel for the space that chains walk in."""
        if self.variables:
            return MixedKernel()
        return {
            "letters": GibbsWithGradients, "grid": GridTransfer, "continuous": SimplexLangevin,
        }[self.moves]()  # fmt: skip

    def written(self, space: DesignSpace, designs: Designs) -> list[str]:
        """Return designs of the walk as text, shares and quantities in their steps."""
        if not isinstance(space, SequenceSpace):
            designs = space.on_grid(designs)
        return space.decode(designs)


_MOVES = {
    "letters": "Gibbs with gradients",
    "grid": "Gibbs with gradients on transfers",
    "continuous": "simplex Langevin",
    "variables": "a kernel for each kind of variable",
}


def choose_sampler(config: SamplingConfig, space: DesignSpace) -> Sampler:
    """Return how designs of a space are drawn, with what the configuration leaves open decided.

    Compositions move on their grid as long as every transfer can be weighed in each step.
    """
    if isinstance(space, SequenceSpace):
        return Sampler(driver="smc" if config.driver == "smc" else "anneal", moves="letters")
    driver = "anneal" if config.driver == "anneal" else "smc"
    variables = isinstance(space, MixedSpace)
    composition = space.composition if isinstance(space, MixedSpace) else space
    if composition is None:
        return Sampler(driver=driver, moves="variables", variables=True)
    transfers = composition.columns**2 * (composition.parts or MOST_MOVES)
    moves = "grid" if transfers <= MOST_MOVES else "continuous"
    if config.composition_moves != "auto":
        moves = config.composition_moves
    return Sampler(driver=driver, moves=moves, variables=variables)


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
        """Which walk of several it takes: neighbouring blocks take different ones."""
        return -(-self.first // _BLOCK_SIZE)


class Starts(NamedTuple):
    """Where every chain starts."""

    designs: Designs
    elite: Bool[Tensor, "designs"]
    """Whether the chain starts at a measured design; elites come last."""


def reference_designs(
    space: DesignSpace,
    constraint: Constraint | None,
    seed: int,
    measured: Shaped[Tensor, "measured columns"] | None = None,
) -> Designs:
    """Return random feasible designs over which the spread of each checkpoint is measured.

    Feasible ``measured`` compositions are used where no random ones are found, as when designs are
    to stay near them.
    """
    seeds = None if isinstance(space, SequenceSpace) else measured
    return _random_designs(space, constraint, _REFERENCE_DESIGNS, seed, "reference", seeds)


def choose_starts(
    space: DesignSpace,
    constraint: Constraint | None,
    config: SamplingConfig,
    elites: Shaped[Tensor, "elites columns"],
    seed: int,
) -> Starts:
    """Return random starts, then elite ones, for all chains.

    ``elites`` are feasible measured designs, best first; the best ones are used, and used again
    from the best on where there are fewer than elite chains. Without any, and for SMC, all starts
    are random; the elites then only help where random feasible designs cannot be found.
    """
    by_smc = choose_sampler(config, space).driver == "smc"
    wanted = 0 if by_smc or not len(elites) else round(config.elite_share * config.chains)
    random = _random_designs(
        space, constraint, config.chains - wanted, seed, "starts", elites if len(elites) else None
    )
    chosen = elites[torch.arange(wanted) % max(1, len(elites))]
    is_elite = torch.arange(config.chains) >= config.chains - wanted
    return Starts(torch.cat([random, chosen]), is_elite)


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
    ladder: Sequence[Rung],
    plan: Sequence[RungPlan],
    starts: Designs,
    block: Block,
    entry_rung: int,
    seed: int,
    sampler: Sampler,
    space: DesignSpace,
) -> Iterator[pd.DataFrame]:
    """Walk the chains of one block and yield a frame of them at the end of each rung.

    ``space`` is that of written designs. A block is a population of SMC; there ``start_design`` is
    where the ancestor of a chain began, and a block of one chain, which is none, is annealed.

    Columns: chain, rung, training_step, beta, start, start_design, design, score
    (standardised, of the rung's own checkpoint) and acceptance.
    """
    initial = starts[block.first : block.first + block.size]
    origin = np.array(space.decode(initial), dtype=object)
    entry = entry_rung if block.elite else 0
    kernel, chains = sampler.kernel(), block.chains
    if sampler.driver == "smc" and block.size > 1:
        walk = smc(ladder[entry:], kernel, initial, seed, chains, warm_up=sampler.warm_up)
    else:
        walk = anneal(ladder, kernel, initial, seed, chains, entry, warm_up=sampler.warm_up)
    for snapshot in walk:
        began, index = origin, snapshot.rung
        if isinstance(snapshot, Population):
            began, index = origin[snapshot.ancestors[0].cpu().numpy()], entry + snapshot.rung
        rung = plan[index]
        yield pd.DataFrame(
            {
                "chain": list(chains),
                "rung": index,
                "training_step": rung.training_step,
                "beta": rung.beta,
                "start": "elite" if block.elite else "random",
                "start_design": began.tolist(),
                "design": sampler.written(space, snapshot.designs.cpu()),
                "score": snapshot.value.double().cpu().numpy(),
                "acceptance": snapshot.acceptance.double().cpu().numpy(),
            }
        )


def ladder_bands(predicted: pd.DataFrame) -> pd.DataFrame:
    """Return the 5, 50 and 95 % quantiles of ``predicted_mean`` on each rung by kind of start."""
    groups = predicted.groupby(["rung", "start"], sort=True)
    quantiles = groups["predicted_mean"].quantile(np.array([0.05, 0.5, 0.95]))
    bands = quantiles.unstack()  # noqa: PD010 - pivot_table cannot take an index level
    bands.columns = ["low", "median", "high"]
    about = groups.agg(
        step=("training_step", "first"), acceptance=("acceptance", "mean"), beta=("beta", "first")
    )
    return bands.join(about).reset_index()


def _random_designs(
    space: DesignSpace,
    constraint: Constraint | None,
    n: int,
    seed: int,
    purpose: str,
    seeds: Shaped[Tensor, "seeds columns"] | None,
) -> Designs:
    generator = torch_generator(seed, purpose)
    if constraint is None or n == 0:
        return space.random(n, generator)
    return feasible_starts(space, constraint, n, generator, seeds)
