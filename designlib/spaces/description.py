"""A space of designs as plain values, for what is stored and handed on."""

from __future__ import annotations

from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict

from designlib.spaces.sequences import ALPHABETS, Alphabet, SequenceSpace
from designlib.spaces.simplex import SimplexSpace

__all__ = ["DescribedSpace", "DesignSpace", "describe_space"]

DesignSpace: TypeAlias = SequenceSpace | SimplexSpace
"""The spaces whose designs are written as text, so that tables can hold them."""


class DescribedSpace(BaseModel):
    """Which designs there can be: sequences by alphabet and length, else compositions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alphabet: str = ""
    length: int = 0
    components: tuple[str, ...] = ()
    parts: int = 0

    @property
    def space(self) -> DesignSpace:
        """The space."""
        if self.components:
            return SimplexSpace(self.components, self.parts or None)
        return SequenceSpace(ALPHABETS[self.alphabet], self.length)

    @property
    def kind(self) -> Alphabet | SimplexSpace:
        """What tells designs of this space from the same text of another kind."""
        space = self.space
        return space.alphabet if isinstance(space, SequenceSpace) else space


def describe_space(space: DesignSpace) -> dict[str, Any]:
    """Return the fields of `DescribedSpace` that say which space this is.

    >>> describe_space(SimplexSpace(("Fe", "Ni"), 10))
    {'components': ('Fe', 'Ni'), 'parts': 10}
    """
    if isinstance(space, SequenceSpace):
        return {"alphabet": space.alphabet.name, "length": space.length}
    return {"components": space.components, "parts": space.parts or 0}
