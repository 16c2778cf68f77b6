"""Shape aliases and small value types that every layer shares."""

from __future__ import annotations

from typing import TypeAlias

import torch
from jaxtyping import Bool, Float, Int, Shaped, UInt8
from torch import Tensor

from designlib.errors import InputError

__all__ = [
    "ByteLetters",
    "Conflicts",
    "Designs",
    "DeviceTensors",
    "Gradients",
    "InputError",
    "Letters",
    "Moves",
    "OneHot",
    "Points",
    "Relaxed",
    "Scores",
]

Letters: TypeAlias = Int[Tensor, "designs sites"]
"""Designs as letter indices into the alphabet, int64."""

ByteLetters: TypeAlias = UInt8[Tensor, "designs sites"]
"""The same as bytes: how many designs are kept. Their parts are widened before they index."""

Points: TypeAlias = Float[Tensor, "designs variables"]
"""Designs as real numbers, one column a variable or component."""

Conflicts: TypeAlias = Shaped[Tensor, "designs"]
"""How far each design is from feasible; 0 if it is, a whole number for sequences."""

Designs: TypeAlias = Shaped[Tensor, "designs columns"]
"""Designs of any space: letters or points."""

OneHot: TypeAlias = Float[Tensor, "designs sites letters"]
"""Designs relaxed to one-hot rows, the input of a predictor."""

Relaxed: TypeAlias = Float[Tensor, "designs *shape"]
"""Designs of any space as a predictor takes them: one-hot rows or points."""

Scores: TypeAlias = Float[Tensor, "designs"]
"""One number per design."""

Gradients: TypeAlias = Float[Tensor, "designs *shape"]
"""Derivative of a score by a predictor's input, in the shape of that input."""

Moves: TypeAlias = Bool[Tensor, "designs sites letters"]
"""True where changing that site to that letter is allowed."""


class DeviceTensors:
    """Constant tensors, copied once to each device that asks for them."""

    def __init__(self, *tensors: Tensor) -> None:
        self._held: dict[torch.device, tuple[Tensor, ...]] = {torch.device("cpu"): tensors}

    def on(self, device: torch.device) -> tuple[Tensor, ...]:
        """Return the tensors on ``device``, in the order given at construction."""
        if device not in self._held:
            host = self._held[torch.device("cpu")]
            self._held[device] = tuple(tensor.to(device) for tensor in host)
        return self._held[device]
