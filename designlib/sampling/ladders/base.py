"""Rungs, and ladders of one target: fixed, or at rising inverse temperatures."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

from designlib.sampling.targets import Target
from designlib.types import InputError


class Rung(NamedTuple):
    """One target of a ladder and how many kernel steps are spent on it."""

    target: Target
    steps: int
    label: str


def check_steps(steps: int, final_steps: int = 0) -> None:
    """Raise InputError unless ``steps`` is at least 1 and ``final_steps`` at least 0."""
    if steps < 1 or final_steps < 0:
        raise InputError(
            f"a ladder needs steps >= 1 on a rung and final_steps >= 0, not {steps} and "
            f"{final_steps}"
        )


def fixed_ladder(target: Target, steps: int) -> list[Rung]:
    """Return the ladder whose only rung is ``target``; raise InputError for no steps."""
    check_steps(steps)
    return [Rung(target, steps, target.label or "fixed")]


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

    ``lowest`` is that of the first of at least two rungs, in units of 1 / score. Each gets
    ``steps`` kernel steps, the last one ``final_steps`` more. Raises InputError for a value out of
    range.
    """
    check_steps(steps, final_steps)
    ladder = []
    for beta in geometric_betas(lowest, target.beta, rungs):
        label = f"{target.label} at beta {beta:.4g}".strip()
        ladder.append(Rung(replace(target, beta=beta, label=label), steps, label))
    ladder[-1] = ladder[-1]._replace(steps=steps + final_steps)
    return ladder
