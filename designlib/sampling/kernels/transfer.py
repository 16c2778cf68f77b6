r"""Gibbs-with-Gradients on compositions of a grid: move steps from one component to another.

A state has :math:`a_i` steps of component i, N in all. A move :math:`(i, j, k)` gives k of them
from i to j; it is possible where :math:`a_i \ge k` and the composition that it leads to
is feasible. With :math:`g = \partial f / \partial x` at the shares x = a / N, its gain is estimated
to first order as :math:`d_{ijk} = (g_j - g_i) \, k / N`, and it is proposed with probability

.. math:: q(i, j, k \mid a) \propto \frac{1}{k} \, \frac{1}{1 + \exp(-\beta d_{ijk})}

among the possible moves. It is accepted by Metropolis and Hastings with the reverse move
:math:`(j, i, k)`, whose probability is normalised over the moves possible there.

The weight 1 / k is the same for a move and its reverse, and spreads the sizes evenly over orders of
magnitude; the rest is that of `ChoiceKernel`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from designlib.constraints import Constraint
from designlib.sampling.kernels.base import require_space
from designlib.sampling.kernels.metropolis import Choice, ChoiceKernel, ChoiceState
from designlib.sampling.targets import Evaluation, Target
from designlib.spaces import SimplexSpace, Space
from designlib.types import Designs, DeviceTensors, InputError, Points

MOST_MOVES = 50_000
"""Most moves of a space, possible or not: components squared times steps of the grid."""


class _Moves(NamedTuple):
    """All moves of a space: (source * components + receiver) * steps + amount - 1; 0 stays."""

    source: Int[Tensor, "moves"]
    receiver: Int[Tensor, "moves"]
    amount: Int[Tensor, "moves"]
    change: Int[Tensor, "moves components"]
    """Steps that each component gains."""
    log_weight: Float[Tensor, "moves"]
    """Logarithm of the part of the weight that does not depend on the score."""


class _Grid(NamedTuple):
    """A space with its moves."""

    space: SimplexSpace
    steps: int
    tensors: DeviceTensors

    def moves(self, device: torch.device) -> _Moves:
        """Return the moves on a device."""
        return _Moves(*self.tensors.on(device))


class GridTransfer(ChoiceKernel[_Grid]):
    """Gibbs-with-Gradients that transfers steps between components of a `SimplexSpace` grid.

    Any constraint on compositions is kept inside the moves. With a target that is not
    differentiable it is a random walk over the possible moves, short ones preferred.

    Raises InputError for a target on a space without a grid, or of more than MOST_MOVES moves.
    """

    def tables(self, space: Space, _constraint: Constraint | None) -> _Grid:
        """Return the space with its moves."""
        grid, steps = _grid_space(space)
        return _Grid(grid, steps, DeviceTensors(*_all_moves(grid.columns, steps)))

    def state_at(
        self, target: Target, designs: Designs, evaluation: Evaluation, _tuning: Any
    ) -> ChoiceState:
        """Return the state at ``designs`` from their evaluation."""
        value, gradient, _ = evaluation
        space, steps, _ = self.tables_of(target)
        moves = self.tables_of(target).moves(designs.device)
        slope = gradient[:, moves.receiver] - gradient[:, moves.source]
        gain = slope * (moves.amount / steps).to(slope)
        amounts = space.amounts(designs)
        enough = (amounts[:, moves.source] >= moves.amount) & (moves.source != moves.receiver)
        staying = torch.zeros(len(designs), 1, dtype=torch.int64, device=designs.device)
        possible = self.feasible(target, amounts, enough, staying)
        return ChoiceState(designs.double(), value, gain, possible)

    def log_weight(self, target: Target, state: ChoiceState) -> Float[Tensor, "moves"]:
        """Return -log of the number of steps that each move takes."""
        return self.tables_of(target).moves(state.designs.device).log_weight

    def after(self, places: Tensor, moves: Int[Tensor, "designs"]) -> Points:
        """Return the compositions after the moves, from their shares in steps."""
        change = self.last_tables.moves(places.device).change[moves]
        return (places + change).double() / self.last_tables.steps

    def move(self, state: ChoiceState, move: Choice) -> tuple[Points, Choice]:
        """Return the compositions after the moves, and the moves that lead back."""
        space, steps, _ = self.last_tables
        moves, chosen = self.last_tables.moves(state.designs.device), move.squeeze(1)
        back = (moves.receiver * space.columns + moves.source)[chosen] * steps
        back = back + moves.amount[chosen] - 1
        return self.after(space.amounts(state.designs), chosen), back.unsqueeze(1)


def _all_moves(n: int, steps: int) -> _Moves:
    number = torch.arange(n * n * steps)
    source, receiver, amount = number // steps // n, number // steps % n, number % steps + 1
    unit = torch.eye(n, dtype=torch.int64)
    change = (unit[receiver] - unit[source]) * amount[:, None]
    return _Moves(source, receiver, amount, change, -amount.double().log())


def _grid_space(space: Space) -> tuple[SimplexSpace, int]:
    space = require_space(space, SimplexSpace, "moves steps between the components")
    if space.grid_steps is None:
        raise InputError("this kernel moves steps of a grid, and the SimplexSpace has none")
    moves = space.columns**2 * space.grid_steps
    if moves > MOST_MOVES:
        raise InputError(
            f"{space.columns} components in {space.grid_steps} steps have {moves:,} transfers; at "
            f"most {MOST_MOVES:,} can be weighed in every step. Take a coarser step, fewer "
            "components, or continuous moves that are rounded to the step"
        )
    return space, space.grid_steps
