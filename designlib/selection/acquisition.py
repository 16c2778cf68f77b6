"""Acquisition: one number from mean and standard deviation, by which a batch is ranked."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.stats import norm

from designlib.config import AcquisitionKind
from designlib.randomness import numpy_generator
from designlib.types import InputError


def acquisition(
    mean: Float[np.ndarray, "designs"],
    std: Float[np.ndarray, "designs"],
    *,
    std_weight: float,
    maximise: bool,
    kind: AcquisitionKind = "lower_bound",
    best: float | None = None,
) -> Float[np.ndarray, "designs"]:
    r"""Return the acquisition of each design; more is better.

    With :math:`\mu` and :math:`\sigma` mean and standard deviation of the ensemble, :math:`w` the
    ``std_weight``, :math:`f` the ``best`` measured value, and :math:`s` 1 when large values are
    wanted and -1 when small ones are:

    ====================  ==========================================================
    lower_bound           :math:`s\mu - w\sigma`, cautious
    mean                  :math:`s\mu`
    upper_bound           :math:`s\mu + w\sigma`, optimistic (Srinivas et al., 2010)
    expected_improvement  :math:`d\,\Phi(d/\sigma) + \sigma\,\varphi(d/\sigma)` with
                          :math:`d = s(\mu - f)` (Mockus 1975, Jones et al. 1998)
    ====================  ==========================================================

    Raises InputError for expected improvement without a best value, and for ``thompson``, which
    needs the predictions of every member; see `thompson_order`.
    """
    sign = 1.0 if maximise else -1.0
    match kind:
        case "lower_bound":
            return sign * mean - std_weight * std
        case "mean":
            return sign * mean
        case "upper_bound":
            return sign * mean + std_weight * std
        case "expected_improvement" if best is not None:
            return _expected_improvement(sign * (mean - best), std)
        case _:
            raise InputError(f"acquisition {kind} needs more than mean and standard deviation")


def _expected_improvement(
    ahead: Float[np.ndarray, "designs"], std: Float[np.ndarray, "designs"]
) -> Float[np.ndarray, "designs"]:
    certain = std <= 0
    scale = np.where(certain, 1.0, std)
    z = ahead / scale
    return np.where(certain, np.maximum(ahead, 0.0), ahead * norm.cdf(z) + scale * norm.pdf(z))


def thompson_order(
    members: Float[np.ndarray, "members designs"], *, maximise: bool, seed: int
) -> Float[np.ndarray, "designs"]:
    """Return the acquisition that ranks designs by Thompson draws over the members.

    Again and again a member is drawn and takes the best design, by its own prediction, of those
    that are left (Thompson 1933; Kandasamy et al. 2018 for batches). The design that is taken
    first gets as many points as there are designs, the last one 1.
    """
    count = members.shape[1]
    orders = np.argsort((-1.0 if maximise else 1.0) * members, axis=1, kind="stable")
    drawn = numpy_generator(seed, "thompson").integers(len(members), size=count)
    points = np.zeros(count)
    reached = np.zeros(len(members), dtype=np.int64)
    for turn, member in enumerate(drawn):
        while points[orders[member, reached[member]]]:
            reached[member] += 1
        points[orders[member, reached[member]]] = count - turn
    return points
