"""Laying a batch out on plates: candidates, their replicates, controls and references in wells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from designlib.config import PlateConfig
from designlib.randomness import numpy_generator
from designlib.types import InputError

PLATE_ROLES = ("exploit", "explore", "replicate", "control", "reference")
"""What a well is for: a candidate and why it was chosen, a further well of one, a design that the
user named, or one of the best measured designs."""


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
    columns, copies = ["candidate_id", "design"], []
    for replicate in range(1, config.replicates + 1):
        role = candidates["role"] if replicate == 1 else "replicate"
        copies.append(candidates[columns].assign(role=role, replicate=replicate))
    slots = pd.concat(copies, ignore_index=True)
    shared = [
        controls[columns].assign(role="control", replicate=replicate)
        for replicate in range(1, config.control_wells + 1)
    ]
    best = references[columns].head(config.references)
    shared.append(best.assign(role="reference", replicate=1))
    plates = []
    for number, first in enumerate(range(0, len(slots), config.room), start=1):
        wells = pd.concat([slots.iloc[first : first + config.room], *shared], ignore_index=True)
        places = np.array(config.places(), dtype=object)
        # Among the first wells, so that a plate that is not full has no gaps.
        chosen = numpy_generator(seed, "plate", number).permutation(len(wells))
        wells.insert(0, "well", places[chosen])
        wells.insert(0, "plate", f"{name}-p{number}")
        # As a person fills it, row by row.
        plates.append(wells.iloc[np.argsort(chosen)])
    return pd.concat(plates, ignore_index=True)
