r"""How Design-Bench judges a batch: 128 candidates, their best and their median, normalised.

Trabucco, Geng, Kumar and Levine, "Design-Bench: benchmarks for data-driven offline model-based
optimization", ICML 2022. With y_min and y_max over all measured designs, those withheld from
training included, a value counts as

.. math:: (y - y_{min}) / (y_{max} - y_{min}).
"""

from __future__ import annotations

from typing import NamedTuple

from designlib.types import InputError, Scores

__all__ = ["CANDIDATES", "BatchScore", "judge_batch", "normalised"]

CANDIDATES = 128
"""Designs in a batch that is judged."""


class BatchScore(NamedTuple):
    """What a batch is worth; 1 is the best measured design, 0 the worst.

    Attributes
    ----------
    best
        The 100th percentile of the normalised true values.
    median
        Their 50th percentile, the mean of the middle two.
    """

    best: float
    median: float


def normalised(values: Scores, lowest: float, highest: float) -> Scores:
    """Return where values lie between the lowest (0) and the highest (1) measured one.

    Raises InputError unless ``lowest`` is below ``highest``.
    """
    if not lowest < highest:
        raise InputError(f"values cannot be normalised between {lowest:g} and {highest:g}")
    return (values - lowest) / (highest - lowest)


def judge_batch(values: Scores, lowest: float, highest: float) -> BatchScore:
    """Return the best and the median of the true values of a batch of 128, normalised.

    Raises InputError for another number of candidates and for NaN.
    """
    if len(values) != CANDIDATES:
        raise InputError(f"Design-Bench judges {CANDIDATES} candidates, not {len(values)}")
    if bool(values.isnan().any()):
        raise InputError("a candidate has no true value (NaN)")
    scores = normalised(values.double(), lowest, highest)
    return BatchScore(float(scores.max()), float(scores.quantile(0.5)))
