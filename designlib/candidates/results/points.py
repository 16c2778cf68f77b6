"""Compositions and settings in a results file: as text, as a formula, or a column for each part."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from designlib.notation import element_shares
from designlib.spaces import DesignSpace, MixedSpace, SequenceSpace, SimplexSpace, described
from designlib.tables import RawTable, numbers, read_variables, variable_columns
from designlib.types import InputError

_SUM_TOLERANCE = 1e-3
_PREFIX = re.compile("^(component|quantity|choice)_")


def of_points(about: Mapping[str, Any]) -> bool:
    """Return whether designs are compositions or settings of variables."""
    return any(about.get(name) for name in ("components", "quantities", "choices"))


def read_point(text: str, about: Mapping[str, Any]) -> str:
    """Return a design as it is written in candidate tables, from that or from a formula.

    A formula is rounded to the steps of the campaign. Raises InputError for what is neither.
    """
    space = described(about).space
    if "=" in text or not isinstance(space, SimplexSpace):
        return _written(space, text.strip())
    shares = element_shares(text.strip())
    foreign = [element for element in shares if element not in space.components]
    if foreign:
        raise InputError(
            f"{text!r} has {foreign[0]} in it, and the campaign's components are "
            f"{', '.join(space.components)}"
        )
    row = [shares.get(component, 0.0) for component in space.components]
    return space.decode(space.on_grid(torch.tensor([row], dtype=torch.float64)))[0]


def with_designs(raw: RawTable, about: Mapping[str, Any]) -> RawTable:
    """Return the table with a column of designs instead of one for each component and variable.

    Columns have the names of components and variables, or those of the candidate table; amounts are
    fractions or percent, as their sum shows, and are rounded to the steps. A table that lacks one
    of these columns is returned as it is.

    Raises InputError, with file, row, column and value, for cells that are no design.
    """
    if not of_points(about):
        return raw
    plain = {_PREFIX.sub("", column): column for column in raw.columns}
    cells = {name: raw.columns[column] for name, column in plain.items()}
    renamed = replace(raw, columns=cells)
    space = described(about).space
    if isinstance(space, SequenceSpace) or not _has_all(renamed, space):
        return raw
    texts = [""] * len(raw)
    composition = space.composition if isinstance(space, MixedSpace) else space
    if composition is not None:
        texts = _compositions(renamed, composition)
    used = {plain[name] for name in space.components}
    if isinstance(space, MixedSpace):
        read = read_variables(renamed, space.quantities, space.choices)
        pairs = zip(texts, read.texts, strict=True)
        texts = [_written(space, ", ".join(filter(None, pair))) for pair in pairs]
        columns = variable_columns(renamed, space.quantities, space.choices)
        used |= {plain[column] for column in columns.values()}
    kept = {name: cells for name, cells in raw.columns.items() if name not in used}
    designs = pa.array(texts, type=pa.large_string())
    return replace(raw, columns={"design": designs, **kept})


def _has_all(raw: RawTable, space: SimplexSpace | MixedSpace) -> bool:
    """Return whether there is a column for every component and variable."""
    names = [*space.components, *(space.variable_names if isinstance(space, MixedSpace) else ())]
    # A unit may follow in brackets.
    return all(
        any(f"{column} (".startswith((f"{name} (", f"{name} [")) for column in raw.columns)
        for name in names
    )


def _compositions(raw: RawTable, space: SimplexSpace) -> list[str]:
    amounts = np.stack([numbers(raw, component) for component in space.components], axis=1)
    if (amounts < 0).any():
        row, column = np.argwhere(amounts < 0)[0].tolist()
        component = space.components[column]
        raise raw.fault(row, component, f"{raw.cell(row, component)} is negative")
    total = amounts.sum(1)
    uneven = (np.abs(total - 1) > _SUM_TOLERANCE) & (np.abs(total / 100 - 1) > _SUM_TOLERANCE)
    if uneven.any():
        row = int(np.flatnonzero(uneven)[0])
        named = f"{space.components[0]} to {space.components[-1]}"
        problem = f"the amounts sum to {total[row]:.6g}; 1 or 100 is needed, to one part in "
        raise raw.fault(row, named, f"{problem}a thousand")
    return space.decode(space.on_grid(torch.from_numpy(amounts / total[:, None])))


def _written(space: DesignSpace, text: str) -> str:
    return space.decode(space.encode([text]))[0]
