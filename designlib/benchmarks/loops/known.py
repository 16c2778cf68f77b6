"""What a simulated campaign knows, and which designs are new to it."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Bool, Shaped
from torch import Tensor

from designlib.types import Designs

__all__ = ["Known", "keys_of"]


class Known(NamedTuple):
    """All that a loop knows: distinct designs with their values, larger is better."""

    designs: Shaped[Tensor, "known columns"]
    values: Shaped[Tensor, "known"]
    own: Bool[Tensor, "known"]
    """Whether the loop has measured it; false for what it began with."""

    def best(self, n: int) -> Designs:
        """Return the best designs, best first, as many as there are up to ``n``."""
        return self.designs[self.values.argsort(descending=True, stable=True)[:n]]

    def new(self, designs: Designs) -> Shaped[Tensor, "new columns"]:
        """Return the distinct designs that are not known, in the order given."""
        had = set(keys_of(self.designs))
        rows: dict[bytes, int] = {}
        for at, key in enumerate(keys_of(designs)):
            if key not in had:
                rows.setdefault(key, at)
        return designs[list(rows.values())]


def keys_of(designs: Designs) -> list[bytes]:
    """Return something that can be looked up for each design."""
    return [row.tobytes() for row in designs.numpy()]
