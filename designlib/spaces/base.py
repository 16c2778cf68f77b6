"""What a design space is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool
from torch import Tensor

from designlib.types import Designs, InputError, Relaxed


@runtime_checkable
class Space(Protocol):
    """All designs of one kind, before any constraint."""

    @property
    def columns(self) -> int:
        """Columns of a tensor of designs: sites, variables or components."""
        ...

    def check(self, designs: Designs) -> None:
        """Raise InputError unless ``designs`` are of this space; the message names the first."""
        ...

    def decode(self, designs: Designs) -> list[str]:
        """Return each design as a person writes it."""
        ...

    def relax(self, designs: Designs, dtype: torch.dtype = torch.float32) -> Relaxed:
        """Return the designs as a predictor takes them."""
        ...

    def random(self, n: int, generator: torch.Generator) -> Designs:
        """Return ``n`` designs, uniform where the space is bounded."""
        ...


def require_columns(designs: Designs, columns: int, unit: str) -> None:
    """Raise InputError for another number of columns; ``unit`` is what a column is."""
    if designs.shape[1] != columns:
        raise InputError(f"the designs have {designs.shape[1]} {unit}; {columns} are needed")


def require_each(fine: Bool[Tensor, "designs columns"], problem: Callable[[int, int], str]) -> None:
    """Raise InputError with the problem at the first row and column that is not fine."""
    wrong = (~fine).nonzero()
    if len(wrong):
        row, column = wrong[0].tolist()
        raise InputError(f"design {row + 1} has {problem(row, column)}")


def named(names: Sequence[str], designs: Designs, text: Callable[[float], str]) -> list[str]:
    """Return each design as ``name=value`` pairs."""
    return [
        ", ".join(f"{name}={text(value)}" for name, value in zip(names, row, strict=True))
        for row in designs.tolist()
    ]
