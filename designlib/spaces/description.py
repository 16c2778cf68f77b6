"""A space of designs as plain values, for what is stored and handed on."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import torch
from pydantic import BaseModel, ConfigDict, Field

from designlib.notation import ALPHABETS, Alphabet, Choice, Quantity
from designlib.spaces.mixed import MixedSpace
from designlib.spaces.sequences import SequenceSpace
from designlib.spaces.simplex import SimplexSpace
from designlib.types import Designs

DesignSpace: TypeAlias = SequenceSpace | SimplexSpace | MixedSpace
"""The spaces whose designs are written as text, so that tables can hold them."""


def encode_table(space: DesignSpace, designs: Sequence[str]) -> Designs:
    """Return the designs of a table, which may be many: letters as bytes; see `widened`."""
    compactly = isinstance(space, SequenceSpace)
    return space.encode_compactly(designs) if compactly else space.encode(designs)


def widened(designs: Designs) -> Designs:
    """Return a part of a table as constraints and samplers take it: letters as int64."""
    return designs.long() if designs.dtype == torch.uint8 else designs


class DescribedSpace(BaseModel):
    """Which designs there can be: sequences by alphabet and length, else compositions or variables.

    What a space has none of is not written down, so that its description stays as it was.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alphabet: str = ""
    length: int = 0
    components: tuple[str, ...] = ()
    parts: int = 0
    quantities: tuple[Quantity, ...] = Field(default=(), exclude_if=operator.not_)
    choices: tuple[Choice, ...] = Field(default=(), exclude_if=operator.not_)

    @property
    def space(self) -> DesignSpace:
        """The space."""
        composition = SimplexSpace(self.components, self.parts or None) if self.components else None
        if self.quantities or self.choices:
            return MixedSpace(composition, self.quantities, self.choices)
        return composition or SequenceSpace(ALPHABETS[self.alphabet], self.length)

    @property
    def kind(self) -> Alphabet | SimplexSpace | MixedSpace:
        """What tells designs of this space from the same text of another kind."""
        space = self.space
        return space.alphabet if isinstance(space, SequenceSpace) else space

    @property
    def designs_are(self) -> str:
        """What the designs are, as in "sequences of 8 letters (dna)"."""
        variables = [variable.name for variable in (*self.quantities, *self.choices)]
        names = f"{len(variables)} variables ({', '.join(variables)})"
        if self.components:
            text = f"compositions of {len(self.components)} components in steps of {self.step}"
            return f"{text} with {names}" if variables else text
        if variables:
            return f"settings of {names}"
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
    if isinstance(space, MixedSpace):
        composition = {} if space.composition is None else describe_space(space.composition)
        variables = {"quantities": space.quantities, "choices": space.choices}
        # Plain values, which go into JSON as they are.
        return composition | {
            name: [variable.model_dump() for variable in own]
            for name, own in variables.items()
            if own
        }
    return {"components": space.components, "parts": space.grid_steps or 0}


def described(about: Mapping[str, Any]) -> DescribedSpace:
    """Return the description that is among other values; what is None there is not given.

    >>> described({"alphabet": "dna", "length": 8, "units": "V"}).space.columns
    8
    """
    fields = {name: about[name] for name in DescribedSpace.model_fields if about.get(name)}
    return DescribedSpace.model_validate(fields)
