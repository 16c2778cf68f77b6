"""Annealing: a few kernel steps on each rung of a ladder, each chain on its own.

The end states of short runs are the result of a search, not exact draws from the
last rung's density.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from designlib.sampling.drivers.base import Mover, Samples, check_run, last_with_trace, moved
from designlib.sampling.kernels.base import ChainState, Kernel
from designlib.sampling.ladders.base import Rung
from designlib.types import Designs, InputError, Scores

__all__ = ["Anneal", "Snapshot", "anneal"]


class Snapshot(NamedTuple):
    """All chains at one moment of their run; with it the run can be resumed.

    Attributes
    ----------
    rung
        Index of the rung that the chains are on.
    step
        Kernel steps done on it, warm-up included.
    state
        The kernel's state.
    acceptance
        Share of each chain's proposals accepted on this rung after its warm-up, shape (designs,).
    passes
        Forward and backward passes that each chain has cost so far.
    """

    rung: int
    step: int
    state: ChainState
    acceptance: Float[Tensor, "designs"]
    passes: float

    @property
    def designs(self) -> Designs:
        """The designs that the chains are at."""
        return self.state.designs

    @property
    def value(self) -> Scores:
        """Scores of the rung's predictor, not scaled by beta."""
        return self.state.value


@dataclass(frozen=True)
class Anneal:
    """Settings of annealing: a search, whose end states are no exact draws.

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
        """Return the designs at the end of the run, with the errors of `anneal`."""
        end, trace = last_with_trace(
            anneal(ladder, kernel, starts, seed, chains, warm_up=self.warm_up, thin=1),
            lambda now: now.rung == len(ladder) - 1 and now.step > self.warm_up,
        )
        return Samples(
            space=ladder[-1].target.space,
            designs=end.designs,
            scores=end.value,
            acceptance=float(end.acceptance.mean()),
            passes=end.passes,
            trace=trace,
        )


def anneal(
    ladder: Sequence[Rung],
    kernel: Kernel,
    initial: Designs,
    seed: int,
    chains: Sequence[int],
    entry_rung: int = 0,
    *,
    warm_up: int = 0,
    thin: int | None = None,
    after: Snapshot | None = None,
) -> Iterator[Snapshot]:
    """Move chains along ``ladder`` from ``entry_rung`` on and yield them after each rung.

    Parameters
    ----------
    ladder, kernel
        The targets, and how chains move on each.
    initial
        Designs that the chains start at, feasible on the entry rung.
    seed, chains
        ``chains`` numbers the rows of ``initial``: the draws of chain k on rung t are a
        function of (seed, t, k) alone, so a chain moves alike in any batch, up to the
        rounding of the predictor's arithmetic, which may depend on the size of the batch.
    warm_up
        Steps on each rung, before the rung's own, that tune the kernel's step size.
    thin
        Yield a snapshot every so many steps within a rung as well.
    after
        A snapshot of the same run to resume after, bit for bit; ``initial`` and
        ``entry_rung`` are then not used.

    Raises
    ------
    InputError
        An entry rung outside the ladder, numbers that do not match the chains, an infeasible
        start, or a number out of range.
    NonFiniteScoreError
        The predictor of a rung gives NaN or infinity.
    """
    check_run(ladder, initial, chains)
    if not 0 <= entry_rung < len(ladder):
        raise InputError(f"entry rung {entry_rung} is outside a ladder of {len(ladder)} rungs")
    if warm_up < 0 or (thin is not None and thin < 1):
        raise InputError(f"warm_up >= 0 and thin >= 1 are needed, not {warm_up} and {thin}")
    mover = Mover(kernel, seed, chains)
    if after is None:
        target = ladder[entry_rung].target
        state = kernel.init(target, initial)
        after = Snapshot(entry_rung, 0, state, _none(state), target.passes)
    now = after
    for index in range(now.rung, len(ladder)):
        rung = ladder[index]
        if index > now.rung:
            state, cost = moved(kernel, ladder[now.rung].target, rung.target, now.state)
            now = Snapshot(index, 0, state, _none(state), now.passes + cost)
        for snapshot in _finish_rung(mover, rung, now, warm_up):
            now = snapshot
            if now.step == warm_up + rung.steps or (thin is not None and now.step % thin == 0):
                yield now


def _finish_rung(mover: Mover, rung: Rung, now: Snapshot, warm_up: int) -> Iterator[Snapshot]:
    """Yield a snapshot after each of the steps that are left on a rung."""
    counted = max(0, now.step - warm_up)
    accepted = (now.acceptance * counted).round()
    cost = mover.kernel.passes_per_step(rung.target)
    stream = mover.steps(
        rung.target, now.state, now.rung, warm_up + rung.steps, warm_up=warm_up, start=now.step
    )
    for step, (state, took) in enumerate(stream, start=now.step + 1):
        if step > warm_up:
            accepted = accepted + took
        share = accepted / max(1, step - warm_up)
        now = Snapshot(now.rung, step, state, share, now.passes + cost)
        yield now


def _none(state: ChainState) -> Tensor:
    return state.value.new_zeros(len(state.designs))
