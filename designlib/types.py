"""Shape aliases and small value types that every layer shares."""

from __future__ import annotations

from typing import TypeAlias

from jaxtyping import Bool, Float, Int
from torch import Tensor

__all__ = ["Gradients", "InputError", "Letters", "Moves", "OneHot", "Scores"]

Letters: TypeAlias = Int[Tensor, "designs sites"]
"""Designs as letter indices into the alphabet, int64."""

OneHot: TypeAlias = Float[Tensor, "designs sites letters"]
"""Designs relaxed to one-hot rows, the input of a predictor."""

Scores: TypeAlias = Float[Tensor, "designs"]
"""One number per design."""

Gradients: TypeAlias = Float[Tensor, "designs sites letters"]
"""Derivative of a score by its one-hot input."""

Moves: TypeAlias = Bool[Tensor, "designs sites letters"]
"""True where changing that site to that letter is allowed."""


class InputError(ValueError):
    """Something that a user gave is wrong: the message says what, where and what is accepted.

    Commands report it in one line and exit with code 2; nothing has been written.
    """
