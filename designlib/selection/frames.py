"""What a frame of designs must hold before anything is chosen from it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float

from designlib.types import InputError

__all__ = ["refuse_nan", "require"]


def require(frame: pd.DataFrame, columns: list[str]) -> None:
    """Raise InputError where the frame lacks one of the columns."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise InputError(f"the frame of designs lacks the columns {', '.join(missing)}")


def refuse_nan(name: str, values: Float[np.ndarray, "rows"]) -> None:
    """Raise InputError naming the first row whose value is not a number."""
    if np.isnan(values).any():
        row = int(np.flatnonzero(np.isnan(values))[0])
        raise InputError(f"{name} is NaN in row {row + 1} of {len(values)}")
