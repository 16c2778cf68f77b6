"""What drivers share: their result, checks of their inputs and runs of steps on one rung."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from designlib.randomness import uniform_steps
from designlib.sampling.diagnostics import effective_sample_size, r_hat
from designlib.sampling.kernels.base import ChainState, Kernel, StateT
from designlib.sampling.ladders.base import Rung
from designlib.sampling.targets import Target
from designlib.sampling.weights import Evidence
from designlib.spaces import Space
from designlib.types import Designs, InputError, Scores

StageT = TypeVar("StageT")
ChainsT = TypeVar("ChainsT", bound=ChainState)


@dataclass(frozen=True)
class Samples:
    """Designs at the end of a run, one per chain, with the diagnostics of the run."""

    space: Space
    """The space of the designs."""
    designs: Designs
    """Letter indices, shares or values, shape (designs, columns)."""
    scores: Scores
    """Scores by the last checkpoint, shape (designs,)."""
    acceptance: float
    """Share of the proposals accepted on the last rung."""
    passes: float
    """Forward and backward passes that each chain cost."""
    weights: Scores | None = None
    """Importance weights that sum to 1, shape (designs,); None where all designs count alike."""
    trace: Float[Tensor, "designs draws"] | None = None
    """Scores on the last rung after warm-up, shape (designs, draws); None without chains."""
    evidence: Evidence | None = None
    """Log Z of the last rung against the uniform density; None where it was not estimated."""
    swap_rates: Float[Tensor, "pairs"] | None = None
    """Accepted share of the swaps between neighbouring rungs, shape (rungs - 1,)."""
    round_trips: int | None = None
    """Trips from the first rung to the last and back, over all chains."""

    @property
    def decoded(self) -> list[str]:
        """The designs as text."""
        return self.space.decode(self.designs)

    @property
    def r_hat(self) -> float:
        """R-hat of the score on the last rung; InputError for fewer than 2 chains of 4 draws."""
        return float(r_hat(self._trace))

    @property
    def effective_samples(self) -> float:
        """Independent draws that the scores on the last rung are worth (bulk), over all chains."""
        return float(effective_sample_size(self._trace).bulk)

    @property
    def _trace(self) -> Float[Tensor, "designs draws"]:
        if self.trace is None:
            raise InputError(
                "weighted particles have neither an R-hat nor an effective sample size of chains; "
                "see `evidence`"
            )
        return self.trace


@runtime_checkable
class Driver(Protocol):
    """An algorithm with its settings; adding one is a class with this method."""

    def run(
        self,
        ladder: Sequence[Rung],
        kernel: Kernel,
        starts: Designs,
        seed: int,
        chains: Sequence[int],
    ) -> Samples:
        """Return the designs of numbered chains that take the ladder from ``starts``."""
        ...


def last_of(stages: Iterable[StageT]) -> StageT:
    """Return the last thing that a driver yields, with one of them in memory at a time.

    A ladder of ten thousand temperatures yields as many snapshots of all chains.

    Raises ValueError where nothing is yielded.

    >>> last_of(iter("abc"))
    'c'
    """
    kept = deque(stages, maxlen=1)
    if not kept:
        raise ValueError("the driver has yielded nothing")
    return kept.pop()


def last_with_trace(
    stages: Iterable[ChainsT], counts: Callable[[ChainsT], bool]
) -> tuple[ChainsT, Float[Tensor, "designs draws"] | None]:
    """Return the last snapshot, and the scores of all those that count, if there are any."""
    trace: list[Scores] = []

    def watched() -> Iterator[ChainsT]:
        for stage in stages:
            if counts(stage):
                trace.append(stage.value)
            yield stage

    end = last_of(watched())
    return end, torch.stack(trace, 1) if trace else None


@dataclass(frozen=True)
class Mover(Generic[StateT]):
    """A kernel with the random numbers of numbered chains.

    What a chain draws is a function of ``seed``, the rung, its number in ``chains`` and the step
    alone.
    """

    kernel: Kernel[StateT]
    seed: int
    chains: Sequence[int]

    def uniforms(
        self, target: Target, rung: int, steps: int, device: torch.device
    ) -> Iterator[Float[Tensor, "chains draws"]]:
        """Yield the random numbers of each step of a rung."""
        draws = self.kernel.draws_per_step(target.space)
        return uniform_steps(self.seed, rung, self.chains, steps, draws, device=device)

    def steps(
        self, target: Target, state: StateT, rung: int, steps: int, *, warm_up: int = 0
    ) -> Iterator[tuple[StateT, Tensor]]:
        """Yield the state after each step of a rung, and who accepted.

        The first ``warm_up`` of the steps tune the kernel; after them it is frozen.
        """
        for done, uniforms in enumerate(self.uniforms(target, rung, steps, state.designs.device)):
            state, info = self.kernel.step(target, state, uniforms)
            if done < warm_up:
                state = self.kernel.adapt(state, info)
            yield state, info.accepted

    def run(
        self, target: Target, state: StateT, rung: int, steps: int, *, warm_up: int = 0
    ) -> tuple[StateT, Scores]:
        """Return the state after ``warm_up`` and ``steps`` steps, and the share accepted after."""
        accepted = state.value.new_zeros(len(state.designs))
        stream = self.steps(target, state, rung, warm_up + steps, warm_up=warm_up)
        for done, (after, took) in enumerate(stream):
            state = after
            if done >= warm_up:
                accepted += took
        return state, accepted / max(1, steps)


def moved(
    kernel: Kernel[StateT], before: Target, after: Target, state: StateT
) -> tuple[StateT, float]:
    """Return the state of the same chains on another rung, and what that cost in passes.

    A change of beta alone costs nothing. Raises InputError where a design breaks a constraint that
    the next rung has and this has not.
    """
    if before.same_score(after):
        return state, 0.0
    if before.constraint is not after.constraint:
        after.check(state.designs)
    return kernel.retarget(after, state), after.passes


def check_run(ladder: Sequence[Rung], initial: Designs, chains: Sequence[int]) -> None:
    """Raise InputError for an empty ladder, no chains, or numbers that do not match them."""
    if not ladder:
        raise InputError("the ladder has no rung")
    if len(initial) == 0:
        raise InputError("there are no chains: at least one initial design is needed")
    if len(chains) != len(initial):
        raise InputError(f"{len(initial)} initial designs but {len(chains)} chain numbers")
    if len(set(chains)) != len(chains):
        raise InputError("two chains have the same number; they would draw the same numbers")
