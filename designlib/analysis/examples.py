"""What single training examples did to the learning, by their losses along the checkpoints."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int64

from designlib.types import InputError

_STRATA = 10
_DEVIATIONS = 3.0
_NORMAL = 1.4826  # a normal distribution's deviation over its median absolute deviation

_Losses = Float[np.ndarray, "checkpoints rows"]


def agreement(
    training: _Losses, validation: Float[np.ndarray, "checkpoints"]
) -> Float[np.ndarray, "rows"]:
    """Return how the loss of each training row changes with ``validation``, the mean of others.

    The mean is that which training minimises: weighted where training is.
    Pearson's correlation of the differences from checkpoint to checkpoint (Nagaraj et al. 2025,
    correlation of loss differences): 1 where a row is learned when what generalises is, below 0
    where its loss rises while the others fall; 0 where it never changes.

    Raises InputError for fewer than three checkpoints, which have no two differences, and for NaN.
    """
    if len(training) < 3 or len(training) != len(validation):
        raise InputError(
            f"agreement needs the same three checkpoints or more, not {len(training)} and "
            f"{len(validation)}"
        )
    if not (np.isfinite(training).all() and np.isfinite(validation).all()):
        raise InputError("agreement needs losses that are all finite")
    rows, others = np.diff(training, axis=0), np.diff(validation)
    rows, others = rows - rows.mean(0), others - others.mean()
    size = np.linalg.norm(rows, axis=0) * np.linalg.norm(others)
    return np.divide(others @ rows, size, out=np.zeros(rows.shape[1]), where=size > 0)


def mislabelled(
    error: Float[np.ndarray, "rows"], agrees: Float[np.ndarray, "rows"]
) -> Bool[np.ndarray, "rows"]:
    """Return which rows look as if their value were wrong.

    Rows that do not agree with the validation rows, and whose ``error``, prediction less value at
    the checkpoint that is best on validation, before wrong values are learned by heart, lies more
    than three robust deviations from the median of all. A surprising row may also be a discovery:
    measure it again.
    """
    away = np.abs(error - np.median(error))
    return (agrees < 0) & (away > _DEVIATIONS * _NORMAL * np.median(away))


def core_set(
    agrees: Float[np.ndarray, "rows"], target: Float[np.ndarray, "rows"], size: int
) -> Int64[np.ndarray, "chosen"]:
    """Return the rows of a core set, in rising order: the most agreeing ones of each value range.

    Ten ranges with equally many rows each give the same share, so that the set has as many good
    designs as the table.

    Raises InputError for a size that is not between 1 and the number of rows.

    >>> core_set(np.array([0.1, 0.9, 0.8, 0.2]), np.array([1.0, 2.0, 3.0, 4.0]), 2).tolist()
    [1, 2]
    """
    if not 1 <= size <= len(agrees):
        raise InputError(f"a core set has 1 to {len(agrees)} rows, not {size}")
    strata = min(_STRATA, size)
    by_value = np.argsort(target, kind="stable")
    parts = np.array_split(by_value, strata)
    # As many of each range as sums come out right, however few rows a range has.
    ends = np.round(np.cumsum([len(part) for part in parts]) * size / len(agrees)).astype(int)
    takes = np.diff(ends, prepend=0)
    chosen = [
        part[np.argsort(-agrees[part], kind="stable")[:take]]
        for part, take in zip(parts, takes, strict=True)
    ]
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def example_table(
    training: _Losses,
    validation: Float[np.ndarray, "checkpoints"],
    error: Float[np.ndarray, "checkpoints rows"],
) -> pd.DataFrame:
    """Return agreement, error and suspicion of each training row, and its losses.

    ``error`` is prediction less value; that of the checkpoint with the least validation loss is
    given. Columns: agreement, error, looks_mislabelled, first_loss, best_loss, last_loss.
    """
    best = int(validation.argmin())
    agrees = agreement(training, validation)
    return pd.DataFrame(
        {
            "agreement": agrees,
            "error": error[best],
            "looks_mislabelled": mislabelled(error[best], agrees),
            "first_loss": training[0],
            "best_loss": training[best],
            "last_loss": training[-1],
        }
    )
