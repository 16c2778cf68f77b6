"""Which training steps are kept: densely early, since a network learns coarse structure first."""

from __future__ import annotations

import numpy as np

from designlib.types import InputError

__all__ = ["log_spaced_steps"]


def log_spaced_steps(total: int, count: int) -> tuple[int, ...]:
    """Return at most ``count`` steps from 0 to ``total``, evenly spaced in log(1 + step).

    >>> log_spaced_steps(100, 8)
    (0, 1, 3, 6, 13, 26, 51, 100)
    """
    if total < 1 or count < 2:
        raise InputError(
            f"a checkpoint schedule needs at least 1 step and 2 checkpoints, "
            f"not {total} and {count}"
        )
    spaced = np.rint(np.expm1(np.linspace(0.0, np.log1p(total), count))).astype(int)
    return tuple(int(step) for step in np.unique(np.append(spaced, [0, total])))
