r"""Designs of several parts: each step moves one part, chosen at random, by a kernel of its own.

A design is :math:`x = (x_1, \dots, x_P)`: a composition, quantities, levels. A step chooses a part
p, each with probability 1 / P, and draws a new :math:`y_p` from the proposal :math:`q_p(\cdot \mid
x)` of that part's kernel, which knows the gradient by its own inputs and leaves the other parts as
they are. The move is accepted with probability

.. math::
    \min\{1, \exp(\beta f(y) - \beta f(x)) \, \frac{q_p(x_p \mid y)}{q_p(y_p \mid x)}\},

in which 1 / P is the same on the way back and drops out. Each part's move leaves the density
proportional to exp(beta f) invariant with the others fixed, and so does their mixture (Tierney,
"Markov chains for exploring posterior distributions", Annals of Statistics 1994). The predictor is
evaluated once per step, whichever part moves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from designlib.constraints import AllOf, Constraint, OnPart, members_of, of_part
from designlib.sampling.kernels.base import Info, MetropolisKernel, Tuning, tuned
from designlib.sampling.kernels.level_steps import LevelSteps
from designlib.sampling.kernels.mala import Mala
from designlib.sampling.kernels.parts import PartKernel
from designlib.sampling.kernels.simplex_langevin import SimplexLangevin
from designlib.sampling.kernels.transfer import GridTransfer
from designlib.sampling.targets import Target
from designlib.spaces import BoxSpace, LevelSpace, MixedSpace, PartSpace, SimplexSpace, Space
from designlib.types import Designs, InputError, Points, Scores

__all__ = ["MixedKernel", "Move", "State", "part_kernel"]


class State(NamedTuple):
    """Where the chains are, with what the next step needs; nothing is scaled by beta.

    Attributes
    ----------
    designs
        Current designs in float64, shape (designs, columns).
    value
        The predictor's scores of them, shape (designs,).
    parts
        State of each part's own kernel.
    chosen
        Which part the last step moved, shape (designs,); 0 before the first.
    """

    designs: Points
    value: Scores
    parts: tuple[Any, ...]
    chosen: Int[Tensor, "designs"]

    @property
    def tuning(self) -> tuple[Tuning | None, ...]:
        """What each part's kernel has learnt; None where it has nothing to learn."""
        return tuple(getattr(part, "tuning", None) for part in self.parts)


class Move(NamedTuple):
    """Which part moves, and the move of each part if it is the one.

    Attributes
    ----------
    part
        Number of the part that moves, shape (designs,).
    moves
        A move of each part's kernel.
    """

    part: Int[Tensor, "designs"]
    moves: tuple[Any, ...]


