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


class Snapshot(NamedTuple):
    """All chains at one moment of their run."""

    rung: int
    """Index of the rung that the chains are on."""
    step: int
    """Kernel steps done on it, warm-up included."""
    state: ChainState
    """The kernel's state."""
    acceptance: Float[Tensor, "designs"]
    """Share of each chain's proposals accepted on this rung after its warm-up, shape (designs,)."""
    passes: float
    """Forward and backward passes that each chain has cost so far."""

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
    """Settings of annealing: a search, whose end states are no exact draws."""

    warm_up: int = 0
    """Steps on each rung, before the rung's own, that tune a kernel with a step size."""

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
    state, before, passes = kernel.init(ladder[entry_rung].target, initial), None, 0.0
    for index in range(entry_rung, len(ladder)):
        target, steps, _ = ladder[index]
        state, cost = (
            (state, target.passes) if before is None else moved(kernel, before, target, state)
        )
        passes, before = passes + cost, target
        accepted = state.value.new_zeros(len(state.designs))
        stream = mover.steps(target, state, index, warm_up + steps, warm_up=warm_up)
        for step, (after, took) in enumerate(stream, start=1):
            state, passes = after, passes + kernel.passes_per_step(target)
            if step > warm_up:
                accepted = accepted + took
            if step == warm_up + steps or (thin is not None and step % thin == 0):
                yield Snapshot(index, step, state, accepted / max(1, step - warm_up), passes)
