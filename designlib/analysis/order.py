"""What a predictor learned when: interactions by degree, effects of single letters, motifs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from designlib.analysis.walsh import learning_order
from designlib.predictors import evaluate
from designlib.spaces import SequenceSpace
from designlib.types import InputError, Letters, OneHot, Scores

HALF = 0.5
"""A degree counts as learned when a checkpoint has so much of it."""

_LEAST_SHARE = 0.01
"""Degrees with less of the final variance are left out of the verdict."""
_SUBCUBES, _VARIED = 32, 4


class LearningOrder(NamedTuple):
    """How much of each degree of interaction every checkpoint has."""

    steps: tuple[int, ...]
    """Training step of each checkpoint."""
    learned: Float[Tensor, "checkpoints degrees"]
    """Share of the final component of degree 1, 2, ... that a checkpoint has: its regression on the
    final one; 1 on the last checkpoint."""
    share: Float[Tensor, "degrees"]
    """Share of the final predictor's variance that each degree is."""
    half: tuple[float, ...]
    """First step at which half of each degree is learned, interpolated between checkpoints."""
    energy: Float[Tensor, "checkpoints degrees"]
    """Mean square of each degree in each checkpoint: the spectrum of a score on sequences."""

    @classmethod
    def from_plain(cls, stored: Mapping[str, Any]) -> LearningOrder:
        """Return what was stored as lists; a half that was not reached is None there."""
        learned, share, energy = (torch.tensor(stored[n]) for n in ("learned", "share", "energy"))
        half = tuple(float("inf") if step is None else step for step in stored["half"])
        return cls(tuple(stored["steps"]), learned, share, half, energy)


class Verdict(NamedTuple):
    """Whether a predictor learned from coarse to fine, and what to do."""

    holds: bool | None
    """None where a single degree is all there is."""
    reason: str
    advice: str


def order_of_learning(
    checkpoints: Sequence[Callable[[OneHot], Scores]],
    steps: Sequence[int],
    space: SequenceSpace,
    generator: torch.Generator,
) -> LearningOrder:
    """Return what each checkpoint has of each degree, on random sub-cubes of four sites.

    Sites of a sub-cube take all letters before a random background; the same for all checkpoints.
    Raises InputError for fewer than two checkpoints.
    """
    if len(checkpoints) < 2 or len(steps) != len(checkpoints):
        raise InputError(
            f"an order of learning needs at least two checkpoints with their steps, not "
            f"{len(checkpoints)} with {len(steps)}"
        )
    varied = min(_VARIED, space.length)
    found = learning_order(checkpoints, space, generator, _SUBCUBES, varied)
    learned, energy = found.learned[:, 1 : varied + 1], found.energy[:, 1 : varied + 1]
    share = energy[-1] / energy[-1].sum().clamp(min=torch.finfo(energy.dtype).tiny)
    half = tuple(_reached(steps, row.tolist()) for row in learned.T)
    return LearningOrder(tuple(steps), learned, share, half, energy)


def judge_order(order: LearningOrder) -> Verdict:
    """Return whether lower degrees were half learned no later than higher ones.

    Degrees below 1 % of the final variance do not count.
    """
    degrees = zip(range(1, len(order.half) + 1), order.half, order.share.tolist(), strict=True)
    halves = [(degree, half) for degree, half, share in degrees if share >= _LEAST_SHARE]
    steps = ", ".join(f"degree {degree} at step {half:,.0f}" for degree, half in halves)
    if len(halves) < 2:
        return Verdict(None, f"only one degree matters: {steps}", _ADVICE[None])
    holds = all(one <= later for (_, one), (_, later) in pairwise(halves))
    return Verdict(holds, f"half learned: {steps}", _ADVICE[holds])


