r"""Mixed designs: each step moves one subspace, chosen at random, by a kernel of its own.

A design is :math:`x = (x_1, \dots, x_P)`: a composition, quantities, levels. A step chooses a
subspace p, each with probability 1 / P, and draws a new :math:`y_p` from the proposal
:math:`q_p(\cdot \mid x)` of that subspace's kernel, which has the gradient by its own inputs and
leaves the others as they are. The move is accepted with probability

.. math::
    \min\{1, \exp(\beta f(y) - \beta f(x)) \, \frac{q_p(x_p \mid y)}{q_p(y_p \mid x)}\},

in which 1 / P is the same on the way back and drops out. Each such move leaves the density
proportional to exp(beta f) invariant with the others fixed, and so does their mixture (Tierney,
"Markov chains for exploring posterior distributions", Annals of Statistics 1994). The predictor is
evaluated once per step, whichever subspace moves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from designlib.constraints import AllOf, Constraint, OnPart, members_of, of_part
from designlib.sampling.kernels.base import Info, MetropolisKernel, Tuning, require_space, tuned
from designlib.sampling.kernels.gibbs_with_gradients import GibbsWithGradients
from designlib.sampling.kernels.level_steps import LevelSteps
from designlib.sampling.kernels.mala import Mala
from designlib.sampling.kernels.metropolis import SubspaceKernel
from designlib.sampling.kernels.simplex_langevin import SimplexLangevin
from designlib.sampling.kernels.transfer import GridTransfer
from designlib.sampling.targets import Evaluation, Target
from designlib.spaces import (
    BoxSpace,
    LevelSpace,
    MixedSpace,
    SequenceSpace,
    SimplexSpace,
    Space,
)
from designlib.types import Designs, InputError, Points, Scores


class State(NamedTuple):
    """Chains with the state of each subspace; nothing is scaled by beta."""

    designs: Points
    """Current designs in float64, shape (designs, columns)."""
    value: Scores
    """The predictor's scores of them, shape (designs,)."""
    parts: tuple[Any, ...]
    """State of each subspace's own kernel."""
    chosen: Int[Tensor, "designs"]
    """Which subspace the last step moved, shape (designs,); 0 before the first."""

    @property
    def tuning(self) -> tuple[Tuning | None, ...]:
        """What each subspace's kernel has learnt; None where it has nothing to learn."""
        return tuple(getattr(part, "tuning", None) for part in self.parts)


class Move(NamedTuple):
    """Which subspace moves, and the move of each one if it is chosen."""

    part: Int[Tensor, "designs"]
    """Number of the subspace that moves, shape (designs,)."""
    moves: tuple[Any, ...]
    """A move of each subspace's kernel."""


class _Subspace(NamedTuple):
    """A subspace with its kernel and its own constraint."""

    space: Space
    columns: slice
    inputs: slice
    kernel: SubspaceKernel[Any, Any, Any]
    constraint: AllOf | None

    def on(self, target: Target) -> Target:
        """Return the target that the subspace's kernel proposes for; it is never evaluated."""
        return Target(target.predict, self.space, self.constraint, target.beta, target.label)


