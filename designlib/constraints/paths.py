"""Sequences as paths through the allowed letters of each site and the allowed neighbours.

Rules on single letters and pairs of neighbours are a hidden Markov chain without noise, so
drawing from it is exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from designlib.constraints.base import Constraint
from designlib.constraints.homopolymer import HomopolymerLimit
from designlib.constraints.motifs import ForbiddenMotifs
from designlib.constraints.sites import AllowedLetters
from designlib.constraints.transitions import ForbiddenTransitions
from designlib.spaces import SequenceSpace
from designlib.types import Letters


class PairRules(NamedTuple):
    """The part of constraints that concerns single letters and pairs of neighbours.

    Attributes
    ----------
    table
        Whether a site may have a letter, shape (sites, letters).
    allowed
        Whether the second letter may follow the first, shape (letters, letters).
    """

    table: Bool[Tensor, "sites letters"]
    allowed: Bool[Tensor, "letters letters"]


def pair_rules(space: SequenceSpace, members: Iterable[Constraint]) -> PairRules:
    """Return the rules of ``members`` on single letters and pairs of neighbours."""
    n_letters = len(space.alphabet)
    table = torch.ones(space.length, n_letters, dtype=torch.bool)
    allowed = torch.ones(n_letters, n_letters, dtype=torch.bool)
    for member in members:
        if isinstance(member, AllowedLetters):
            table &= member.table
        elif isinstance(member, ForbiddenTransitions):
            allowed &= member.allowed
        elif isinstance(member, HomopolymerLimit) and member.max_run == 1:
            allowed &= ~torch.eye(n_letters, dtype=torch.bool)
        elif isinstance(member, ForbiddenMotifs):
            for sets in member.sets:
                if len(sets) == 1:
                    table &= ~sets
                elif len(sets) == 2:
                    allowed &= ~(sets[0][:, None] & sets[1])
    return PairRules(table, allowed)


def draw_paths(
    weights: Float[Tensor, "drafts sites letters"],
    allowed: Bool[Tensor, "letters letters"],
    n: int,
    generator: torch.Generator,
) -> tuple[Letters, Bool[Tensor, "designs"]]:
    r"""Return ``n`` designs drawn with probability proportional to the product of their weights.

    Forbidden neighbours have probability 0. With w the weights and A the allowed
    transitions, the weight of all ways to go on from letter a at site i is

    .. math:: b_i(a) = w_i(a) \sum_{a'} A_{aa'} b_{i+1}(a'),

    so that the letter after a is drawn in proportion to :math:`A_{aa'} b_{i+1}(a')`; with
    weights 0 and 1 the draws are uniform over the paths.

    Parameters
    ----------
    weights
        Not negative; one row for all designs, or one for each.
    allowed
        Whether the second letter may follow the first.

    Returns
    -------
    letters, possible
        The designs, and which of them have a path at all; the letters of the others mean
        nothing.
    """
    onward = _onward(weights, allowed)
    follows = allowed.to(weights.dtype)
    uniforms = torch.rand((n, weights.shape[1]), generator=generator, dtype=weights.dtype)
    letters = [_pick(onward[0].expand(n, -1), uniforms[:, 0])]
    for site in range(1, weights.shape[1]):
        chances = follows[letters[-1]] * onward[site]
        letters.append(_pick(chances, uniforms[:, site]))
    return torch.stack(letters, 1), (onward[0] > 0).any(1).expand(n)


def has_path(
    weights: Float[Tensor, "drafts sites letters"], allowed: Bool[Tensor, "letters letters"]
) -> Bool[Tensor, "drafts"]:
    """Return for which rows of ``weights`` there is a path at all."""
    return (_onward(weights, allowed)[0] > 0).any(1)


def draw_letters(
    weights: Float[Tensor, "drafts sites letters"], n: int, generator: torch.Generator
) -> Letters:
    """Return ``n`` designs whose letters are drawn by ``weights``, without regard to neighbours."""
    shape = (n, weights.shape[1])
    uniforms = torch.rand(shape, generator=generator, dtype=weights.dtype)
    return _pick(weights.expand(n, -1, -1), uniforms)


def _onward(
    weights: Float[Tensor, "drafts sites letters"], allowed: Bool[Tensor, "letters letters"]
) -> list[Float[Tensor, "drafts letters"]]:
    """Return the weight of all ways to go on from each letter of each site, up to a factor."""
    leads_to = allowed.to(weights.dtype).T
    onward = [weights[:, -1]]
    for site in reversed(range(weights.shape[1] - 1)):
        ways = weights[:, site] * (onward[-1] @ leads_to)
        # Only the ratios within a site count; without the division they would overflow.
        scale = ways.amax(1, keepdim=True)
        onward.append(ways / scale.where(scale > 0, 1.0))
    return onward[::-1]


def _pick(chances: Float[Tensor, "*shape letters"], uniforms: Float[Tensor, "*shape"]) -> Tensor:
    """Return the first letter whose cumulative chance exceeds uniform * total."""
    cumulative = chances.cumsum(-1)
    wanted = uniforms.unsqueeze(-1) * cumulative[..., -1:]
    return (cumulative <= wanted).sum(-1).clamp(max=chances.shape[-1] - 1)
