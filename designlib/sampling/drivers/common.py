"""What drivers share: checks of their inputs and runs of steps on one rung."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from designlib.randomness import uniform_steps
from designlib.sampling.kernels.base import Kernel, StateT
from designlib.sampling.ladders.base import Rung
from designlib.sampling.targets import Target
from designlib.types import Designs, InputError, Scores

__all__ = ["Mover", "check_walk", "last_of", "last_with_trace", "moved"]

StageT = TypeVar("StageT")
ValuedT = TypeVar("ValuedT", bound="Valued")


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


@runtime_checkable
class Valued(Protocol):
    """A snapshot with the scores of its chains."""

    @property
    def value(self) -> Scores:
        """Scores, shape (designs,)."""
        ...


def last_with_trace(
    stages: Iterable[ValuedT], counts: Callable[[ValuedT], bool]
) -> tuple[ValuedT, Float[Tensor, "designs draws"] | None]:
    """Return the last snapshot, and the scores of all those that count, if there are any."""
    trace: list[Scores] = []

    def watched() -> Iterator[ValuedT]:
        for stage in stages:
            if counts(stage):
                trace.append(stage.value)
            yield stage

    end = last_of(watched())
    return end, torch.stack(trace, 1) if trace else None


@dataclass(frozen=True)
class Mover(Generic[StateT]):
    """A kernel with the random numbers of numbered chains.

    Attributes
    ----------
    kernel
        The kernel.
    seed
        Seed of all draws.
    chains
        Numbers of the chains: what a chain draws is a function of (seed, rung, its number,
        step) alone.
    """

    kernel: Kernel[StateT]
    seed: int
    chains: Sequence[int]

    def steps(
        self,
        target: Target,
        state: StateT,
        rung: int,
        steps: int,
        *,
        warm_up: int = 0,
        start: int = 0,
    ) -> Iterator[tuple[StateT, Tensor]]:
        """Yield the state after each step of a rung from ``start`` on, and who accepted.

        The first ``warm_up`` of the steps tune the kernel; after them it is frozen.
        """
        draws = self.kernel.draws_per_step(target.space)
        device = state.designs.device
        stream = uniform_steps(
            self.seed, rung, self.chains, steps, draws, device=device, start=start
        )
        for done, uniforms in enumerate(stream, start=start):
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

    def cost(self, target: Target, steps: int) -> float:
        """Return what so many steps cost one chain, in forward and backward passes."""
        return steps * self.kernel.passes_per_step(target)


def moved(
    kernel: Kernel[StateT], before: Target, after: Target, state: StateT
) -> tuple[StateT, float]:
    """Return the state of the same chains on another rung, and what that cost in passes.

    Where only beta has changed, what is known of the designs still holds and nothing is spent.
    Raises InputError where a design breaks a constraint that the next rung has and this has not.
    """
    if before.same_score(after):
        return state, 0.0
    if before.constraint is not after.constraint:
        after.check(state.designs)
    return kernel.retarget(after, state), after.passes


def check_walk(ladder: Sequence[Rung], initial: Designs, chains: Sequence[int]) -> None:
    """Raise InputError for an empty ladder, no chains, or numbers that do not match them."""
    if not ladder:
        raise InputError("the ladder has no rung")
    if len(initial) == 0:
        raise InputError("there are no chains: at least one initial design is needed")
    if len(chains) != len(initial):
        raise InputError(f"{len(initial)} initial designs but {len(chains)} chain numbers")
    if len(set(chains)) != len(chains):
        raise InputError("two chains have the same number; they would take the same walk")
