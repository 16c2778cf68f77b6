r"""Gibbs-with-Gradients on compositions of a grid: move some parts from one component to another.

A state has :math:`a_i` parts of component i, N in all. A move :math:`(i, j, k)` takes k parts from
i and gives them to j; it is possible where :math:`a_i \ge k` and the composition that it leads to
is feasible. With :math:`g = \partial f / \partial x` at the shares x = a / N, its gain is estimated
to first order as :math:`d_{ijk} = (g_j - g_i) \, k / N`, and it is proposed with probability

.. math:: q(i, j, k \mid a) \propto \frac{1}{k} \, \frac{1}{1 + \exp(-\beta d_{ijk})}

among the possible moves. It is accepted by Metropolis and Hastings with the reverse move
:math:`(j, i, k)`, whose probability is normalised over the moves possible there. So the density
proportional to exp(beta f) on the feasible compositions of the grid is kept exactly, while no
infeasible one is ever proposed.

The proposal is that of Grathwohl et al., "Oops I took a gradient", ICML 2021, with Barker's
balancing function :math:`t / (1 + t)` for the square root (Zanella, "Informed proposals for local
MCMC in discrete spaces", JASA 2020): far moves, whose estimate is poor, are then not preferred
without bound. The weight 1 / k is the same for a move and its reverse, and spreads the sizes
evenly over orders of magnitude.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from designlib.constraints import Constraint
from designlib.sampling.kernels.base import PartKernel, Tuning
from designlib.sampling.targets import Target
from designlib.spaces import SimplexSpace, Space
from designlib.types import Designs, DeviceTensors, Gradients, InputError, Points, Scores

__all__ = ["MOST_MOVES", "GridTransfer", "State"]

MOST_MOVES = 50_000
"""Most moves of a space, possible or not: components squared times parts."""

_STAYING = 1e18
"""Price of staying, in units of the log weight: it is proposed only where nothing else is."""


class State(NamedTuple):
    """Where the chains are, with what the next step needs; nothing is scaled by beta.

    Attributes
    ----------
    designs
        Current compositions in float64, shape (designs, components).
    value
        The predictor's scores of them, shape (designs,).
    gain
        Estimated gain of every move, shape (designs, moves).
    possible
        Which moves lead to a feasible composition, shape (designs, moves).
    """

    designs: Points
    value: Scores
    gain: Float[Tensor, "designs moves"]
    possible: Bool[Tensor, "designs moves"]


Move: TypeAlias = Int[Tensor, "designs 1"]
"""A transfer as (source * components + receiver) * parts + amount - 1; 0 stays."""


class _Moves(NamedTuple):
    """All moves of a space, in the order of their numbers."""

    source: Int[Tensor, "moves"]
    receiver: Int[Tensor, "moves"]
    amount: Int[Tensor, "moves"]
    change: Int[Tensor, "moves components"]
    """Parts that each component gains."""
    log_weight: Float[Tensor, "moves"]
    """Logarithm of the part of the weight that does not depend on the score."""


class GridTransfer(PartKernel[State, Move]):
    """Gibbs-with-Gradients that transfers parts between components of a `SimplexSpace` grid.

    Any constraint on compositions is kept inside the moves. With a target that is not
    differentiable it is a random walk over the possible moves, short ones preferred.

    Raises
    ------
    InputError
        Later, for a target: a space without a grid, or one of more than MOST_MOVES moves.
    """

    def __init__(self) -> None:
        self._last: tuple[SimplexSpace, DeviceTensors] | None = None

    def draws_per_step(self, space: Space) -> int:  # noqa: ARG002 - the interface has it
        """Return 2: one number chooses the move, one decides on it."""
        return 2

    def masks_all(self, target: Target) -> bool:  # noqa: ARG002 - true of every constraint
        """Return True: every composition that a move leads to is checked beforehand."""
        return True

    def evaluate(self, target: Target, designs: Designs, tuning: Tuning | None = None) -> State:  # noqa: ARG002 - there is nothing to tune
        """Return the state at ``designs``, which must be feasible."""
        _grid_space(target)
        value, gradient, _ = target.evaluate(designs)
        return self.state_at(target, designs, value, gradient)

    def state_at(
        self,
        target: Target,
        designs: Designs,
        value: Scores,
        gradient: Gradients,
        tuning: Tuning | None = None,  # noqa: ARG002 - there is nothing to tune
    ) -> State:
        """Return the state at ``designs``, of which score and gradient are known."""
        space = _grid_space(target)
        moves = self._moves(space, designs.device)
        slope = gradient[:, moves.receiver] - gradient[:, moves.source]
        gain = slope * (moves.amount / (space.parts or 1)).to(slope)
        amounts = space.amounts(designs)
        possible = _possible(space, target.constraint, amounts, moves)
        return State(designs.double(), value, gain, possible)

    def draw(
        self, target: Target, state: State, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[Move, Scores]:
        """Return a move for each chain and its log probability.

        The move is the first whose cumulative probability exceeds uniform * total, so one of
        probability 0 is never drawn.
        """
        log_probability = self._log_probabilities(target, state)
        cumulative = log_probability.exp().cumsum(1, dtype=torch.float64)
        wanted = uniforms[:, :1] * cumulative[:, -1:]
        index = torch.searchsorted(cumulative, wanted, right=True)
        return index, log_probability.gather(1, index).squeeze(1)

    def move(self, state: State, move: Move) -> tuple[Points, Move]:
        """Return the compositions after the moves, and the moves that lead back."""
        assert self._last is not None  # noqa: S101 - no state without an evaluation
        space = self._last[0]
        moves = self._moves(space, state.designs.device)
        chosen = move.squeeze(1)
        after = (space.amounts(state.designs) + moves.change[chosen]).double() / (space.parts or 1)
        back = (moves.receiver * space.columns + moves.source)[chosen] * (space.parts or 1)
        back = back + moves.amount[chosen] - 1
        return after, back.unsqueeze(1)

    def log_probability(self, target: Target, state: State, move: Move) -> Scores:
        """Return the log probability of proposing the moves at ``state``."""
        return self._log_probabilities(target, state).gather(1, move).squeeze(1)

    def _log_probabilities(self, target: Target, state: State) -> Float[Tensor, "designs moves"]:
        moves = self._moves(_grid_space(target), state.designs.device)
        log_weight = torch.nn.functional.logsigmoid(target.beta * state.gain)
        log_weight = (log_weight + moves.log_weight.to(log_weight)).where(
            state.possible, -torch.inf
        )
        return log_weight.log_softmax(1)

    def _moves(self, space: SimplexSpace, device: torch.device) -> _Moves:
        """Return all moves of a space, worked out when the space changes."""
        if self._last is None or self._last[0] != space:
            self._last = (space, DeviceTensors(*_all_moves(space)))
        return _Moves(*self._last[1].on(device))


def _all_moves(space: SimplexSpace) -> _Moves:
    n, parts = space.columns, space.parts or 1
    number = torch.arange(n * n * parts)
    source, receiver, amount = number // parts // n, number // parts % n, number % parts + 1
    unit = torch.eye(n, dtype=torch.int64)
    change = (unit[receiver] - unit[source]) * amount[:, None]
    log_weight = -amount.double().log()
    log_weight[0] = -_STAYING
    return _Moves(source, receiver, amount, change, log_weight)


def _possible(
    space: SimplexSpace,
    constraint: Constraint | None,
    amounts: Int[Tensor, "designs components"],
    moves: _Moves,
) -> Bool[Tensor, "designs moves"]:
    """Return which moves have enough to give and lead to a feasible composition."""
    possible = (amounts[:, moves.source] >= moves.amount) & (moves.source != moves.receiver)
    if constraint is not None:
        row, move = possible.nonzero(as_tuple=True)
        after = (amounts[row] + moves.change[move]).double() / (space.parts or 1)
        possible[row, move] = constraint.satisfied(after)
    possible[:, 0] = True
    return possible


def _grid_space(target: Target) -> SimplexSpace:
    space = target.space
    if not isinstance(space, SimplexSpace) or space.parts is None:
        given = type(space).__name__
        if isinstance(space, SimplexSpace):
            given += " without one"
        raise InputError(
            "this kernel moves parts between the components of a SimplexSpace with a grid, and the "
            f"target is on a {given}"
        )
    moves = space.columns**2 * space.parts
    if moves > MOST_MOVES:
        raise InputError(
            f"{space.columns} components in {space.parts} parts have {moves:,} transfers; at most "
            f"{MOST_MOVES:,} can be weighed in every step. Take a coarser step, fewer components, "
            "or continuous moves that are rounded to the step"
        )
    return space
