"""How far a checkpoint has learned each component of the final predictor.

A component is a degree of interaction or the length of a k-mer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from designlib.sampling.targets import NonFiniteScoreError
from designlib.types import InputError, Relaxed, Scores


class Alignment(NamedTuple):
    """A checkpoint f_t against the final predictor f_T, by component k, in float64.

    Component k is the degree k of interaction, or the k-mers.
    """

    cosine: Float[Tensor, "*checkpoints components"]
    """<f_t, f_T>_k / (|f_t|_k |f_T|_k), from -1 to 1; 0 where either has no component k."""
    learned: Float[Tensor, "*checkpoints components"]
    """Regression coefficient <f_t, f_T>_k / <f_T, f_T>_k, the share of the final component that the
    checkpoint has; 0 where the final predictor has no component k."""
    energy: Float[Tensor, "*checkpoints components"]
    """<f_t, f_t>_k, the checkpoint's mean square in component k, in score units squared."""


def align(
    cross: Float[Tensor, "components"],
    energy: Float[Tensor, "components"],
    final_energy: Float[Tensor, "components"],
    floor: float,
    final_floor: float,
) -> Alignment:
    """Return the alignment out of inner products; an energy up to its floor counts as none."""
    present = final_energy > final_floor
    both = present & (energy > floor)
    # A cosine of 1 may round to a little more.
    cosine = _ratio(cross, (energy * final_energy).sqrt(), both).clamp(-1, 1)
    return Alignment(cosine, _ratio(cross, final_energy, present), energy)


def rounding_floor(values: Float[Tensor, "*batch designs"]) -> float:
    """Return the energy below which a component of ``values`` may be rounding alone."""
    error = 100 * torch.finfo(values.dtype).eps
    return float(error**2 * values.double().square().mean())


def predicted_values(
    predict: Callable[[Relaxed], Scores], batches: Iterable[Tensor]
) -> Float[Tensor, "designs"]:
    """Return the scores of all batches without gradients, in the predictor's type.

    Raises InputError where the predictor does not return one score per design, and
    NonFiniteScoreError for a score that is NaN or infinite.
    """
    with torch.no_grad():
        return torch.cat([_checked(predict(batch), batch) for batch in batches])


def _checked(scores: Tensor, batch: Relaxed) -> Scores:
    if scores.shape != batch.shape[:1]:
        raise InputError(
            f"the predictor returned shape {tuple(scores.shape)}; one score per design, shape "
            f"{tuple(batch.shape[:1])}, is needed"
        )
    if not scores.isfinite().all():
        raise NonFiniteScoreError("the predictor gave a score that is NaN or infinite")
    return scores


def _ratio(above: Tensor, below: Tensor, where: Tensor) -> Tensor:
    return torch.where(where, above / below.where(where, 1), 0.0)
