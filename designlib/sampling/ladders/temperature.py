"""Temperature annealing: one predictor at rising inverse temperatures."""

from __future__ import annotations

import math
from dataclasses import replace

from designlib.sampling.ladders.base import Rung, check_steps
from designlib.sampling.targets import Target
from designlib.types import InputError

__all__ = ["geometric_betas", "temperature_ladder"]


def geometric_betas(lowest: float, highest: float, rungs: int) -> list[float]:
    """Return ``rungs`` inverse temperatures, each the same multiple of the one before.

    Raises InputError unless 0 < lowest < highest and there are at least two rungs.

    >>> geometric_betas(1.0, 100.0, 3)
    [1.0, 10.0, 100.0]
    """
    if not (0 < lowest < highest and math.isfinite(highest)):
        raise InputError(
            f"inverse temperatures from {lowest:g} to {highest:g}: 0 < lowest < highest is needed"
        )
    if rungs < 2:
        raise InputError(f"a temperature ladder needs at least two rungs, not {rungs}")
    ratio = highest / lowest
    return [lowest * ratio ** (index / (rungs - 1)) for index in range(rungs - 1)] + [highest]


def temperature_ladder(
    target: Target, lowest: float, rungs: int, steps: int, final_steps: int = 0
) -> list[Rung]:
    """Return ``target`` at geometrically rising inverse temperatures, ending at its own.

    Parameters
    ----------
    target
        The last rung; its beta is the highest.
    lowest
        Inverse temperature of the first rung, in units of 1 / score.
    rungs
        Number of rungs, at least two.
    steps, final_steps
        Kernel steps on each rung, and further ones on the last.

    Raises
    ------
    InputError
        A value out of range.
    """
    check_steps(steps, final_steps)
    ladder = []
    for beta in geometric_betas(lowest, target.beta, rungs):
        label = f"{target.label} at beta {beta:.4g}".strip()
        ladder.append(Rung(replace(target, beta=beta, label=label), steps, label))
    ladder[-1] = ladder[-1]._replace(steps=steps + final_steps)
    return ladder
