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

from typing import TypeAlias

from jaxtyping import Float, Int
from torch import Tensor

from designlib.sampling.kernels.base import (
    LetterState,
    MetropolisKernel,
    Tuning,
    estimated_gains,
    first_beyond,
)
from designlib.sampling.targets import Target
from designlib.spaces import Space
from designlib.types import Designs, Letters, Scores

_STAYING = 1e18
"""Price of proposing the current letter, in units of the score.

Finite, so that a design without any allowed move proposes itself and nothing is
0 / 0; so large that any other design never does.
"""


Move: TypeAlias = Int[Tensor, "designs 1"]
"""A change of one site, as site * letters + letter."""


class GibbsWithGradients(MetropolisKernel[LetterState, Move]):
    """Gibbs-with-Gradients with a Metropolis-Hastings correction, over any alphabet.

    Binary vectors are sequences over the alphabet ``BINARY``. With a target that is not
    differentiable it is a random walk that changes one site, uniform among the allowed moves.
    """

    moves_once = True

    def draws_per_step(self, _space: Space) -> int:
        """Return 2: one number chooses the move, one decides on it."""
        return 2

    def evaluate(self, target: Target, designs: Designs, tuning: Tuning) -> LetterState:
        """Return the state; a site's own letter is proposed only where nothing else can be."""
        value, gains, relaxed = estimated_gains(target, designs)
        return LetterState(designs, value, gains.add(relaxed, alpha=-_STAYING), tuning)

    def draw(
        self, target: Target, state: LetterState, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[Move, Scores]:
        """Return a move for each chain and its log probability.

        The move is the first whose cumulative probability exceeds uniform * total,
        so one of probability 0 is never drawn.
        """
        # Not exp of the logits: with -inf among them it is several times slower than softmax.
        probability = self._logits(target, state).softmax(1)
        index = first_beyond(probability, uniforms[:, :1])
        return index, probability.gather(1, index).log().squeeze(1)

    def move(self, state: LetterState, move: Move) -> tuple[Letters, Move]:
        """Return the designs after the moves, and the moves that lead back."""
        n_letters = state.difference.shape[2]
        site = move // n_letters
        old = state.designs.gather(1, site)
        letter = move.sub(site, alpha=n_letters)
        return state.designs.scatter(1, site, letter), old.add(site, alpha=n_letters)

    def log_probability(self, target: Target, state: LetterState, move: Move) -> Scores:
        """Return the log probability of proposing the moves at ``state``."""
        return self._logits(target, state).log_softmax(1).gather(1, move).squeeze(1)

    @staticmethod
    def _logits(target: Target, state: LetterState) -> Float[Tensor, "designs moves"]:
        return state.difference.flatten(1) * (target.beta / 2)
