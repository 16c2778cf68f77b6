"""What a rung of a ladder is, and what lies between two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from designlib.sampling.objectives import ScoreFunction, WeightedSum
from designlib.sampling.targets import Target
from designlib.types import InputError

__all__ = ["Rung", "bridge", "check_steps"]


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


def bridge(first: Target, second: Target, share: float) -> Target:
    r"""Return the geometric bridge between two targets.

    .. math:: \pi_\lambda(x) \propto \pi_1(x)^{1 - \lambda} \pi_2(x)^{\lambda}

    with lambda the ``share``, between 0 and 1. Where both have the same predictor it is that
    predictor at the weighted mean of the two betas and costs no more than one of them; else it
    costs both. Bridging onward from a bridge is possible.

    Raises InputError where the share is outside 0 to 1 or the spaces or constraints differ.
    """
    if not 0 < share < 1:
        raise InputError(f"a bridge lies between its ends: 0 < share < 1, not {share:g}")
    if first.space != second.space or first.constraint is not second.constraint:
        raise InputError(
            f"{first.label!r} and {second.label!r} have different spaces or constraints; a bridge "
            "needs the same"
        )
    label = f"{first.label} to {second.label}"
    if first.same_score(second):
        beta = (1 - share) * first.beta + share * second.beta
        return replace(second, beta=beta, label=label)
    return replace(
        second,
        predict=_Bridge(_weighted(1 - share, first) + _weighted(share, second)),
        beta=1.0,
        label=label,
        differentiable=first.differentiable and second.differentiable,
    )


class _Bridge(WeightedSum):
    """A weighted sum of scores that knows its parts, so that bridges of bridges stay flat."""

    def __init__(self, pairs: Sequence[tuple[float, ScoreFunction]]) -> None:
        weights: dict[int, float] = {}
        for weight, part in pairs:
            weights[id(part)] = weights.get(id(part), 0.0) + weight
        distinct = {id(part): part for _, part in pairs}
        super().__init__(list(distinct.values()), list(weights.values()))
        self.pairs = [(weights[key], part) for key, part in distinct.items()]


def _weighted(weight: float, target: Target) -> list[tuple[float, ScoreFunction]]:
    weight = weight * target.beta
    if isinstance(target.predict, _Bridge):
        return [(weight * share, part) for share, part in target.predict.pairs]
    return [(weight, target.predict)]
