"""Importance weights: how many draws they are worth, resampling by them, and log Z."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

LogWeights = Float[Tensor, "populations particles"]


class Evidence(NamedTuple):
    """An estimate of log Z."""

    log_z: float
    """Log of the mean weight, in nats. Z is estimated without bias; log Z is, on average,
    too small by about error^2 / 2.
    """
    error: float
    """Standard error of ``log_z``, in nats; trustworthy where it is well below 1."""
    effective_samples: float
    """(sum w)^2 / sum w^2 over all weights: equal weights that would be worth as much."""


def effective_share(log_weights: LogWeights) -> Float[Tensor, "populations"]:
    """Return the effective sample size (sum w)^2 / sum w^2 as a share of the particles."""
    normalised = log_weights.log_softmax(1)
    return (-(2 * normalised).logsumexp(1)).exp() / log_weights.shape[1]


def conditional_share(
    log_weights: LogWeights, increments: LogWeights
) -> Float[Tensor, "populations"]:
    """Return the conditional effective sample size of incremental weights as a share.

    (sum W v)^2 / sum W v^2 with W the normalised weights and v = exp(increments) (Zhou, Johansen
    and Aston 2016): what one more step of weighting costs, whatever came before.
    """
    weights = log_weights.log_softmax(1)
    once = (weights + increments).logsumexp(1)
    twice = (weights + 2 * increments).logsumexp(1)
    return (2 * once - twice).exp()


def systematic(
    log_weights: LogWeights, uniforms: Float[Tensor, "populations"]
) -> Int[Tensor, "populations particles"]:
    """Return the particle that each place of each population inherits (systematic resampling).

    Place i of n takes the particle into whose share of the cumulative weight (i + u) / n falls;
    each particle gets the whole part of its expected number of copies or one more (Kitagawa 1996).
    A particle of weight 0 is never taken.
    """
    n = log_weights.shape[1]
    cumulative = log_weights.double().softmax(1).cumsum(1)
    places = torch.arange(n, dtype=torch.float64, device=log_weights.device)
    wanted = (places + uniforms[:, None]) / n * cumulative[:, -1:]
    # Rounding must not carry the last place past the last particle that has a weight.
    below = torch.nextafter(cumulative[:, -1:], torch.zeros_like(cumulative[:, -1:]))
    return torch.searchsorted(cumulative, torch.minimum(wanted, below), right=True)


def genealogical_variance(
    log_weights: LogWeights,
    ancestors: Int[Tensor, "populations particles"],
    resamplings: Int[Tensor, "populations"],
) -> Float[Tensor, "populations"]:
    r"""Return the relative variance of Z estimated from who descends from whom.

    .. math:: 1 - (N / (N - 1))^{k + 1} \, \bigl(1 - \sum_a (\sum_{i: a_i = a} W_i)^2\bigr)

    with W the normalised weights, a_i the first ancestor of particle i and k the number of
    resamplings (Lee and Whiteley 2018; theirs is for multinomial resampling, which varies more
    than the systematic one). Without resampling it is the variance of the weights over N times
    their squared mean. Not below 0; close to 1 where few ancestors are left, which says that the
    true variance may be much larger.
    """
    n = log_weights.shape[1]
    weights = log_weights.double().softmax(1)
    families = torch.zeros_like(weights).scatter_add(1, ancestors, weights)
    apart = 1 - families.pow(2).sum(1)
    factor = (n / (n - 1)) ** (resamplings.double() + 1)
    return (1 - factor * apart).clamp(min=0)