class MixedKernel(MetropolisKernel[State, Move]):
    """A kernel for each part of a `MixedSpace`, of which each step of a chain takes one.

    Parts of a composition on a grid are moved by `GridTransfer`, others by `SimplexLangevin`,
    quantities without a step by `Mala`, levels by `LevelSteps`. Each keeps to the constraints of
    its part as it does alone; what a constraint on whole designs forbids is rejected.

    Raises
    ------
    InputError
        Later, for a target: another space than a `MixedSpace`, or what a part's kernel refuses.
    """

    tunes = True

    def __init__(self) -> None:
        self._last: tuple[MixedSpace, Constraint | None, list[_Own]] | None = None

    def draws_per_step(self, space: Space) -> int:
        """Return the numbers that choose the part, that every part's kernel uses, and decide."""
        parts = _mixed(space).parts
        return 2 + sum(part_kernel(part.space).draws_per_step(part.space) for part in parts)

    def masks_all(self, target: Target) -> bool:
        """Return whether every constraint is one of a part whose kernel proposes nothing else."""
        members = members_of(target.constraint)
        if not all(isinstance(member, OnPart) for member in members):
            return False
        return all(own.kernel.masks_all(own.on(target)) for own in self._parts(target))

    def evaluate(
        self,
        target: Target,
        designs: Designs,
        tuning: Any = None,
    ) -> State:
        """Return the state at ``designs``; ``tuning`` is a tuple of that of each part."""
        parts = self._parts(target)
        designs = designs.double().contiguous()
        value, gradient, _ = target.evaluate(designs)
        known: Sequence[Any] = tuning or (None,) * len(parts)
        states = tuple(
            own.kernel.state_at(
                own.on(target), designs[:, own.columns], value, gradient[:, own.inputs], one
            )
            for own, one in zip(parts, known, strict=True)
        )
        chosen = torch.zeros(len(designs), dtype=torch.int64, device=designs.device)
        return State(designs, value, states, chosen)

    def retarget(self, target: Target, state: State) -> State:
        """Return the state of the same chains for another predictor: one evaluation."""
        anew = tuple(
            None if one is None else one._replace(seen=torch.zeros_like(one.seen))
            for one in state.tuning
        )
        fresh = self.evaluate(target, state.designs, anew)
        target.require_finite(fresh.value)
        return fresh

    def step(
        self, target: Target, state: State, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[State, Info]:
        """Return the state after one transition of every chain, and what happened."""
        after, info = super().step(target, state, uniforms)
        return after._replace(chosen=_chosen(uniforms, len(state.parts))), info

    def adapt(self, state: State, info: Info) -> State:
        """Return the state with the step size tuned of the part that moved."""
        assert self._last is not None  # noqa: S101 - no state without an evaluation
        parts = []
        for number, (part, own) in enumerate(zip(state.parts, self._last[2], strict=True)):
            if (old := getattr(part, "tuning", None)) is None:
                parts.append(part)
                continue
            new = tuned(old, info, own.kernel.size_limits)
            mine = state.chosen == number
            kept = [torch.where(mine, a, b) for a, b in zip(new, old, strict=True)]
            parts.append(part._replace(tuning=Tuning(*kept)))
        return state._replace(parts=tuple(parts))

    def draw(
        self, target: Target, state: State, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[Move, Scores]:
        """Return a move for each chain, and its log probability (density)."""
        moves, logs, first = [], [], 1
        for own, part in zip(self._parts(target), state.parts, strict=True):
            last = first + own.kernel.draws_per_step(own.space)
            move, log = own.kernel.draw(own.on(target), part, uniforms[:, first:last])
            moves.append(move)
            logs.append(log)
            first = last
        part = _chosen(uniforms, len(moves))
        return Move(part, tuple(moves)), _of_chosen(logs, part)

    def move(self, state: State, move: Move) -> tuple[Points, Move]:
        """Return the designs after a move, and the move that leads back."""
        assert self._last is not None  # noqa: S101 - no state without an evaluation
        columns, back = [], []
        for number, (own, part) in enumerate(zip(self._last[2], state.parts, strict=True)):
            moved, returning = own.kernel.move(part, move.moves[number])
            mine = (move.part == number)[:, None]
            columns.append(torch.where(mine, moved, part.designs))
            back.append(returning)
        return torch.cat(columns, 1), Move(move.part, tuple(back))

    def log_probability(self, target: Target, state: State, move: Move) -> Scores:
        """Return the log probability (density) of drawing ``move`` at ``state``."""
        logs = [
            own.kernel.log_probability(own.on(target), part, one)
            for own, part, one in zip(self._parts(target), state.parts, move.moves, strict=True)
        ]
        return _of_chosen(logs, move.part)

    def _parts(self, target: Target) -> list[_Own]:
        """Return the parts with their kernels, worked out when the target's space changes."""
        space, constraint = _mixed(target.space), target.constraint
        if self._last is None or self._last[0] is not space or self._last[1] is not constraint:
            known = [None] * len(space.parts) if self._last is None else self._last[2]
            if [type(part.space) for part in space.parts] != [type(o and o.space) for o in known]:
                known = [None] * len(space.parts)
            own = [
                _Own(
                    part.space,
                    part.columns,
                    part.inputs,
                    old.kernel if old else part_kernel(part.space),
                    of_part(constraint, space, number),
                )
                for number, (part, old) in enumerate(zip(space.parts, known, strict=True))
            ]
            self._last = (space, constraint, own)
        return self._last[2]


class _Own(NamedTuple):
    """A part of the space with its kernel and its own constraint."""

    space: PartSpace
    columns: slice
    inputs: slice
    kernel: PartKernel[Any, Any, Any]
    constraint: AllOf | None

    def on(self, target: Target) -> Target:
        """Return the target that the part's kernel is asked on; it is never evaluated."""
        return Target(target.predict, self.space, self.constraint, target.beta, target.label)


def part_kernel(space: Space) -> PartKernel[Any, Any, Any]:
    """Return the kernel that moves levels, quantities or shares; InputError for another space."""
    if isinstance(space, LevelSpace):
        return LevelSteps()
    if isinstance(space, BoxSpace):
        return Mala()
    if isinstance(space, SimplexSpace):
        return SimplexLangevin() if space.parts is None else GridTransfer()
    raise InputError(f"there is no kernel for a {type(space).__name__}; pass one as `kernel`")


def _mixed(space: Space) -> MixedSpace:
    if not isinstance(space, MixedSpace):
        raise InputError(
            f"this kernel moves the parts of a MixedSpace, and the target is on a "
            f"{type(space).__name__}"
        )
    return space


def _chosen(uniforms: Float[Tensor, "designs draws"], parts: int) -> Int[Tensor, "designs"]:
    return (uniforms[:, 0] * parts).long().clamp(max=parts - 1)


def _of_chosen(logs: Sequence[Scores], part: Int[Tensor, "designs"]) -> Scores:
    """Return the log probability of the part that moves, and of choosing it."""
    table = torch.stack([log.double() for log in logs], 1)
    return table.gather(1, part[:, None]).squeeze(1) - math.log(len(logs))
