"""A ladder of one rung: a plain chain on one target."""

from __future__ import annotations

from designlib.sampling.ladders.base import Rung, check_steps
from designlib.sampling.targets import Target

__all__ = ["fixed_ladder"]


def fixed_ladder(target: Target, steps: int) -> list[Rung]:
    """Return the ladder whose only rung is ``target``; raise InputError for no steps."""
    check_steps(steps)
    return [Rung(target, steps, target.label or "fixed")]
