r"""Objectives made of several scores: each maps relaxed designs to one score per design.

Every objective is a torch module whose parts are sub-modules, so that the parameters of
all its predictors are found, moved and counted like those of a single one. What is not a
module, such as a plain function, is a part as well.

>>> import torch
>>> parts = [lambda points: points[:, 0], lambda points: points[:, 1]]
>>> objective = WeightedSum(parts, [1.0, -2.0])
>>> objective(torch.tensor([[3.0, 1.0], [1.0, 1.0]])).tolist()
[1.0, -1.0]

The settings of a campaign combine standardised scores :math:`z_o` of its objectives o, of which
more is better; :math:`v_o = c_o + s_o z_o` is the value on the scale of learning, with a negative
:math:`s_o` where small values are wanted. ``combined`` computes

=============  ================================================================================
weighted       :math:`\sum_o w_o z_o / \sum_o w_o`
limits         :math:`z_1 - \lambda \sum_o \max(0, d_o)` with :math:`d_o` the standard deviations
               by which :math:`v_o` misses its limit
specificity    :math:`\pm (v_1 - \max_o v_o) / |s_1|`, on-target less the worst off-target; where
               small values are wanted, less the smallest one, with the other sign
front          :math:`-\max_o \lambda_o (z_o^* - z_o) - 0.05 \sum_o \lambda_o (z_o^* - z_o)` for
               several weights :math:`\lambda`, towards a point :math:`z^*` beyond the best
               measured values (augmented Chebyshev, Knowles 2006)
=============  ================================================================================
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from designlib.config import (
    LimitsConfig,
    ObjectiveSettings,
    ParetoConfig,
    SpecificityConfig,
    WeightedConfig,
)
from designlib.types import InputError, Relaxed, Scores

ScoreFunction: TypeAlias = Callable[[Relaxed], Scores]
"""A differentiable score of relaxed designs, larger is better; rows do not depend on each other."""


class Combination(nn.Module, ABC):
    """One score made of the scores of one or more parts; InputError for no parts."""

    def __init__(self, parts: Sequence[ScoreFunction]) -> None:
        super().__init__()
        if not parts:
            raise InputError(f"{type(self).__name__} needs at least one part")
        self._all = list(parts)
        self.parts = nn.ModuleList(part for part in parts if isinstance(part, nn.Module))

    def forward(self, designs: Relaxed) -> Scores:
        """Return one score per design, in the units of the parts unless the class says else.

        Raises InputError if a part returns anything but one score per design.
        """
        scores = [part(designs) for part in self._all]
        for number, score in enumerate(scores, start=1):
            if score.shape != designs.shape[:1]:
                raise InputError(
                    f"part {number} of {type(self).__name__} returned shape "
                    f"{tuple(score.shape)}; one score per design, shape "
                    f"{tuple(designs.shape[:1])}, is needed"
                )
        return self._combine(torch.stack(scores))

    @abstractmethod
    def _combine(self, scores: Float[Tensor, "parts designs"]) -> Scores:
        """Return one score per design out of one of each part."""


class EnsembleMean(Combination):
    """Mean score of the members of an ensemble, (1/M) sum_m f_m(x)."""

    def _combine(self, scores: Float[Tensor, "parts designs"]) -> Scores:
        return scores.mean(0)


class LowerConfidence(Combination):
    """Mean of an ensemble less ``k`` times the standard deviation over its members.

    That is the sample standard deviation, with M - 1 in the denominator, and 0 for a single member.
    Where all members agree it has a kink; there its derivative is taken as 0, one of its
    subgradients. A negative ``k`` gives the upper confidence bound (Srinivas et al. 2010) that a
    search for information uses. Raises InputError for a ``k`` that is not finite.
    """

    def __init__(self, predictors: Sequence[ScoreFunction], k: float) -> None:
        super().__init__(predictors)
        if not math.isfinite(k):
            raise InputError(f"k of LowerConfidence is {k:g}; a finite number is needed")
        self.k = k

    def _combine(self, scores: Float[Tensor, "parts designs"]) -> Scores:
        if len(scores) == 1:
            return scores[0]
        variance = scores.var(0)
        agree = variance == 0
        # The root is never taken of 0: its infinite slope there, times 0, would be NaN.
        deviation = variance.masked_fill(agree, 1).sqrt().masked_fill(agree, 0)
        return scores.mean(0) - self.k * deviation


class WeightedSum(Combination):
    """Weighted sum of scores, sum_i w_i f_i(x).

    There is one finite weight per part, of any sign, in units of score / unit of the part; another
    number of weights, or one that is not finite, raises InputError.
    """

    def __init__(self, parts: Sequence[ScoreFunction], weights: Sequence[float]) -> None:
        super().__init__(parts)
        if len(weights) != len(parts):
            raise InputError(
                f"WeightedSum has {len(parts)} parts but {len(weights)} weights; "
                "one weight per part is needed"
            )
        for number, weight in enumerate(weights, 1):
            if not math.isfinite(weight):
                raise InputError(
                    f"weight {number} of WeightedSum is {weight:g}; a finite number is needed"
                )
        self.weights = tuple(weights)

    def _combine(self, scores: Float[Tensor, "parts designs"]) -> Scores:
        return _weighted(scores, self.weights)


class ProductOf(Combination):
    """Plain product of scores, prod_i f_i(x).

    It means "all of them together" only where every score is positive, such as a
    probability or a yield: the product of two negative scores is positive. Make scores positive,
    with softplus or exp, where they are not.
    """

    def _combine(self, scores: Float[Tensor, "parts designs"]) -> Scores:
        # Not prod(0): its derivative looks for zeros first, which waits for the device.
        return reduce(torch.mul, scores)


class MinimumOf(Combination):
    """Smallest of several scores on a common scale, min_i f_i(x): as good as its weakest part.

    Where parts tie, each of them gets an equal share of the derivative.
    """

    def _combine(self, scores: Float[Tensor, "parts designs"]) -> Scores:
        return scores.amin(0)


class Specificity(Combination):
    """By how much a score exceeds the largest unwanted one, f_on(x) - max_i f_off,i(x).

    The unwanted scores, at least one, are on the scale of the wanted one. Where they tie, each of
    them gets an equal share of the derivative.
    """

    def __init__(self, on_target: ScoreFunction, off_targets: Sequence[ScoreFunction]) -> None:
        if not off_targets:
            raise InputError("Specificity needs at least one off-target score")
        super().__init__([on_target, *off_targets])

    def _combine(self, scores: Float[Tensor, "parts designs"]) -> Scores:
        return _specific(scores)


class Scale(NamedTuple):
    """The relation of a standardised score to values of one objective: centre + scale * score."""

    centre: float
    scale: float
    """Negative where small values are wanted."""
    to_learn: Callable[[float], float] = float
    """A value as the predictor learns it, such as its logarithm."""


class StandardizedScores(NamedTuple):
    """Standardised scores of designs by each objective, the first one first; more is better."""

    scores: Float[Tensor, "objectives designs"]
    """The scores."""
    scales: Sequence[Scale]
    """Their relation to values."""
    ideal: Float[Tensor, "objectives"]
    """The best standardised scores that were measured."""
    trade_off: int = 0
    """Number of the combination, from 0 to less than ``walks`` of the settings."""


_STRICTNESS = 3.0
"""Standard deviations of the first objective that a limit counts which is missed by one: a miss
costs more than chains gain by it, and a score near a limit keeps its gradient."""


def combined(settings: ObjectiveSettings, standardized: StandardizedScores) -> Scores:
    """Return one score per design as a campaign's settings combine them; more is better."""
    return _COMBINATIONS[type(settings)](settings, standardized)


