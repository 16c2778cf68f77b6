"""Whether chains agree, and how many independent draws theirs are worth.

A wrapper around the array functions of arviz-stats that raises where they return NaN.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Real
from torch import Tensor

from designlib.types import InputError

_TAIL = 0.05
_FEWEST_DRAWS = 4


class EffectiveSampleSize(NamedTuple):
    """How many independent draws all chains together are worth, by quantity, in float64."""

    bulk: Float[Tensor, "*quantities"]
    """For the centre of the distribution: of the rank-normalised draws."""
    tail: Float[Tensor, "*quantities"]
    """For its tails: the smaller one of the 5 % and the 95 % quantile."""


def r_hat(draws: Real[Tensor, "chains draws *quantities"]) -> Float[Tensor, "*quantities"]:
    """Return the rank-normalised split R-hat of each quantity, in float64.

    With n draws per half chain, B/n the variance of the half chains' means and W the mean
    of their variances, R-hat = sqrt((n - 1)/n + (B/n)/W), of the rank-normalised draws and of
    their rank-normalised distances from the median; the larger of the two counts.
    Near 1 the chains agree; above 1.01 they do not. It is infinite where every half chain
    stays at one value but not all at the same.

    ``draws`` are of at least 2 chains, at least 4 each, in order. Raises InputError for fewer, a
    draw that is not finite, or a quantity that never changes: it has no R-hat.

    References
    ----------
    Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021). Rank-normalization, folding, and
    localization: an improved R-hat. Bayesian Analysis 16, 667-718. Computed by arviz-stats.
    """
    # Here, since it imports scipy.stats, which takes a second that most commands can do without.
    from arviz_stats.base.array import array_stats

    array = _usable(draws, fewest_chains=2)
    # One of the two R-hats may divide by 0; the other one then counts.
    with np.errstate(divide="ignore", invalid="ignore"):
        values = _tensor(array_stats.rhat(array, chain_axis=0, draw_axis=1))
    # The variance of equal numbers may round to a little more than 0.
    halves = _halves(draws).cpu()
    return values.masked_fill((halves == halves[:, :1]).all(1).all(0), math.inf)


def effective_sample_size(
    draws: Real[Tensor, "chains draws *quantities"],
) -> EffectiveSampleSize:
    """Return the effective sample size of each quantity over all chains.

    N / tau with tau = 1 + 2 sum_t rho_t, the autocorrelations rho_t estimated over split
    chains and cut by Geyer's rule. A quantity of few values, such as a letter, may have a
    quantile at its largest value; that quantile then counts with all N draws.

    ``draws`` are of one or more chains, at least 4 each, in order. Raises InputError for fewer, a
    draw that is not finite, or a quantity that never changes: nobody can tell from it how many
    draws are independent.

    References
    ----------
    As for ``r_hat``; Geyer (1992). Practical Markov chain Monte Carlo. Statistical
    Science 7, 473-483.
    """
    from arviz_stats.base.array import array_stats

    array = _usable(draws, fewest_chains=1)
    bulk = array_stats.ess(array, chain_axis=0, draw_axis=1, method="bulk")
    tail = array_stats.ess(array, chain_axis=0, draw_axis=1, method="tail", prob=_TAIL)
    return EffectiveSampleSize(_tensor(bulk), _tensor(tail))


def _usable(draws: Real[Tensor, "chains draws *quantities"], fewest_chains: int) -> np.ndarray:
    """Return the draws as an array; raise InputError where they say nothing."""
    chains, length = draws.shape[:2]
    if chains < fewest_chains or length < _FEWEST_DRAWS:
        raise InputError(
            f"{chains} chains of {length} draws were given; at least {fewest_chains} of at least "
            f"{_FEWEST_DRAWS} are needed"
        )
    bad = (~draws.isfinite()).nonzero()
    if len(bad):
        chain, draw, *quantity = bad[0].tolist()
        raise InputError(
            f"draw {draw + 1} of chain {chain + 1}{_of(quantity)} is "
            f"{float(draws[tuple(bad[0])]):g}; finite numbers are needed"
        )
    halves = _halves(draws)
    still = (halves == halves[:1, :1]).all(0).all(0)
    if still.any():
        quantity = still.nonzero()[0].tolist()
        raise InputError(
            f"the draws{_of(quantity)} never change from {float(draws[(0, 0, *quantity)]):g}; "
            "a constant has neither an R-hat nor an effective sample size"
        )
    return draws.detach().double().cpu().numpy()


def _halves(
    draws: Real[Tensor, "chains draws *quantities"],
) -> Real[Tensor, "halves half_draws *quantities"]:
    """Return each chain as two; of an odd number of draws the middle one is in neither."""
    half = draws.shape[1] // 2
    return torch.cat([draws[:, :half], draws[:, -half:]])


def _of(quantity: list[int]) -> str:
    return f" of quantity {', '.join(str(index + 1) for index in quantity)}" if quantity else ""


def _tensor(numbers: Any) -> Float[Tensor, "*quantities"]:
    return torch.as_tensor(numbers, dtype=torch.float64)
