r"""Langevin moves between pairs of components, exact on compositions.

A composition cannot move one share alone, but it can move an amount from one component to
another. A step draws a uniformly random matching of the components that the composition has,
and moves an amount in every pair (i, j) at once, by the Langevin proposal of Roberts and Tweedie
(1996) in the coordinates of the pairs, as `Mala` does in those of a box. Nothing is projected:
every proposal sums to one and is within limits, and is accepted by its Metropolis-Hastings ratio.

With limits l and u of the shares, the pair's total :math:`c = x_i + x_j` leaves the interval
:math:`a = \max\{l_i, c - u_j\} \le y_i \le b = \min\{u_i, c - l_j\}`, which is the same before and
after the move. The position in it, :math:`w = (y_i - a) / (b - a)`, is proposed from

.. math::
    N\Big(\tfrac{x_i - a}{b - a} + \tfrac{s^2}{2} \beta (b - a)
    \Big(\frac{\partial f}{\partial x_i} - \frac{\partial f}{\partial x_j}\Big), s^2\Big)
    \text{ truncated to } [0, 1]

with its mean kept between 0 and 1, and :math:`y_j = c - y_i`. So the standard deviation of an
amount is s (b - a): a share of 1e-4 is moved on its own scale. The matching does not depend on
the amounts and is the same on the way back, so that its probability drops out.

**At most k components.** The density is :math:`\exp(\beta f(x))` on the union of the faces with
exactly k components, with the uniform distribution on each face as the reference measure, all
faces alike; compositions of fewer components have probability 0 under it. (Where `Bounds` leave
only so many components a share, k is that number.) A state keeps which k components are its
support. A step then moves amounts within the support with probability 3/4, and
with probability 1/4 proposes that one component of the support hands its whole share to one
outside, both chosen uniformly. That maps one face onto another without changing lengths and has
the same probability on the way back. With k = 1 there are no pairs, and every step hands over.
A component of the support keeps a share of at least 1e-12, so that rounding never takes it out.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from designlib.constraints import Constraint, limits_of, most_components
from designlib.sampling.kernels.base import Tuning, require_space
from designlib.sampling.kernels.mala import LangevinKernel, TruncatedNormal, step_sizes
from designlib.sampling.targets import Evaluation, Target
from designlib.spaces import SimplexSpace, Space
from designlib.types import Designs, DeviceTensors, Gradients, Points, Scores

_HANDING_OVER = 1 / 4
"""Probability that a step proposes another face, where there is one."""

_LEAST_SHARE = 1e-12
"""Smallest share of a component of the support, and the width below which a pair is left alone."""


class State(NamedTuple):
    """Where the chains are, with what the next step needs; nothing is scaled by beta."""

    designs: Points
    """Current compositions in float64, shape (designs, components)."""
    value: Scores
    """The predictor's scores of them, shape (designs,)."""
    gradient: Gradients
    """Derivative of the score by each share, shape (designs, components)."""
    support: Bool[Tensor, "designs components"]
    """Which components may have a share, shape (designs, components): all, or exactly k."""
    tuning: Tuning
    """Step size of each chain."""


class Move(NamedTuple):
    """An amount moved in every pair, or a whole share handed over."""

    first: Int[Tensor, "designs pairs"]
    second: Int[Tensor, "designs pairs"]
    """Components of each pair, shape (designs, pairs)."""
    amount: Float[Tensor, "designs pairs"]
    """Share of the first of each pair after the move; the second has the rest of their total."""
    hands_over: Bool[Tensor, "designs"]
    """Whether a share is handed over instead, shape (designs,)."""
    leaving: Int[Tensor, "designs 1"]
    entering: Int[Tensor, "designs 1"]
    """The component that then loses its share, and the one that gets it, shape (designs, 1)."""


class _Pairs(NamedTuple):
    """What is possible in each pair, and how the position in it is proposed."""

    bottom: Float[Tensor, "designs pairs"]
    top: Float[Tensor, "designs pairs"]
    width: Float[Tensor, "designs pairs"]
    movable: Bool[Tensor, "designs pairs"]
    position: TruncatedNormal


class _Faces(NamedTuple):
    """The faces of the simplex that a target lives on."""

    k: int
    """Components of the support."""
    allowed: int
    """Components that may have a share at all."""
    tensors: DeviceTensors
    """Limits of the components of the support, and which components may have no share."""

    @property
    def hands_over(self) -> float:
        """Probability that a step proposes another face."""
        if self.k == self.allowed:
            return 0.0
        return 1.0 if self.k == 1 else _HANDING_OVER


