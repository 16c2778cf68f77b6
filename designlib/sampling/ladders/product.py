"""Checkpoints times temperatures: every rung of a ladder at several inverse temperatures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from designlib.sampling.ladders.base import Rung
from designlib.types import InputError

__all__ = ["product_ladder"]


def product_ladder(ladder: Sequence[Rung], factors: Sequence[float]) -> list[Rung]:
    """Return each rung at its beta times each of ``factors``, in their order.

    A chain goes through all temperatures of a checkpoint before the next one begins; with
    factors that rise to 1 it is softened on each new checkpoint and then let settle.

    Raises InputError for an empty ladder, no factor, or one that is not positive.

    >>> product_ladder([], [1.0])
    Traceback (most recent call last):
    designlib.errors.InputError: a product needs a ladder with at least one rung
    """
    if not ladder:
        raise InputError("a product needs a ladder with at least one rung")
    if not factors:
        raise InputError("a product needs at least one factor")
    for factor in factors:
        if not (factor > 0 and math.isfinite(factor)):
            raise InputError(f"factor {factor:g} of beta is not positive and finite")
    rungs = []
    for rung in ladder:
        for factor in factors:
            label = rung.label if factor == 1 else f"{rung.label} x {factor:g}"
            target = replace(rung.target, beta=rung.target.beta * factor, label=label)
            rungs.append(Rung(target, rung.steps, label))
    return rungs
