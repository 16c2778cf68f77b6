"""Laying a batch out on plates: candidates, their replicates, controls and references in wells."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from designlib.measurements.wells import PLATE_FORMATS, well_name
from designlib.randomness import numpy_generator
from designlib.types import InputError

__all__ = ["PLATE_ROLES", "PlateConfig", "lay_out"]

PLATE_ROLES = ("exploit", "explore", "replicate", "control", "reference")
"""What a well is for: a candidate and why it was chosen, a further well of one, a design that the
user named, or one of the best measured designs."""


class PlateConfig(BaseModel):
    """How a batch is laid out on plates; as many plates are used as are needed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wells: Literal[96, 384] = Field(
        default=96, title="Wells", description="Wells of a plate: 8 x 12 or 16 x 24."
    )
    replicates: int = Field(
        default=1, ge=1, le=96, title="Replicates", description="Wells of each candidate."
    )
    controls: tuple[str, ...] = Field(
        default=(),
        title="Controls",
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
        title="References",
        description="So many of the best measured designs are measured again on every plate, which "
        "tells how plates and rounds compare.",
    )
    avoid_edges: bool = Field(
        default=False,
        title="Avoid edges",
        description="Whether the outermost wells, which dry out first, stay empty.",
    )
    shuffle: bool = Field(
        default=True,
        title="Shuffle",
        description="Whether places are drawn at random, by the seed, so that rank and place on "
        "the plate have nothing to do with each other.",
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


def lay_out(
    candidates: pd.DataFrame,
    references: pd.DataFrame,
    controls: pd.DataFrame,
    config: PlateConfig,
    name: str,
    seed: int,
) -> pd.DataFrame:
    """Return one row per well that is used: plate, well, candidate_id, design, role, replicate.

    ``candidates`` are in rank order with ``candidate_id``, ``design`` and ``role``; ``references``
    and ``controls`` have ``candidate_id`` and ``design``. Every plate has all controls and
    references. The replicates of one candidate lie as far apart in the order of plates as they
    can, and on different plates where there are several.

    Raises InputError where fewer references are given than are wanted.
    """
    if len(references) < config.references:
        raise InputError(
            f"{config.references} references are wanted, but only {len(references)} designs were "
            "measured"
        )
    copies = []
    for replicate in range(1, config.replicates + 1):
        role = candidates["role"] if replicate == 1 else "replicate"
        copies.append(candidates[["candidate_id", "design"]].assign(role=role, replicate=replicate))
    slots = pd.concat(copies, ignore_index=True)
    plates = []
    for number, first in enumerate(range(0, len(slots), config.room), start=1):
        filled = [
            slots.iloc[first : first + config.room],
            *(controls[["candidate_id", "design"]].assign(role="control", replicate=again + 1)
              for again in range(config.control_wells)),
            references[["candidate_id", "design"]].head(config.references)
            .assign(role="reference", replicate=1),
        ]  # fmt: skip
        wells = pd.concat(filled, ignore_index=True)
        places = np.array(config.places(), dtype=object)
        if config.shuffle:
            # Among the first wells, so that a plate that is not full has no gaps.
            chosen = numpy_generator(seed, "plate", number).permutation(len(wells))
        else:
            chosen = np.arange(len(wells))
        wells.insert(0, "well", places[chosen])
        wells.insert(0, "plate", f"{name}-p{number}")
        # As a person fills it, row by row.
        plates.append(wells.iloc[np.argsort(chosen)])
    return pd.concat(plates, ignore_index=True)
