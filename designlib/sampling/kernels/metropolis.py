"""Metropolis kernels of shares, quantities or levels, alone or as one subspace of a design."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from designlib.constraints import Constraint
from designlib.sampling.kernels.base import MetropolisKernel, MoveT, StateT, first_beyond
from designlib.sampling.targets import Evaluation, Target
from designlib.spaces import Space
from designlib.types import Designs, InputError, Points, Scores

TablesT = TypeVar("TablesT")

Choice: TypeAlias = Int[Tensor, "designs 1"]
"""Number of a move among all those of a space."""


class SubspaceKernel(MetropolisKernel[StateT, MoveT], Generic[StateT, MoveT, TablesT]):
    """A kernel for one space, which can also be a subspace of a larger design."""

    _last: tuple[Space, Constraint | None, TablesT] | None = None

    @abstractmethod
    def tables(self, space: Space, constraint: Constraint | None, /) -> TablesT:
        """Return what every step looks up, such as limits; InputError for an unsuitable space."""

    @abstractmethod
    def state_at(
        self, target: Target, designs: Designs, evaluation: Evaluation, tuning: Any, /
    ) -> StateT:
        """Return the state at ``designs`` from their evaluation.

        Uses no more of ``target`` than space, constraint and beta.
        """

    def evaluate(self, target: Target, designs: Designs, tuning: Any = None) -> StateT:
        """Return the state at ``designs``, in float64."""
        self.tables_of(target)
        designs = designs.double().contiguous()
        return self.state_at(target, designs, target.evaluate(designs), tuning)

    def tables_of(self, target: Target) -> TablesT:
        """Return the tables of a target, made anew when its space or constraint changes."""
        space, constraint = target.space, target.constraint
        if self._last is None or self._last[0] is not space or self._last[1] is not constraint:
            self._last = (space, constraint, self.tables(space, constraint))
        return self._last[2]

    @property
    def last_tables(self) -> TablesT:
        """The tables of the target that was evaluated last."""
        if self._last is None:
            raise InputError("the kernel has evaluated no designs yet")
        return self._last[2]


class ChoiceState(NamedTuple):
    """Chains with the moves that each may take; nothing is scaled by beta."""

    designs: Points
    """Current designs in float64, shape (designs, columns)."""
    value: Scores
    """The predictor's scores of them, shape (designs,)."""
    gain: Float[Tensor, "designs moves"]
    """Estimated gain of every move, shape (designs, moves)."""
    possible: Bool[Tensor, "designs moves"]
    """Which moves lead to a feasible design, shape (designs, moves); at least one."""
    log_weight: Float[Tensor, "designs moves"] | None = None
    """Logarithm of the part of the weight that does not depend on the score; None where it
    is the same for all designs.
    """


class ChoiceKernel(SubspaceKernel[ChoiceState, Choice, TablesT]):
    r"""Gibbs-with-Gradients that weighs every move of a space and takes one.

    A move has the probability :math:`q \propto w / (1 + \exp(-\beta d))` with d its estimated
    gain and w a weight of its own. Any constraint is kept inside the moves, so the density
    proportional to exp(beta f) on the feasible designs is kept exactly, while no infeasible one is
    ever proposed. Barker's balancing function :math:`t / (1 + t)` (Zanella, "Informed proposals for
    local MCMC in discrete spaces", JASA 2020) stands in place of the square root of Grathwohl et
    al. (ICML 2021): far moves, whose estimate is poor, are then not preferred without bound.
    """

    @abstractmethod
    def log_weight(self, target: Target, state: ChoiceState, /) -> Float[Tensor, "*designs moves"]:
        """Return the logarithm of w."""

    @abstractmethod
    def after(self, places: Tensor, moves: Int[Tensor, "designs"]) -> Points:
        """Return each design after a move, from its places on the grid."""

    def feasible(
        self,
        target: Target,
        places: Tensor,
        possible: Bool[Tensor, "designs moves"],
        staying: Choice,
    ) -> Bool[Tensor, "designs moves"]:
        """Return which of the possible moves leave a design feasible; only staying if none does."""
        if target.constraint is not None:
            row, move = possible.nonzero(as_tuple=True)
            satisfied = target.constraint.satisfied(self.after(places[row], move))
            possible = possible.index_put((row, move), satisfied)
        stuck = ~possible.any(1, keepdim=True)
        return possible.scatter(1, staying, possible.gather(1, staying) | stuck)

    def draws_per_step(self, _space: Space) -> int:
        """Return 2: one number chooses the move, one decides on it."""
        return 2

    def masks_all(self, _target: Target) -> bool:
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
