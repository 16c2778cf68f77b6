"""A space of designs as plain values, for what is stored and handed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict

from designlib.spaces.sequences import ALPHABETS, Alphabet, SequenceSpace
from designlib.spaces.simplex import SimplexSpace

__all__ = ["DescribedSpace", "DesignSpace", "describe_space", "described"]

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

    @property
    def designs_are(self) -> str:
        """What the designs are, as in "sequences of 8 letters (dna)"."""
        if self.components:
            return f"compositions of {len(self.components)} components in steps of {self.step}"
        return f"sequences of {self.length} letters ({self.alphabet})"

    @property
    def step(self) -> str:
        """The step of compositions, as in "10 %"."""
        return f"{100 / self.parts:g} %"


def describe_space(space: DesignSpace) -> dict[str, Any]:
    """Return the fields of `DescribedSpace` that say which space this is.

    >>> describe_space(SimplexSpace(("Fe", "Ni"), 10))
    {'components': ('Fe', 'Ni'), 'parts': 10}
    """
    if isinstance(space, SequenceSpace):
        return {"alphabet": space.alphabet.name, "length": space.length}
    return {"components": space.components, "parts": space.parts or 0}


def described(about: Mapping[str, Any]) -> DescribedSpace:
    """Return the description that is among other values; what is None there is not given.

    >>> described({"alphabet": "dna", "length": 8, "units": "V"}).space.columns
    8
    """
    fields = {name: about[name] for name in DescribedSpace.model_fields if about.get(name)}
    return DescribedSpace.model_validate(fields)
