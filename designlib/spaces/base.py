"""What a design space is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch

from designlib.types import Designs, Relaxed

__all__ = ["Space"]


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