def _weighted_mean(settings: WeightedConfig, standardized: StandardizedScores) -> Scores:
    weights = [1.0, *(o.weight for o in settings.weighted)]
    scores = standardized.scores
    return _weighted(scores, weights) / scores.new_tensor(weights).sum()


def _within_limits(settings: LimitsConfig, standardized: StandardizedScores) -> Scores:
    scores, scales, *_ = standardized
    total = scores[0]
    for limit, score, scale in zip(settings.limits, scores[1:], scales[1:], strict=True):
        bound = (scale.to_learn(limit.bound) - scale.centre) / scale.scale
        total = total - _STRICTNESS * (bound - score).clamp(min=0)
    return total


def _specificity(settings: SpecificityConfig, standardized: StandardizedScores) -> Scores:
    del settings
    scores, scales, *_ = standardized
    values = scores.new_tensor([[scale.centre] for scale in scales])
    values = values + scores.new_tensor([[scale.scale] for scale in scales]) * scores
    first = scales[0].scale
    return _specific(values if first > 0 else -values) / abs(first)


def _augmented_chebyshev(settings: ParetoConfig, standardized: StandardizedScores) -> Scores:
    scores, _, ideal, trade_off = standardized
    weights = scores.new_tensor(settings.trade_offs()[trade_off])[:, None]
    missing = weights * (ideal.to(scores)[:, None] + _BEYOND - scores)
    return -missing.amax(0) - _AUGMENTED * missing.sum(0)


_COMBINATIONS: Mapping[type[ObjectiveSettings], Callable[[Any, StandardizedScores], Scores]] = (
    MappingProxyType(
        {
            WeightedConfig: _weighted_mean,
            LimitsConfig: _within_limits,
            SpecificityConfig: _specificity,
            ParetoConfig: _augmented_chebyshev,
        }
    )
)

_BEYOND = 1.0
_AUGMENTED = 0.05


def _weighted(scores: Float[Tensor, "parts designs"], weights: Sequence[float]) -> Scores:
    weighted = [weight * score for weight, score in zip(weights, scores, strict=True)]
    return torch.stack(weighted).sum(0)


def _specific(scores: Float[Tensor, "parts designs"]) -> Scores:
    """Return the first score less the largest of the others."""
    return scores[0] - scores[1:].amax(0)
