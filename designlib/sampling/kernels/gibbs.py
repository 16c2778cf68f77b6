r"""Gibbs sampling: give one random site a letter from its exact conditional.

Geman and Geman, "Stochastic relaxation, Gibbs distributions, and the Bayesian restoration of
images", 1984, with a random scan.

The log density is :math:`\beta f(x)` on the feasible designs. A site i is drawn uniformly, and
its letter from

.. math:: p(a \mid x_{-i}) \propto \exp(\beta f(x_{i \to a}))

over the letters a for which the design :math:`x_{i \to a}`, x with the letter a at site i, is
feasible. No proposal is ever rejected, and no gradient is needed: the price is one score for each
letter but the current one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from designlib.sampling.kernels.base import (
    Info,
    Kernel,
    allowed_moves,
    has_full_mask,
    inverse_cdf,
    letters_space,
)
from designlib.sampling.targets import FORWARD_SHARE, Target
from designlib.spaces import Space
from designlib.types import Designs, Letters, Scores


class State(NamedTuple):
    """Where the chains are."""

    designs: Letters
    """Current designs, shape (designs, sites)."""
    value: Scores
    """The predictor's scores of them, shape (designs,), not scaled by beta."""


class Gibbs(Kernel[State]):
    """Random-scan Gibbs sampling over any alphabet; a kernel without proposals.

    In its `Info` the log acceptance is 0, since the Metropolis-Hastings ratio of a Gibbs step
    is 1, and ``accepted`` says whether the letter changed, which is what tells chains that move
    from chains that do not. Where the predictor fails on a device that is not waited for, the
    chain stays and its log acceptance is NaN.
    """

    def draws_per_step(self, _space: Space) -> int:
        """Return 2: one number chooses the site, one its letter."""
        return 2

    def passes_per_step(self, target: Target) -> float:
        """Return the cost of one score for each letter but the current one, whose is kept."""
        return (len(letters_space(target).alphabet) - 1) * FORWARD_SHARE

    def evaluate(self, target: Target, designs: Designs, _tuning: Any = None) -> State:
        """Return the state at ``designs``: one forward pass."""
        letters_space(target)
        return State(designs, target.score(designs))

    def step(
        self, target: Target, state: State, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[State, Info]:
        """Return the state after one site of every chain was drawn anew, and what happened."""
        site = (uniforms[:, :1] * state.designs.shape[1]).long()
        value = self.candidates(target, state, site)
        drawn = inverse_cdf(self.conditional(target, value), uniforms[:, 1], 1).unsqueeze(1)
        old = state.designs.gather(1, site)
        failed = value.isnan().any(1)
        letter = torch.where(failed.unsqueeze(1), old, drawn)
        after = State(
            state.designs.scatter(1, site, letter),
            torch.where(failed, state.value, value.gather(1, letter).squeeze(1)),
        )
        log_acceptance = torch.zeros_like(state.value).masked_fill(failed, torch.nan)
        return after, Info((letter != old).squeeze(1), log_acceptance)

    def candidates(
        self, target: Target, state: State, site: Int[Tensor, "designs 1"]
    ) -> Float[Tensor, "designs letters"]:
        """Return the score of each letter at one site, -inf where it is infeasible.

        Letters are scored in turn, not at once: memory does not grow with the alphabet, and
        an error of the predictor names the right chain. What is infeasible is not scored.
        """
        n_letters = len(letters_space(target).alphabet)
        old = state.designs.gather(1, site)
        feasible = _feasible(target, state.designs, site)
        columns = [state.value]
        for offset in range(1, n_letters):
            letter = (old + offset) % n_letters
            allowed = feasible.gather(1, letter)
            candidate = state.designs.scatter(1, site, torch.where(allowed, letter, old))
            score = target.score(candidate)
            columns.append(score.where(allowed.squeeze(1), -torch.inf))
        # From "the current letter and so many further" to the letters themselves.
        letters = torch.arange(n_letters, device=site.device)
        return torch.stack(columns, 1).gather(1, (letters - old) % n_letters)

    def conditional(
        self, target: Target, candidates: Float[Tensor, "designs letters"]
    ) -> Float[Tensor, "designs letters"]:
        """Return the probability of each letter, given the scores of all."""
        return (target.beta * candidates.double()).softmax(1)


def _feasible(
    target: Target, letters: Letters, site: Int[Tensor, "designs 1"]
) -> Bool[Tensor, "designs letters"]:
    """Return which letters are feasible at one site of each design."""
    n_letters = len(letters_space(target).alphabet)
    constraint = target.constraint
    if constraint is not None and not has_full_mask(constraint):
        each = [constraint.satisfied(letters.scatter(1, site, a)) for a in range(n_letters)]
        return torch.stack(each, 1)
    moves = allowed_moves(target, letters)
    if moves is None:
        return torch.ones(len(letters), n_letters, dtype=torch.bool, device=letters.device)
    return moves.gather(1, site.unsqueeze(2).expand(-1, -1, n_letters)).squeeze(1)
