r"""Gibbs-with-Gradients: change one site, chosen by the gradient, and accept or not.

Grathwohl, Swersky, Hashemi, Duvenaud and Maddison, "Oops I took a gradient: scalable
sampling for discrete distributions", ICML 2021.

The log density is :math:`\beta f(x)` on the feasible designs. With
:math:`d(x)_{ia} = \partial f / \partial x_{ia} - \partial f / \partial x_{i x_i}`, the first-order
estimate of what changing site i to letter a gains, the proposal is

.. math:: q(i, a \mid x) \propto \exp(\beta d(x)_{ia} / 2)

over the moves allowed at x that change a letter. The move to y is accepted with probability

.. math:: \min\{1, \exp(\beta f(y) - \beta f(x)) \, q(i, x_i \mid y) / q(i, a \mid x)\}

where the reverse move restores the old letter at the same site, and its probability is
normalised over the moves allowed at y.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from designlib.kernels.base import Info
from designlib.targets import Target
from designlib.types import Gradients, InputError, Letters, Scores

__all__ = ["GibbsWithGradients", "State"]

_STAYING = 1e18
"""Price of proposing the current letter, in units of the score.

Finite, so that a design without any allowed move proposes itself and nothing is
0 / 0; so large that any other design never does.
"""


class State(NamedTuple):
    """Where the chains are, with what the next step needs; nothing is scaled by beta.

    Attributes
    ----------
    letters
        Current designs, shape (designs, sites).
    value
        The predictor's scores of them, shape (designs,).
    difference
        Estimated gain of every single change, shape (designs, sites, letters);
        -inf where the change is not allowed, and so low for the letter that a site
        has that it is only proposed where nothing else is.
    """

    letters: Letters
    value: Scores
    difference: Gradients


class GibbsWithGradients:
    """Gibbs-with-Gradients with a Metropolis-Hastings correction, over any alphabet.

    Steps of the whole batch are tensor operations with no data-dependent branch,
    and cost one forward and one backward pass of the predictor.
    """

    draws_per_step = 2

    def init(self, target: Target, letters: Letters) -> State:
        """Return the state of chains at ``letters``: one forward and one backward pass.

        Raises
        ------
        InputError
            No designs, designs of another length, or a design that breaks the
            constraint; the message says which and why.
        NonFiniteScoreError
            The predictor gives NaN or infinity.
        """
        if letters.shape[1] != target.space.length:
            raise InputError(
                f"the designs have {letters.shape[1]} letters; {target.space.length} are needed"
            )
        if target.constraint is not None:
            broken = (~target.constraint.satisfied(letters)).nonzero()[:, 0]
            if broken.shape[0]:
                (reason,) = target.constraint.violations(letters[broken[:1]])
                raise InputError(f"the start of chain {int(broken[0])} is infeasible: {reason}")
        state = self.evaluate(target, letters)
        target.require_finite(state.value)
        return state

    def step(
        self, target: Target, state: State, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[State, Info]:
        """Return the state after one transition of every chain, and what happened.

        ``uniforms`` has two numbers in [0, 1) per chain: the first chooses the
        move, the second decides on it. A chain without an allowed move proposes to stay.
        """
        index, log_forward = self.draw(target, state, uniforms[:, :1])
        letters, back = self.move(state, index)
        proposed = self.evaluate(target, letters)
        log_acceptance = self.log_acceptance(target, state, proposed, log_forward, back)
        # A comparison with NaN is False, so what is not a number is never accepted.
        accepted = uniforms[:, 1].log() < log_acceptance
        chosen = State(
            torch.where(accepted[:, None], proposed.letters, state.letters),
            torch.where(accepted, proposed.value, state.value),
            torch.where(accepted[:, None, None], proposed.difference, state.difference),
        )
        return chosen, Info(accepted, log_acceptance)

    def evaluate(self, target: Target, letters: Letters) -> State:
        """Return the state at ``letters``, which must be feasible."""
        value, gradient, relaxed = target.evaluate(letters)
        difference = gradient - gradient.gather(2, letters.unsqueeze(-1))
        if target.constraint is not None:
            moves = target.constraint.allowed_moves(letters)
            difference = difference.where(moves, -torch.inf)
        return State(letters, value, difference.add(relaxed, alpha=-_STAYING))

    def log_proposal(self, target: Target, state: State) -> Float[Tensor, "designs sites letters"]:
        """Return the log probability that each move is proposed."""
        return self._logits(target, state).log_softmax(1).view_as(state.difference)

    def draw(
        self, target: Target, state: State, uniforms: Float[Tensor, "designs 1"]
    ) -> tuple[Int[Tensor, "designs 1"], Scores]:
        """Return a move for each chain, as site * letters + letter, and its log probability.

        The move is the first whose cumulative probability exceeds uniform * total,
        so one of probability 0 is never drawn.
        """
        # Not exp of the logits: with -inf among them it is several times slower than softmax.
        probability = self._logits(target, state).softmax(1)
        cumulative = probability.cumsum(1, dtype=torch.float64)
        index = torch.searchsorted(cumulative, uniforms * cumulative[:, -1:], right=True)
        return index, probability.gather(1, index).log().squeeze(1)

    def move(
        self, state: State, index: Int[Tensor, "designs 1"]
    ) -> tuple[Letters, Int[Tensor, "designs 1"]]:
        """Return the designs after the moves ``index``, and the moves that lead back."""
        n_letters = state.difference.shape[2]
        site = index // n_letters
        first = site * n_letters
        old = state.letters.gather(1, site)
        return state.letters.scatter(1, site, index - first), first + old

    def log_acceptance(
        self,
        target: Target,
        state: State,
        proposed: State,
        log_forward: Scores,
        back: Int[Tensor, "designs 1"],
    ) -> Scores:
        """Return the log Metropolis-Hastings ratio of moving to ``proposed``."""
        gain = target.beta * (proposed.value - state.value)
        return gain + self.log_reverse(target, proposed, back) - log_forward

    def log_reverse(
        self, target: Target, proposed: State, back: Int[Tensor, "designs 1"]
    ) -> Scores:
        """Return the log probability of proposing the moves ``back`` at ``proposed``."""
        return self._logits(target, proposed).log_softmax(1).gather(1, back).squeeze(1)

    @staticmethod
    def _logits(target: Target, state: State) -> Float[Tensor, "designs moves"]:
        return state.difference.flatten(1) * (target.beta / 2)