class MixedKernel(SubspaceKernel[State, Move, list[_Subspace]]):
    """A kernel for each subspace of a `MixedSpace`, of which each step of a chain takes one.

    Compositions on a grid are moved by `GridTransfer`, others by `SimplexLangevin`,
    quantities without a step by `Mala`, levels by `LevelSteps`. Each keeps to the constraints of
    its subspace as it does alone; what a constraint on whole designs forbids is rejected.

    Raises InputError for a target on another space than a `MixedSpace`, or that a subspace's kernel
    rejects.
    """

    tunes = True

    def tables(self, space: Space, constraint: Constraint | None) -> list[_Subspace]:
        """Return the subspaces with their kernels."""
        space = require_space(space, MixedSpace, "moves the subspaces")
        return [
            _Subspace(*part, _subspace_kernel(part.space), of_part(constraint, space, number))
            for number, part in enumerate(space.subspaces)
        ]

    def draws_per_step(self, space: Space) -> int:
        """Return how many numbers choose a subspace, serve every kernel, and decide."""
        spaces = [
            p.space for p in require_space(space, MixedSpace, "moves the subspaces").subspaces
        ]
        return 2 + sum(_subspace_kernel(part).draws_per_step(part) for part in spaces)

    def masks_all(self, target: Target) -> bool:
        """Return whether every constraint is one of a subspace whose kernel keeps to it."""
        members = members_of(target.constraint)
        if not all(isinstance(member, OnPart) for member in members):
            return False
        return all(own.kernel.masks_all(own.on(target)) for own in self.tables_of(target))

    def first_tuning(self, target: Target, designs: Designs) -> Any:
        """Return the first tuning of each subspace's kernel."""
        return tuple(own.kernel.first_tuning(target, designs) for own in self.tables_of(target))

    def state_at(
        self, target: Target, designs: Designs, evaluation: Evaluation, tuning: Any
    ) -> State:
        """Return the state at ``designs``; ``tuning`` is a tuple of that of each subspace."""
        value, gradient, inputs = evaluation
        states = []
        for number, own in enumerate(self.tables_of(target)):
            partial = Evaluation(value, gradient[:, own.inputs], inputs)
            first = tuning and tuning[number]
            columns = designs[:, own.columns]
            states.append(own.kernel.state_at(own.on(target), columns, partial, first))
        chosen = torch.zeros(len(designs), dtype=torch.int64, device=designs.device)
        return State(designs, value, tuple(states), chosen)

    def step(
        self, target: Target, state: State, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[State, Info]:
        """Return the state after one transition of every chain, and what happened."""
        after, info = super().step(target, state, uniforms)
        return after._replace(chosen=_chosen(uniforms, len(state.parts))), info

    def adapt(self, state: State, info: Info) -> State:
        """Return the state with the step size tuned of the subspace that moved."""
        parts = []
        for number, (part, own) in enumerate(zip(state.parts, self.last_tables, strict=True)):
            if own.kernel.tunes:
                new = tuned(part.tuning, info, own.kernel.size_limits)
                mine = state.chosen == number
                kept = [torch.where(mine, a, b) for a, b in zip(new, part.tuning, strict=True)]
                parts.append(part._replace(tuning=Tuning(*kept)))
            else:
                parts.append(part)
        return state._replace(parts=tuple(parts))

    def draw(
        self, target: Target, state: State, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[Move, Scores]:
        """Return a move for each chain, and its log probability (density)."""
        moves, logs, first = [], [], 1
        for own, part in zip(self.tables_of(target), state.parts, strict=True):
            last = first + own.kernel.draws_per_step(own.space)
            move, log = own.kernel.draw(own.on(target), part, uniforms[:, first:last])
            moves.append(move)
            logs.append(log)
            first = last
        part = _chosen(uniforms, len(moves))
        return Move(part, tuple(moves)), _of_chosen(logs, part)

    def move(self, state: State, move: Move) -> tuple[Points, Move]:
        """Return the designs after a move, and the move that leads back."""
        columns, back = [], []
        for number, (own, part) in enumerate(zip(self.last_tables, state.parts, strict=True)):
            moved, returning = own.kernel.move(part, move.moves[number])
            mine = (move.part == number)[:, None]
            columns.append(torch.where(mine, moved, part.designs))
            back.append(returning)
        return torch.cat(columns, 1), Move(move.part, tuple(back))

    def log_probability(self, target: Target, state: State, move: Move) -> Scores:
        """Return the log probability (density) of drawing ``move`` at ``state``."""
        subspaces = zip(self.tables_of(target), state.parts, move.moves, strict=True)
        logs = [own.kernel.log_probability(own.on(target), *at) for own, *at in subspaces]
        return _of_chosen(logs, move.part)


def default_kernel(space: Space) -> MetropolisKernel[Any, Any]:
    """Return Gibbs-with-Gradients for sequences, else one that suits the variables.

    Raises InputError for a space of no known kind.
    """
    if isinstance(space, SequenceSpace):
        return GibbsWithGradients()
    return MixedKernel() if isinstance(space, MixedSpace) else _subspace_kernel(space)


def _subspace_kernel(space: Space) -> SubspaceKernel[Any, Any, Any]:
    if isinstance(space, LevelSpace):
        return LevelSteps()
    if isinstance(space, BoxSpace):
        return Mala()
    if isinstance(space, SimplexSpace):
        return SimplexLangevin() if space.grid_steps is None else GridTransfer()
    raise InputError(f"there is no kernel for a {type(space).__name__}; pass one as `kernel`")


def _chosen(uniforms: Float[Tensor, "designs draws"], parts: int) -> Int[Tensor, "designs"]:
    return (uniforms[:, 0] * parts).long().clamp(max=parts - 1)


def _of_chosen(logs: Sequence[Scores], part: Int[Tensor, "designs"]) -> Scores:
    """Return the log probability of the part that moves, and of choosing it."""
    table = torch.stack([log.double() for log in logs], 1)
    return table.gather(1, part[:, None]).squeeze(1) - math.log(len(logs))
