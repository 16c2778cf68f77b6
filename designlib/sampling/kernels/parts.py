"""The frame of kernels that move shares, quantities or levels, alone or as part of a design."""

from __future__ import annotations

from abc import abstractmethod
from typing import Generic, NamedTuple, TypeAlias, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from designlib.constraints import Constraint
from designlib.sampling.kernels.base import (
    MetropolisKernel,
    MoveT,
    StateT,
    Tuning,
    first_beyond,
)
from designlib.sampling.targets import Target
from designlib.spaces import Space
from designlib.types import Designs, Gradients, Points, Scores

__all__ = ["Choice", "ChoiceKernel", "ChoiceState", "PartKernel"]

TablesT = TypeVar("TablesT")

Choice: TypeAlias = Int[Tensor, "designs 1"]
"""Number of a move among all those of a space."""


class PartKernel(MetropolisKernel[StateT, MoveT], Generic[StateT, MoveT, TablesT]):
    """A kernel for one space that can also move one part of a larger design."""

    _last: tuple[Space, Constraint | None, TablesT] | None = None

    @abstractmethod
    def tables(self, space: Space, constraint: Constraint | None) -> TablesT:
        """Return what every step looks up, such as limits; InputError for an unsuitable space."""

    @abstractmethod
    def state_at(
        self,
        target: Target,
        designs: Designs,
        value: Scores,
        gradient: Gradients,
        tuning: Tuning | None = None,
    ) -> StateT:
        """Return the state at ``designs`` of known score and gradient.

        Uses no more of ``target`` than space, constraint and beta.
        """

    def evaluate(self, target: Target, designs: Designs, tuning: Tuning | None = None) -> StateT:
        """Return the state at ``designs``, in float64."""
        self.tables_of(target)
        designs = designs.double().contiguous()
        value, gradient, _ = target.evaluate(designs)
        return self.state_at(target, designs, value, gradient, tuning)

    def tables_of(self, target: Target) -> TablesT:
        """Return the tables of a target, made anew when its space or constraint changes."""
        space, constraint = target.space, target.constraint
        if self._last is None or self._last[0] is not space or self._last[1] is not constraint:
            self._last = (space, constraint, self.tables(space, constraint))
        return self._last[2]

    @property
    def last_tables(self) -> TablesT:
        """The tables of the target that was evaluated last."""
        assert self._last is not None  # noqa: S101 - no state without an evaluation
        return self._last[2]


class ChoiceState(NamedTuple):
    """Where the chains are, with what the next step needs; nothing is scaled by beta.

    Attributes
    ----------
    designs
        Current designs in float64, shape (designs, columns).
    value
        The predictor's scores of them, shape (designs,).
    gain
        Estimated gain of every move, shape (designs, moves).
    possible
        Which moves lead to a feasible design, shape (designs, moves); at least one.
    log_weight
        Logarithm of the part of the weight that does not depend on the score; None where it
        is the same for all designs.
    """

    designs: Points
    value: Scores
    gain: Float[Tensor, "designs moves"]
    possible: Bool[Tensor, "designs moves"]
    log_weight: Float[Tensor, "designs moves"] | None = None


class ChoiceKernel(PartKernel[ChoiceState, Choice, TablesT]):
    r"""Gibbs-with-Gradients that weighs every move of a space and takes one.

    A move has the probability :math:`q \propto w / (1 + \exp(-\beta d))` with d its estimated
    gain (Grathwohl et al. 2021, with Barker's balancing function) and w a weight of its own.
    Any constraint is kept inside the moves.
    """

    @abstractmethod
    def log_weight(self, target: Target, state: ChoiceState) -> Float[Tensor, "*designs moves"]:
        """Return the logarithm of w."""

    def draws_per_step(self, space: Space) -> int:  # noqa: ARG002 - the interface has it
        """Return 2: one number chooses the move, one decides on it."""
        return 2

    def masks_all(self, target: Target) -> bool:  # noqa: ARG002 - true of every constraint
        """Return True: every design that a move leads to is checked beforehand."""
        return True

    def draw(
        self, target: Target, state: ChoiceState, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[Choice, Scores]:
        """Return a move for each chain and its log probability."""
        log_probability = self._log_probabilities(target, state)
        index = first_beyond(log_probability.exp(), uniforms[:, :1])
        return index, log_probability.gather(1, index).squeeze(1)

    def log_probability(self, target: Target, state: ChoiceState, move: Choice) -> Scores:
        """Return the log probability of proposing the moves at ``state``."""
        return self._log_probabilities(target, state).gather(1, move).squeeze(1)

    def _log_probabilities(
        self, target: Target, state: ChoiceState
    ) -> Float[Tensor, "designs moves"]:
        log_weight = torch.nn.functional.logsigmoid(target.beta * state.gain)
        log_weight = log_weight + self.log_weight(target, state).to(log_weight)
        return log_weight.where(state.possible, -torch.inf).log_softmax(1)