_ADVICE = {
    True: "Walk the trajectory as it is. Keep checkpoints densely before the first of these steps "
    "and between them: that is where the ladder gets its direction.",
    False: "Do not count on the trajectory alone. Compare it with a ladder of temperatures of the "
    "last checkpoint at the same cost, choose rungs by function change (sampling.rung_choice: "
    "function_change), start from measured designs (sampling.elite_share), and keep more "
    "checkpoints early, since an order between two checkpoints is not seen. Transformers often "
    "learn in this way.",
    None: "There are no interactions that a coarse checkpoint could leave out, so that the "
    "trajectory has nothing to add: any ladder does.",
}


NO_DEGREES = Verdict(
    None,
    "degrees of interaction are defined for sequences only",
    "Compare the trajectory with a ladder of temperatures at the same cost.",
)
"""The verdict on predictors of other designs."""


def mean_degrees(order: LearningOrder) -> list[float]:
    """Return the centroid of each checkpoint's spectrum: its energy's mean degree; 0 if flat.

    It rises from 1 where a predictor learns from coarse to fine.
    """
    degree = torch.arange(1, order.energy.shape[1] + 1, dtype=order.energy.dtype)
    total = order.energy.sum(1)
    centroid = (order.energy * degree).sum(1) / total.where(total > 0, 1)
    return centroid.where(total > 0, 0).tolist()


def effect_maps(
    predict: Callable[[OneHot], Scores], space: SequenceSpace, designs: Letters
) -> Float[Tensor, "designs sites letters"]:
    """Return in-silico mutagenesis: by how much each single letter changes the score of a design.

    The letter that is there has 0.
    """
    sites, letters = space.length, len(space.alphabet)
    others = designs.repeat_interleave(sites * letters, 0)
    site = torch.arange(sites).repeat_interleave(letters).repeat(len(designs))
    letter = torch.arange(letters).repeat(sites * len(designs))
    others[torch.arange(len(others)), site] = letter
    scores = evaluate(predict, space.relax(others)).double().view(len(designs), sites, letters)
    return scores - scores.gather(2, designs[:, :, None])


def map_agreement(
    maps: Float[Tensor, "designs sites letters"], final: Float[Tensor, "designs sites letters"]
) -> float:
    """Return Pearson's correlation of two sets of maps, the mean over designs; 0 if one is flat."""
    return float(_correlation(maps.flatten(1), final.flatten(1)).mean())


def motif_match(
    maps: Float[Tensor, "designs sites letters"], log_odds: Float[Tensor, "positions 4"]
) -> float:
    """Return how well a DNA motif explains effects: the best correlation of a window.

    On either strand, the mean over designs; of maps and motif the mean over letters is taken off.
    """
    positions = len(log_odds)
    if positions > maps.shape[1]:
        return 0.0
    centred = maps - maps.mean(2, keepdim=True)
    windows = centred.unfold(1, positions, 1).permute(0, 1, 3, 2).flatten(2)
    best = torch.full((len(maps),), -1.0, dtype=torch.float64)
    for pattern in (log_odds, log_odds.flip(0, 1)):  # ACGT reversed is its complement
        motif = (pattern - pattern.mean(1, keepdim=True)).flatten().double()
        best = best.maximum(_correlation(windows, motif.expand_as(windows)).amax(1))
    return float(best.mean())


def _reached(steps: Sequence[int], learned: Sequence[float]) -> float:
    """Return the step from which on half is learned for the first time, linearly interpolated."""
    number = next((n for n, share in enumerate(learned) if share >= HALF), None)
    if number is None:
        return float("inf")
    around = slice(max(0, number - 1), number + 1)
    return float(np.interp(HALF, learned[around], steps[around]))


def _correlation(one: Tensor, other: Tensor) -> Tensor:
    one = one - one.mean(-1, keepdim=True)
    other = other - other.mean(-1, keepdim=True)
    below = one.norm(dim=-1) * other.norm(dim=-1)
    return torch.where(below > 0, (one * other).sum(-1) / below.where(below > 0, 1), 0.0)
