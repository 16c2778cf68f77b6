"""What a Markov kernel is."""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

from jaxtyping import Bool, Float
from torch import Tensor

from designlib.targets import Target
from designlib.types import Letters, Scores

__all__ = ["ChainState", "Info", "Kernel"]


@runtime_checkable
class ChainState(Protocol):
    """What every kernel's state has; a kernel may keep more."""

    @property
    def letters(self) -> Letters:
        """The designs that the chains are at."""
        ...

    @property
    def value(self) -> Scores:
        """The predictor's scores of them, not scaled by beta."""
        ...


class Info(NamedTuple):
    """What happened in one step.

    Attributes
    ----------
    accepted
        Whose proposal was accepted, shape (designs,). A chain that has no allowed
        move proposes its own design, and accepts it.
    log_acceptance
        Logarithm of the Metropolis-Hastings ratio, shape (designs,); NaN where the
        predictor failed on a device that is not waited for (see `Target.evaluate`).
    """

    accepted: Bool[Tensor, "designs"]
    log_acceptance: Scores


StateT = TypeVar("StateT", bound=ChainState)


@runtime_checkable
class Kernel(Protocol[StateT]):
    """A Markov kernel that leaves a target's density invariant, for many chains at once.

    Attributes
    ----------
    draws_per_step
        Uniform numbers that one step of one chain uses.
    """

    @property
    def draws_per_step(self) -> int:
        """Uniform numbers that one step of one chain uses."""
        ...

    def init(self, target: Target, letters: Letters) -> StateT:
        """Return the state of chains at ``letters``; costs one forward and one backward pass.

        To be called at the start and whenever the predictor or the constraint
        changes. A change of beta alone needs no new state.

        Raises InputError when a design breaks the target's constraint.
        """
        ...

    def step(
        self, target: Target, state: StateT, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[StateT, Info]:
        """Return the state after one transition; costs one forward and one backward pass."""
        ...
