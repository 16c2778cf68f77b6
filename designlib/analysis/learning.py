"""In which order a predictor learns: how much of each checkpoint single sites and pairs explain."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch

from designlib.analysis.walsh import degree_spectrum, subcube_values
from designlib.spaces import SequenceSpace
from designlib.types import OneHot, Scores

__all__ = ["InteractionShares", "interaction_shares"]

_VARIED = 3
_SUBCUBES = 24


class InteractionShares(NamedTuple):
    """Shares of a score's variance, which with all higher interactions add up to 1.

    Attributes
    ----------
    single_sites
        What single sites explain, each for itself.
    pairs
        What pairs of sites explain beyond that.
    """

    single_sites: float
    pairs: float


def interaction_shares(
    predict: Callable[[OneHot], Scores], space: SequenceSpace, generator: torch.Generator
) -> InteractionShares:
    """Return which shares of the variance of a score are of first and second order.

    On 24 random sub-cubes of three sites that take all letters before a random background, where
    the decomposition of `degree_spectrum` is exact; the energies are averaged over the sub-cubes.
    A score that is constant there has no shares, 0 and 0. Shorter designs vary as a whole.
    """
    varied = min(_VARIED, space.length)
    values = subcube_values(predict, space, generator, _SUBCUBES, varied)
    energy = degree_spectrum(values, SequenceSpace(space.alphabet, varied)).mean(0)
    total = float(energy[1:].sum())
    if total <= 0:
        return InteractionShares(0.0, 0.0)
    second = float(energy[2]) if varied > 1 else 0.0
    return InteractionShares(float(energy[1]) / total, second / total)
