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

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from designlib.constraints import Constraint
from designlib.sampling.kernels.base import Tuning
from designlib.sampling.kernels.parts import Choice, ChoiceKernel, ChoiceState
from designlib.sampling.targets import Target
from designlib.spaces import SimplexSpace, Space
from designlib.types import Designs, DeviceTensors, Gradients, InputError, Points, Scores

__all__ = ["MOST_MOVES", "GridTransfer"]

MOST_MOVES = 50_000
"""Most moves of a space, possible or not: components squared times parts."""

_STAYING = 1e18
"""Price of staying, in units of the log weight: it is proposed only where nothing else is."""


class _Moves(NamedTuple):
    """All moves of a space: (source * components + receiver) * parts + amount - 1; 0 stays."""

    source: Int[Tensor, "moves"]
    receiver: Int[Tensor, "moves"]
    amount: Int[Tensor, "moves"]
    change: Int[Tensor, "moves components"]
    """Parts that each component gains."""
    log_weight: Float[Tensor, "moves"]
    """Logarithm of the part of the weight that does not depend on the score."""


class _Grid(NamedTuple):
    """A space with its moves."""

    space: SimplexSpace
    tensors: DeviceTensors

    def moves(self, device: torch.device) -> _Moves:
        """Return the moves on a device."""
        return _Moves(*self.tensors.on(device))


class GridTransfer(ChoiceKernel[_Grid]):
    """Gibbs-with-Gradients that transfers parts between components of a `SimplexSpace` grid.

    Any constraint on compositions is kept inside the moves. With a target that is not
    differentiable it is a random walk over the possible moves, short ones preferred.

    Raises
    ------
    InputError
        Later, for a target: a space without a grid, or one of more than MOST_MOVES moves.
    """

    def tables(self, space: Space, constraint: Constraint | None) -> _Grid:
        """Return the space with its moves."""
        del constraint
        grid = _grid_space(space)
        return _Grid(grid, DeviceTensors(*_all_moves(grid)))

    def state_at(
        self,
        target: Target,
        designs: Designs,
        value: Scores,
        gradient: Gradients,
        tuning: Tuning | None = None,  # noqa: ARG002 - there is nothing to tune
    ) -> ChoiceState:
        """Return the state at ``designs`` of known score and gradient."""
        space, moves = self.tables_of(target).space, self.tables_of(target).moves(designs.device)
        slope = gradient[:, moves.receiver] - gradient[:, moves.source]
        gain = slope * (moves.amount / (space.parts or 1)).to(slope)
        amounts = space.amounts(designs)
        possible = _possible(space, target.constraint, amounts, moves)
        return ChoiceState(designs.double(), value, gain, possible)

    def log_weight(self, target: Target, state: ChoiceState) -> Float[Tensor, "moves"]:
        """Return -log of the number of parts that each move takes."""
        return self.tables_of(target).moves(state.designs.device).log_weight

    def move(self, state: ChoiceState, move: Choice) -> tuple[Points, Choice]:
        """Return the compositions after the moves, and the moves that lead back."""
        space, moves = self.last_tables.space, self.last_tables.moves(state.designs.device)
        chosen = move.squeeze(1)
        after = (space.amounts(state.designs) + moves.change[chosen]).double() / (space.parts or 1)
        back = (moves.receiver * space.columns + moves.source)[chosen] * (space.parts or 1)
        back = back + moves.amount[chosen] - 1
        return after, back.unsqueeze(1)


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


def _grid_space(space: Space) -> SimplexSpace:
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
