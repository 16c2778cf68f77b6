"""Building the candidate table of a batch, every cell checked."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import pandas as pd
import pyarrow as pa

from designlib.candidates.columns import (
    COLUMNS,
    PREFIXES,
    Column,
    Provenance,
    extra_column,
    place,
    table_schema,
)
from designlib.notation import Alphabet
from designlib.spaces import MixedSpace, SimplexSpace, changes, edits
from designlib.types import InputError

_WORDS = {
    "role": ("exploit", "explore", "control", "replicate"),
    "start": ("random", "elite"),
    "status": ("proposed", "ordered", "measured", "failed"),
}
_USUAL = {"role": "exploit", "status": "proposed"}
_DERIVED = ("candidate_id", "parent_id", "edits", "n_edits", "nearest_measured_id", "feasible")


def design_id(design: str, kind: Alphabet | SimplexSpace | MixedSpace) -> str:
    """Return the id of a design: a hash of its text and the name of its kind.

    >>> from designlib.notation.alphabets import DNA
    >>> design_id("ACGT", DNA)
    'c-3bbe8ef5a8af'
    """
    content = f"{kind.name}\x1f{design}".encode()
    return "c-" + hashlib.blake2b(content, digest_size=6).hexdigest()


def build_table(
    frame: pd.DataFrame, kind: Alphabet | SimplexSpace | MixedSpace, provenance: Provenance
) -> pa.Table:
    """Return the candidate table of one batch, in rank order.

    ``frame`` has one row per candidate with the columns of ``COLUMNS`` that are
    neither in ``Provenance`` nor derived here (the ids, the edits and ``feasible``),
    plus any ``objective_<name>`` and ``constraint_<name>``. A column that is not
    required may be left out; ``role`` and ``status`` default to "exploit" and
    "proposed". Columns of other names are ignored.

    Raises InputError for a missing column, an empty cell or NaN where a value is
    required, an infinite number, an unknown word, ranks that are not 1..n, and a
    design that occurs twice.
    """
    known = {column.name for column in COLUMNS}
    shared = {name: value for name, value in vars(provenance).items() if name in known}
    usual = {n: word for n, word in _USUAL.items() if n not in frame.columns}
    data = frame.assign(**shared, **usual)
    needed = [c.name for c in COLUMNS if c.required and c.name not in _DERIVED]
    missing = [name for name in needed if name not in data.columns]
    if missing:
        raise InputError(f"the candidates lack the columns {', '.join(missing)}")
    _check_ranks(data)
    data = data.sort_values("rank", kind="stable").reset_index(drop=True)
    extra = sorted((n for n in frame.columns if n.startswith(tuple(PREFIXES))), key=place)
    columns = [*COLUMNS, *(extra_column(name) for name in extra)]
    cells = {c.name: _cells(data, c) for c in columns if c.name not in _DERIVED}
    cells |= _derive(cells, kind)
    _check_unique(cells)
    arrays = [_array(cells[column.name], column) for column in columns]
    return pa.Table.from_arrays(arrays, schema=table_schema(columns, provenance))


def _derive(
    cells: dict[str, list[Any]], kind: Alphabet | SimplexSpace | MixedSpace
) -> dict[str, list[Any]]:
    """Return the columns that follow from the designs and the verdicts."""
    parents = [parent or None for parent in cells["parent_design"]]
    pairs = zip(parents, cells["design"], strict=True)
    compare = edits if isinstance(kind, Alphabet) else changes
    changed = [compare(parent, design) if parent else None for parent, design in pairs]
    verdicts = [values for name, values in cells.items() if name.startswith("constraint_")]
    return {
        "candidate_id": [design_id(design, kind) for design in cells["design"]],
        "parent_design": parents,
        "parent_id": [parent and design_id(parent, kind) for parent in parents],
        "edits": [change and change.text for change in changed],
        "n_edits": [change and change.number for change in changed],
        "nearest_measured_id": [design_id(d, kind) for d in cells["nearest_measured"]],
        "feasible": [
            all(values[row] == "ok" for values in verdicts) for row in range(len(changed))
        ],
    }


def _check_ranks(data: pd.DataFrame) -> None:
    ranks = sorted(data["rank"].tolist())
    if ranks != list(range(1, len(data) + 1)):
        raise InputError(
            f"ranks of {len(data)} candidates must be 1 to {len(data)}, each once; "
            f"they start {ranks[:5]} and end {ranks[-5:]}"
        )


def _check_unique(cells: dict[str, list[Any]]) -> None:
    first: dict[str, int] = {}
    for row, candidate in enumerate(cells["candidate_id"]):
        if first.setdefault(candidate, row) != row:
            designs = cells["design"]
            raise InputError(
                f"the candidates of rank {first[candidate] + 1} ({designs[first[candidate]]}) and "
                f"{row + 1} ({designs[row]}) have the same id"
            )


def _cells(data: pd.DataFrame, column: Column) -> list[Any]:
    """Return one column's values by rank, None where unknown; all that is wrong raises."""
    cells = data[column.name].tolist() if column.name in data else [None] * len(data)
    values = [None if _unknown(cell) else cell for cell in cells]
    for rank, value in enumerate(values, start=1):
        wrong = _what_is_wrong(value, column)
        if wrong:
            raise InputError(f"column {column.name} of the candidate of rank {rank} {wrong}")
    return values


def _what_is_wrong(value: object, column: Column) -> str:
    if value is None or value == "":
        return "is empty or NaN; every candidate needs one" if column.required else ""
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value}; a finite number is needed"
    if isinstance(value, float) and pa.types.is_integer(column.type) and not value.is_integer():
        return f"is {value}; a whole number is needed"
    words = _WORDS.get(column.name)
    if words and value not in words:
        return f"is {value!r}; it must be one of {', '.join(words)}"
    return ""


def _unknown(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def _array(values: list[Any], column: Column) -> pa.Array:
    try:
        return pa.array(values, type=column.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(f"column {column.name} must hold {column.type}: {error}") from error
