"""Normalising constants out of importance weights."""

from __future__ import annotations

import math
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from designlib.types import InputError

__all__ = ["Evidence", "log_mean_exp_with_error"]


class Evidence(NamedTuple):
    """An estimate of log Z.

    Attributes
    ----------
    log_z
        log of the mean weight, in nats. Z is estimated without bias; log Z is, on average,
        too small by about error^2 / 2.
    error
        Standard error of ``log_z``, in nats.
    effective_samples
        (sum w)^2 / sum w^2 over all weights: equal weights that would be worth as much.
    """

    log_z: float
    error: float
    effective_samples: float


def log_mean_exp_with_error(log_weights: Float[Tensor, "*populations particles"]) -> Evidence:
    """Return log Z, its standard error and the effective sample size of weights.

    log Z = log((1/N) sum_i w_i). By the delta method its error is the relative error of the
    mean weight, sd(w) / (mean(w) sqrt(N)). Particles of one population are seldom
    independent, since resampling makes them relatives; with two or more populations the
    error is therefore that of the mean of the populations' own mean weights. It is
    trustworthy where it is well below 1.

    Parameters
    ----------
    log_weights
        Logarithms of weights, in nats: of independent particles, or of particles by
        independent population. -inf is a weight of 0.

    Raises
    ------
    InputError
        Fewer than two particles or populations, NaN or +inf, or -inf everywhere.

    Examples
    --------
    >>> import torch
    >>> log_mean_exp_with_error(torch.tensor([0.0, 0.0, 0.0]))
    Evidence(log_z=0.0, error=0.0, effective_samples=3.0)
    """
    weights = log_weights.detach().double()
    _require_weights(weights)
    independent = weights if weights.ndim == 1 else _log_mean(weights).flatten()
    if len(independent) < 2:
        what = "weights" if weights.ndim == 1 else "populations"
        raise InputError(f"an error needs at least 2 {what}, not {len(independent)}")
    return Evidence(
        float(_log_mean(weights.flatten())),
        _relative_error(independent),
        _effective_samples(weights.flatten()),
    )


def _require_weights(weights: Float[Tensor, "*populations particles"]) -> None:
    if weights.numel() == 0:
        raise InputError("there are no weights")
    wrong = (weights.isnan() | weights.isposinf()).nonzero()
    if len(wrong):
        place = ", ".join(str(index + 1) for index in wrong[0].tolist())
        raise InputError(
            f"log weight {place} is {float(weights[tuple(wrong[0])]):g}; finite numbers and -inf "
            "are accepted"
        )
    if weights.isneginf().all():
        raise InputError("every log weight is -inf: no weight is left to estimate log Z from")


def _log_mean(weights: Float[Tensor, "*populations particles"]) -> Float[Tensor, "*populations"]:
    return weights.logsumexp(-1) - math.log(weights.shape[-1])


def _effective_samples(weights: Float[Tensor, "particles"]) -> float:
    # Equal weights give exactly their number, since the largest is taken out before the sums.
    scaled = (weights - weights.max()).exp()
    return float(scaled.sum() ** 2 / scaled.square().sum())


def _relative_error(weights: Float[Tensor, "particles"]) -> float:
    scaled = (weights - weights.max()).exp()
    return float(scaled.std() / (scaled.mean() * math.sqrt(len(scaled))))
