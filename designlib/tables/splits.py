"""Which measurements are learned from and which only judge."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool

from designlib.config import SplitConfig
from designlib.types import InputError

FOLDS = ("test", "validation", "validation_model", "predictor")
_SMALLEST_FOLD = 2


def assign_folds(groups: Sequence[str], config: SplitConfig, seed: int) -> list[str]:
    """Return a fold of ``FOLDS`` for each design; equal groups share a fold.

    Raises InputError where a fold would get fewer than two molecules.
    """
    distinct = sorted(set(groups), key=lambda group: _hash(seed, group))
    counts = [round(share * len(distinct)) for share in (config.test, config.validation)]
    counts.append(round(config.validation_model * len(distinct)))
    counts = [max(_SMALLEST_FOLD, count) for count in counts]
    left = len(distinct) - sum(counts)
    if left < _SMALLEST_FOLD:
        raise InputError(
            f"{len(distinct)} distinct designs are too few for test, validation, "
            f"validation_model and predictor folds of at least {_SMALLEST_FOLD}"
        )
    order = np.repeat(FOLDS, [*counts, left])
    fold_of = dict(zip(distinct, order.tolist(), strict=True))
    return [fold_of[group] for group in groups]


def visible_rows(values: pd.Series, share: float, *, maximise: bool) -> Bool[np.ndarray, "rows"]:
    """Return which rows a simulated campaign may learn from: the worst ``share`` of the table.

    Rows of equal value stay together.
    """
    place = values.rank(pct=True, ascending=maximise, method="average")
    return (place <= share).to_numpy()


def random_rows(designs: Sequence[str], share: float, seed: int) -> Bool[np.ndarray, "rows"]:
    """Return which rows a simulated campaign may learn from: a random ``share`` of the designs.

    The same seed draws the same rows, whatever their order; at least one is drawn.
    """
    order = sorted(range(len(designs)), key=lambda row: _hash(seed, f"visible\x1f{designs[row]}"))
    seen = np.zeros(len(designs), dtype=bool)
    seen[order[: max(1, round(share * len(designs)))]] = True
    return seen


def _hash(seed: int, group: str) -> bytes:
    return hashlib.blake2b(f"{seed}\x1f{group}".encode(), digest_size=16).digest()
