"""Where good designs that are known already enter a ladder."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Shaped
from torch import Tensor

from designlib.predictors import evaluate
from designlib.sampling.ladders.base import Rung

__all__ = ["elite_entry_rung"]


def elite_entry_rung(
    ladder: Sequence[Rung],
    elites: Shaped[Tensor, "elites columns"],
    reference: Shaped[Tensor, "reference columns"],
    *,
    standing: float = 0.9,
) -> int:
    """Return the first rung from which on the elites stand out among the reference designs.

    Early rungs know little: they would wash out what good measured designs had. The elites' median
    score is compared with the reference designs' scores on each rung; they stand out where it is
    above a share ``standing`` of them, on this and all later rungs. Where that never holds, the
    last rung is returned.
    """
    entry = len(ladder) - 1
    for index in range(len(ladder) - 1, -1, -1):
        target = ladder[index].target
        good = evaluate(target.predict, target.space.relax(elites, target.dtype)).median()
        usual = evaluate(target.predict, target.space.relax(reference, target.dtype))
        if float((usual < good).double().mean()) < standing:
            break
        entry = index
    return entry
