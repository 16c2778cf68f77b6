"""How a predictor gets better with more data: a power law with its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64
from scipy.stats import t as student

from designlib.types import InputError

_EXPONENTS = np.geomspace(0.05, 2.0, 48)
_FLOORS = np.linspace(0.0, 1.0, 48)
_DRAWS = (np.arange(21) + 0.5) / 21
_LEAST_NOISE = 1e-3
_HALVINGS = 3


class Expected(NamedTuple):
    """A quantity with its interval of 90 %."""

    low: float
    middle: float
    high: float


class PowerLaw(NamedTuple):
    r"""Curves :math:`e(n) = a + b n^{-c}`, floor, factor and exponent, each with its weight."""

    floor: Float64[np.ndarray, "curves"]
    factor: Float64[np.ndarray, "curves"]
    exponent: Float64[np.ndarray, "curves"]
    weight: Float64[np.ndarray, "curves"]
    """Posterior probability of each curve; they sum to 1."""
    noise: Float64[np.ndarray, "curves"]
    """Deviation of a training from its curve, with other designs and another seed."""
    freedom: int
    """Degrees of freedom that the noise is known with."""

    def error(self, rows: float | int) -> Expected:
        """Return the error that training on so many rows is expected to give, noise included."""
        away = student.ppf(_DRAWS, self.freedom)
        values = (self._at(rows)[:, None] + self.noise[:, None] * away).ravel()
        return _quantiles(values, np.repeat(self.weight / len(away), len(away)))

    def gain(self, rows: float | int, more: float | int) -> Expected:
        """Return by how much so many more rows are expected to lower the error."""
        return _quantiles(self._at(rows) - self._at(rows + more), self.weight)

    def _at(self, rows: float | int) -> Float64[np.ndarray, "curves"]:
        return self.floor + self.factor * rows**-self.exponent


def subset_sizes(rows: int) -> list[int]:
    """Return an eighth, a quarter, half and all of the rows.

    >>> subset_sizes(4000)
    [500, 1000, 2000, 4000]
    """
    return [rows // 2**halving for halving in range(_HALVINGS, -1, -1)]


def fit_power_law(rows: Sequence[int], error: Float[np.ndarray, "trainings"]) -> PowerLaw:
    r"""Return the power laws that go with the errors of trainings on subsets.

    All curves of a grid of exponents from 0.05 to 2 and floors from 0 to the least mean error are
    weighed by :math:`(\sum r^2)^{-(\nu + 1) / 2}`, each with its best factor, at least 0: their
    likelihood for an unknown noise with the :math:`\nu` degrees of freedom that repeats of the
    same size leave. So few sizes do not tell floor and exponent apart, which the intervals show
    (Hestness et al. 2017 for the law itself).

    Raises InputError for fewer than three sizes, no repeats, or errors that are not above 0.
    """
    sizes, place = np.unique(np.asarray(rows, dtype=np.float64), return_inverse=True)
    counts = np.bincount(place)
    if len(sizes) < 3 or len(error) <= len(sizes):
        raise InputError(
            f"a learning curve needs three sizes with repeats, not {len(error)} trainings of "
            f"{len(sizes)} sizes"
        )
    if not (np.isfinite(error).all() and (error > 0).all()):
        raise InputError("a learning curve needs errors above 0")
    means = np.bincount(place, error) / counts
    freedom = len(error) - len(sizes)
    within = max(float(((error - means[place]) ** 2).sum()), (_LEAST_NOISE * means.max()) ** 2)
    exponent, share = (grid.ravel() for grid in np.meshgrid(_EXPONENTS, _FLOORS, indexing="ij"))
    floor = share * means.min()
    shape = sizes ** -exponent[:, None]
    above = means - floor[:, None]
    factor = np.maximum((counts * shape * above).sum(1) / (counts * shape**2).sum(1), 0.0)
    misfit = (counts * (above - factor[:, None] * shape) ** 2).sum(1)
    squares = within + misfit
    weight = (squares / squares.min()) ** (-(freedom + 1) / 2)
    noise = np.sqrt(squares / freedom)
    return PowerLaw(floor, factor, exponent, weight / weight.sum(), noise, freedom)


def _quantiles(
    values: Float64[np.ndarray, "draws"], weight: Float64[np.ndarray, "draws"]
) -> Expected:
    shares = (0.05, 0.5, 0.95)
    return Expected(*np.quantile(values, shares, method="inverted_cdf", weights=weight).tolist())
