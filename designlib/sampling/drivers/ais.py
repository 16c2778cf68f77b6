r"""Annealed importance sampling.

Neal, "Annealed importance sampling", 2001. Each chain walks the ladder on its own; on reaching
rung t its weight is multiplied by :math:`\pi_t(x) / \pi_{t-1}(x)` at where it is. The mean weight
is an unbiased estimate of Z, the normalising constant of the last rung against the origin's, and
weighted averages over the chains are consistent for the last rung's density.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from designlib.sampling.drivers.common import Mover, check_walk, last_of, moved
from designlib.sampling.drivers.result import Samples
from designlib.sampling.drivers.smc import Origin
from designlib.sampling.evidence import Evidence, log_mean_exp_with_error
from designlib.sampling.kernels.base import ChainState, Kernel
from designlib.sampling.ladders.base import Rung
from designlib.types import Designs, Scores

__all__ = ["AIS", "WeightedChains", "ais"]


class WeightedChains(NamedTuple):
    """All chains at the end of a rung; with it the run can be taken up again.

    Attributes
    ----------
    rung
        Index of the rung.
    state
        The kernel's state.
    log_weights
        Logarithm of each chain's importance weight for the rung's density, shape (designs,).
    acceptance
        Share of each chain's proposals accepted on this rung, shape (designs,).
    passes
        Forward and backward passes that each chain has cost so far.
    """

    rung: int
    state: ChainState
    log_weights: Tensor
    acceptance: Scores
    passes: float

    @property
    def designs(self) -> Designs:
        """The designs that the chains are at."""
        return self.state.designs

    @property
    def value(self) -> Scores:
        """Scores of the rung's predictor, not scaled by beta."""
        return self.state.value

    @property
    def evidence(self) -> Evidence:
        """Log Z of the rung's density against the origin's, with its error."""
        return log_mean_exp_with_error(self.log_weights)


@dataclass(frozen=True)
class AIS:
    """Settings of annealed importance sampling from uniform starts.

    Attributes
    ----------
    warm_up
        Steps on each rung, before the rung's own, that tune a kernel with a step size.
    """

    warm_up: int = 0

    def run(
        self,
        ladder: Sequence[Rung],
        kernel: Kernel,
        starts: Designs,
        seed: int,
        chains: Sequence[int],
    ) -> Samples:
        """Return weighted designs and log Z, with the errors of `ais`."""
        end = last_of(ais(ladder, kernel, starts, seed, chains, warm_up=self.warm_up))
        return Samples(
            space=ladder[-1].target.space,
            designs=end.designs,
            scores=end.value,
            acceptance=float(end.acceptance.mean()),
            passes=end.passes,
            weights=end.log_weights.softmax(0),
            evidence=end.evidence,
        )


def ais(
    ladder: Sequence[Rung],
    kernel: Kernel,
    initial: Designs,
    seed: int,
    chains: Sequence[int],
    *,
    origin: Origin = "uniform",
    warm_up: int = 0,
    after: WeightedChains | None = None,
) -> Iterator[WeightedChains]:
    """Walk weighted chains along a ladder and yield them after each rung.

    Parameters
    ----------
    ladder, kernel, seed, chains, warm_up
        As for `designlib.sampling.drivers.anneal`.
    initial
        Designs drawn from ``origin``.
    origin
        ``uniform``: the feasible designs; Z is then the mean of exp(beta f) over them.
        ``first_rung``: the first rung's density, which Z is relative to.
    after
        What an earlier part of the same run yielded last, to go on after it bit for bit.

    Raises
    ------
    InputError
        Numbers that do not match the chains, an infeasible start.
    NonFiniteScoreError
        The predictor of a rung gives NaN or infinity.
    """
    check_walk(ladder, initial, chains)
    mover = Mover(kernel, seed, chains)
    now = _begin(ladder[0], kernel, initial, origin) if after is None else after
    first = 0 if after is None else after.rung + 1
    for index in range(first, len(ladder)):
        rung = ladder[index]
        if index:
            now = _reweighted(ladder[index - 1], rung, kernel, now)
        state, acceptance = mover.run(rung.target, now.state, index, rung.steps, warm_up=warm_up)
        passes = now.passes + mover.cost(rung.target, rung.steps + warm_up)
        now = WeightedChains(index, state, now.log_weights, acceptance, passes)
        yield now


def _begin(rung: Rung, kernel: Kernel, initial: Designs, origin: Origin) -> WeightedChains:
    state = kernel.init(rung.target, initial)
    gained = rung.target.beta * state.value.double()
    if origin == "first_rung":
        gained = torch.zeros_like(gained)
    return WeightedChains(0, state, gained, torch.zeros_like(state.value), rung.target.passes)


def _reweighted(before: Rung, here: Rung, kernel: Kernel, now: WeightedChains) -> WeightedChains:
    state, cost = moved(kernel, before.target, here.target, now.state)
    gained = here.target.beta * state.value.double()
    gained = gained - before.target.beta * now.state.value.double()
    return now._replace(state=state, log_weights=now.log_weights + gained, passes=now.passes + cost)
