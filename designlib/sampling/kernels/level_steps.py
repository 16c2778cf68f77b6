r"""Gibbs-with-Gradients on levels: set one variable to another of its values.

A move (v, j) sets variable v from its level i to level j; it is possible where the design that it
leads to is feasible. With :math:`r_{vj}` the input of a predictor that stands for the level - a
number of an ordered variable, a one-hot row of a category - and g the gradient by that input, its
gain is estimated to first order as :math:`d_{vj} = (r_{vj} - r_{vi}) \cdot g_v`, and it is proposed
with probability

.. math:: q(v, j \mid x) \propto w_v(i, j) \, \frac{1}{1 + \exp(-\beta d_{vj})}

among the possible moves. Categories have :math:`w_v = 1 / (L_v - 1)`, and the :math:`L_v` levels of
an ordered variable :math:`w_v = 1 / (|i - j| \, H_v)` with :math:`H_v = 1 + 1/2 + \dots +
1/(L_v - 1)`: sizes of steps are spread evenly over orders of magnitude, and every variable weighs
about alike. The move is accepted by Metropolis and Hastings with the reverse one, (v, i), which has
the same w; the rest is that of `ChoiceKernel`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from designlib.constraints import Constraint
from designlib.sampling.kernels.base import require_space
from designlib.sampling.kernels.metropolis import Choice, ChoiceKernel, ChoiceState
from designlib.sampling.targets import Evaluation, Target
from designlib.spaces import LevelSpace, Space
from designlib.types import Designs, DeviceTensors, Points


class _Numbers(NamedTuple):
    """All levels of a space, in the order of their numbers."""

    variable: Int[Tensor, "levels"]
    place: Int[Tensor, "levels"]
    ordered: Bool[Tensor, "levels"]
    log_total: Float[Tensor, "levels"]
    """Logarithm of what the weights of the variable sum to before they are divided by it."""
    first: Int[Tensor, "variables"]
    inputs: Float[Tensor, "levels inputs"]


class LevelSteps(ChoiceKernel[DeviceTensors]):
    """Gibbs-with-Gradients on a `LevelSpace`, one variable at a time.

    Any constraint is kept inside the moves. With a target that is not differentiable it is a
    random walk over the possible moves, short ones of ordered variables preferred.
    """

    def tables(self, space: Space, _constraint: Constraint | None) -> DeviceTensors:
        """Return all levels of the space."""
        return DeviceTensors(*_all_levels(require_space(space, LevelSpace, "sets the variables")))

    def state_at(
        self, target: Target, designs: Designs, evaluation: Evaluation, _tuning: Any
    ) -> ChoiceState:
        """Return the state at ``designs`` from their evaluation."""
        value, gradient, _ = evaluation
        numbers = _Numbers(*self.tables_of(target).on(designs.device))
        designs = designs.double()
        own = designs.long() + numbers.first
        # The inputs of a level are 0 outside its variable, so one product serves all variables.
        level = gradient.double() @ numbers.inputs.T
        gain = level - level.gather(1, own)[:, numbers.variable]
        away = (numbers.place - designs[:, numbers.variable]).abs()
        size = torch.where(numbers.ordered, away.clamp(min=1), 1.0)
        # Staying is setting the first variable to the level that it has.
        possible = self.feasible(target, designs, away > 0, designs[:, :1].long())
        return ChoiceState(designs, value, gain, possible, -size.log() - numbers.log_total)

    def log_weight(self, _target: Target, state: ChoiceState) -> Float[Tensor, "designs levels"]:
        """Return -log of the distance to each level of an ordered variable, normalised."""
        return torch.zeros_like(state.gain) if state.log_weight is None else state.log_weight

    def after(self, places: Tensor, moves: Int[Tensor, "designs"]) -> Points:
        """Return the designs after the moves."""
        numbers = _Numbers(*self.last_tables.on(places.device))
        place = numbers.place[moves, None].double()
        return places.scatter(1, numbers.variable[moves, None], place)

    def move(self, state: ChoiceState, move: Choice) -> tuple[Points, Choice]:
        """Return the designs after the moves, and the moves that lead back."""
        numbers = _Numbers(*self.last_tables.on(state.designs.device))
        variable = numbers.variable[move]
        back = numbers.first[variable] + state.designs.gather(1, variable).long()
        return self.after(state.designs, move.squeeze(1)), back


def _all_levels(space: LevelSpace) -> _Numbers:
    counts, first, inputs = space.tables(torch.device("cpu"))
    variable = torch.arange(space.columns).repeat_interleave(counts)
    place = torch.arange(len(variable)) - first[variable]
    ordered = torch.tensor([bool(levels.numbers) for levels in space.variables])
    total = [
        sum(1 / k for k in range(1, len(v.labels))) if v.numbers else len(v.labels) - 1
        for v in space.variables
    ]
    log_total = torch.tensor(total, dtype=torch.float64).log()
    return _Numbers(variable, place, ordered[variable], log_total[variable], first, inputs)
