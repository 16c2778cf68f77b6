"""How a batch is laid out on plates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from designlib.config.base import Config
from designlib.errors import InputError


class PlateConfig(Config):
    """How a batch is laid out on plates; as many plates are used as are needed."""

    # A design's place on a plate must not tell its rank.
    retired: ClassVar[Mapping[str, str]] = {"shuffle": "places are drawn at random, by the seed"}

    wells: Literal[96, 384] = Field(default=96, description="Wells of a plate: 8 x 12 or 16 x 24.")
    replicates: int = Field(default=1, ge=1, le=96, description="Wells of each candidate.")
    controls: tuple[str, ...] = Field(
        default=(),
        description="Designs of your own that are on every plate, such as the wild type.",
    )
    control_wells: int = Field(
        default=2,
        ge=1,
        le=96,
        title="Wells per control",
        description="Wells of each control on each plate.",
    )
    references: int = Field(
        default=0,
        ge=0,
        le=96,
        description="So many of the best measured designs are measured again on every plate, which "
        "tells how plates and rounds compare.",
    )
    avoid_edges: bool = Field(
        default=False, description="Whether the outermost wells, which dry out first, stay empty."
    )

    @field_validator("controls")
    @classmethod
    def _distinct(cls, controls: tuple[str, ...]) -> tuple[str, ...]:
        kept = tuple("".join(control.split()).upper() for control in controls)
        if "" in kept or len(set(kept)) < len(kept):
            raise ValueError("controls are different designs, each given once")
        return kept

    @model_validator(mode="after")
    def _room(self) -> PlateConfig:
        if self.room < 1:
            raise ValueError(
                f"{len(self.controls)} controls in {self.control_wells} wells each and "
                f"{self.references} references leave no well of {len(self.places())} for candidates"
            )
        return self

    def places(self) -> list[str]:
        """Return the wells that may be used, row by row."""
        rows, columns = PLATE_FORMATS[self.wells]
        edge = 1 if self.avoid_edges else 0
        return [
            well_name(row, column)
            for row in range(edge, rows - edge)
            for column in range(edge, columns - edge)
        ]

    @property
    def room(self) -> int:
        """Wells of a plate that are left for candidates."""
        return len(self.places()) - len(self.controls) * self.control_wells - self.references


PLATE_FORMATS = {96: (8, 12), 384: (16, 24)}
"""Rows and columns of a plate by its number of wells (ANSI/SLAS 4-2004)."""


_WELL = re.compile(r"([A-Z])0*([1-9]\d*)")


def read_well(text: str, wells: int = 384) -> str:
    """Return the usual name of a well, such as ``B7`` for ``b07``.

    Raises InputError for what is no name of a well and for one outside the plate.

    >>> read_well("b07")
    'B7'
    """
    rows, columns = PLATE_FORMATS[wells]
    last = well_name(rows - 1, columns - 1)
    matched = _WELL.fullmatch(text.strip().upper())
    if matched is None:
        raise InputError(f"{text!r} is no well; A1 to {last} are accepted")
    row, column = ord(matched[1]) - ord("A"), int(matched[2]) - 1
    if row >= rows or column >= columns:
        raise InputError(f"well {text!r} is outside a plate of {wells} wells, A1 to {last}")
    return well_name(row, column)


def well_name(row: int, column: int) -> str:
    """Return the name of a well by its row and column, both from 0.

    >>> well_name(7, 11)
    'H12'
    """
    return f"{chr(ord('A') + row)}{column + 1}"