class SimplexLangevin(LangevinKernel[State, Move, _Faces]):
    """Metropolis-adjusted Langevin on compositions, whole ones or of at most k components.

    It keeps to `Bounds` and to `AtMostComponents`; what any other constraint forbids is rejected.
    `Bounds` hold for absent components too: one with a lower limit above 0 is always in the
    support, and a smallest share "if present" is not supported. The rate that the step
    size is tuned by counts the shares handed over as well.

    ``step_size`` is the one to start with, before it is tuned: the standard deviation of an amount
    in units of the interval that is open to it. Raises InputError unless it is positive and finite;
    later, for a target on a space that is no simplex.
    """

    def __init__(self, step_size: float = 0.2) -> None:
        super().__init__(step_size)

    def draws_per_step(self, space: Space) -> int:
        """Return the numbers that order, that move, that choose the kind of move, and decide."""
        return space.columns + space.columns // 2 + 2

    def state_at(
        self, target: Target, designs: Designs, evaluation: Evaluation, tuning: Tuning
    ) -> State:
        """Return the state at ``designs`` from their evaluation.

        The support is the components that have a share; where they are fewer than k, the first
        of those without a share fill it up.
        """
        faces = self.tables_of(target)
        _, _, excluded = faces.tensors.on(designs.device)
        rank = torch.where(excluded, 2, (designs <= 0).to(torch.uint8))
        slots = rank.argsort(dim=1, stable=True)[:, : faces.k]
        support = torch.zeros_like(designs, dtype=torch.bool).scatter(1, slots, True)
        return State(designs, evaluation.value, evaluation.gradient, support, tuning)

    def draw(
        self, target: Target, state: State, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[Move, Scores]:
        """Return a move for each chain, and its log density."""
        faces = self.tables_of(target)
        n, matched = state.designs.shape[1], 2 * (faces.k // 2)
        _, _, excluded = faces.tensors.on(state.designs.device)
        # The support in random order, then in random order what might enter it.
        order = (uniforms[:, :n] + ~state.support + excluded).argsort(1)
        first, second = order[:, 0:matched:2], order[:, 1:matched:2]
        leaving, entering = order[:, :1], order[:, faces.k % n, None]
        pairs = self._pairs(target, state, first, second)
        position = pairs.position.draw(uniforms[:, n : n + matched // 2])
        amount = (pairs.bottom + pairs.width * position).minimum(pairs.top)
        amount = amount.where(pairs.movable, state.designs.gather(1, first))
        hands_over = uniforms[:, -2] < faces.hands_over
        move = Move(first, second, amount, hands_over, leaving, entering)
        return move, _log_density(faces, pairs, move)

    def move(self, state: State, move: Move) -> tuple[Points, Move]:
        """Return the compositions after the moves, and the moves that lead back."""
        designs = state.designs
        old = designs.gather(1, move.first)
        rest = old + designs.gather(1, move.second) - move.amount
        # A pair that cannot move keeps its shares to the last bit.
        rest = torch.where(move.amount == old, designs.gather(1, move.second), rest)
        moved = designs.scatter(1, move.first, move.amount).scatter(1, move.second, rest)
        share = designs.gather(1, move.leaving)
        handed = designs.scatter(1, move.leaving, 0.0).scatter(1, move.entering, share)
        back = move._replace(amount=old, leaving=move.entering, entering=move.leaving)
        return torch.where(move.hands_over.unsqueeze(1), handed, moved), back

    def log_probability(self, target: Target, state: State, move: Move) -> Scores:
        """Return the log density of a move that is possible at ``state``.

        It is a density in the amounts moved, and counts the matching or the components chosen.
        """
        pairs = self._pairs(target, state, move.first, move.second)
        return _log_density(self.tables_of(target), pairs, move)

    def _pairs(
        self,
        target: Target,
        state: State,
        first: Int[Tensor, "designs pairs"],
        second: Int[Tensor, "designs pairs"],
    ) -> _Pairs:
        """Return what is possible in each pair, and how its position is proposed."""
        lower, upper, _ = self.tables_of(target).tensors.on(state.designs.device)
        share = state.designs.gather(1, first)
        total = share + state.designs.gather(1, second)
        bottom = lower[first].maximum(total - upper[second])
        top = upper[first].minimum(total - lower[second])
        movable = top - bottom > _LEAST_SHARE
        width = (top - bottom).where(movable, 1.0)
        slope = (state.gradient.gather(1, first) - state.gradient.gather(1, second)).double()
        size = step_sizes(state.tuning)
        drift = size.square() * width * slope * (target.beta / 2)
        mean = ((share - bottom) / width + drift).clamp(0, 1)
        position = TruncatedNormal.between(mean, size, mean.new_zeros(()), mean.new_ones(()))
        return _Pairs(bottom, top, width, movable, position)

    def tables(self, space: Space, constraint: Constraint | None) -> _Faces:
        """Return the faces of the simplex that the target is on."""
        lower, upper = limits_of(require_space(space, SimplexSpace, "moves the shares"), constraint)
        excluded = upper <= 0
        allowed = int((~excluded).sum())
        most = most_components(constraint)
        k = allowed if most is None else min(most, allowed)
        if k < allowed:
            lower = lower.clamp(min=_LEAST_SHARE)
        return _Faces(k, allowed, DeviceTensors(lower, upper, excluded))


def _log_density(faces: _Faces, pairs: _Pairs, move: Move) -> Scores:
    position = (move.amount - pairs.bottom) / pairs.width
    log_amounts = pairs.position.log_density(position) - pairs.width.log()
    # Every order of the support is as likely, and each gives one list of pairs.
    log_matching = -math.lgamma(faces.k + 1)
    moving = log_amounts.where(pairs.movable, 0.0).sum(1) + log_matching
    handing = _log(faces.hands_over) - math.log(max(1, faces.k * (faces.allowed - faces.k)))
    return torch.where(move.hands_over, handing, _log(1 - faces.hands_over) + moving)


def _log(number: float) -> float:
    return math.log(number) if number > 0 else -math.inf
