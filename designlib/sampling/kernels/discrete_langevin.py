r"""Discrete Langevin: every site may change at once, each on its own, as the gradient says.

Zhang, Liu and Liu, "A Langevin-like sampler for discrete distributions", ICML 2022, with the
Metropolis-Hastings correction (DMALA).

The log density is :math:`\beta f(x)` on the feasible designs. With
:math:`d(x)_{ia} = \partial f / \partial x_{ia} - \partial f / \partial x_{i x_i}`, the first-order
estimate of what changing site i to letter a gains, and a step size :math:`\alpha`, the letter
:math:`y_i` of each site is drawn from

.. math:: q_i(a \mid x) \propto \exp(\beta d(x)_{ia} / 2 - [a \ne x_i] / (2 \alpha))

over the current letter and those that single changes allowed at x lead to. The move to y is
accepted with probability

.. math:: \min\{1, \exp(\beta f(y) - \beta f(x)) \prod_i q_i(x_i \mid y) / q_i(y_i \mid x)\},

and never if y is infeasible, which single changes that are allowed together may make it.
"""

from __future__ import annotations

from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from designlib.sampling.kernels.base import (
    LetterState,
    MetropolisKernel,
    Tuning,
    estimated_gains,
    inverse_cdf,
)
from designlib.sampling.targets import Target
from designlib.spaces import Space
from designlib.types import Designs, InputError, Letters, Scores

_SMALLEST, _LARGEST = 1e-3, 1e2


Move: TypeAlias = Letters
"""The letters of all sites afterwards."""


class DiscreteLangevin(MetropolisKernel[LetterState, Move]):
    r"""Discrete Langevin proposals with a Metropolis-Hastings correction, over any alphabet.

    A proposal may be the current design, which is then accepted. With a target that is not
    differentiable every site changes with the same probability to any letter allowed.

    ``step_size`` is the one to begin with, from 0.001 to 100: a change costs 1 / (2 step size) in
    log probability. It is tuned during warm-up, within the same limits, out of which it raises
    InputError.
    """

    tunes = True

    size_limits = (_SMALLEST, _LARGEST)

    def __init__(self, step_size: float = 0.1) -> None:
        if not _SMALLEST <= step_size <= _LARGEST:
            raise InputError(
                f"the step size is {step_size:g}; {_SMALLEST:g} to {_LARGEST:g} are accepted"
            )
        self.size = step_size

    def draws_per_step(self, space: Space) -> int:
        """Return one number a site, and one to decide."""
        return space.columns + 1

    def evaluate(self, target: Target, designs: Designs, tuning: Tuning) -> LetterState:
        """Return the state at ``designs``."""
        value, difference, _ = estimated_gains(target, designs)
        return LetterState(designs, value, difference, tuning)

    def draw(
        self, target: Target, state: LetterState, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[Move, Scores]:
        """Return letters for all sites of each chain and their log probability."""
        probability = self._logits(target, state).softmax(1)
        letters = inverse_cdf(probability, uniforms[:, : state.designs.shape[1]], 1)
        return letters, _total(probability.gather(1, letters.unsqueeze(1)).log())

    def log_probability(self, target: Target, state: LetterState, move: Move) -> Scores:
        """Return the log probability of drawing these letters at ``state``."""
        logs = self._logits(target, state).log_softmax(1)
        return _total(logs.gather(1, move.unsqueeze(1)))

    @staticmethod
    def _logits(target: Target, state: LetterState) -> Float[Tensor, "designs letters sites"]:
        price = 0.5 * (-state.tuning.log_size).exp().to(state.difference.dtype)
        changed = state.difference * (target.beta / 2) - price.view(-1, 1, 1)
        logits = changed.scatter(2, state.designs.unsqueeze(2), 0.0)
        # Sites last: what follows runs along letters, which are few, and is then vectorised.
        return logits.mT.contiguous()


def _total(logs: Float[Tensor, "designs 1 sites"]) -> Scores:
    return logs.sum((1, 2), dtype=torch.float64)
