"""Which measurements of a file are new, which are known, and which contradict what is known."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd

from designlib.candidates.results.parsing import ParsedResults
from designlib.candidates.ledger import IDENTITY, Ledger
from designlib.types import InputError

_MOST_SHOWN = 10


class Import(NamedTuple):
    """What a file adds to a record."""

    rows: pd.DataFrame
    """The measurements to be added; none where all of them are known."""
    known: int
    """Rows that say what the record says already."""
    corrected: int
    """Rows that replace an earlier value."""
    unproposed: int
    """New rows of designs that nobody proposed."""


def merge_results(
    record: Ledger, parsed: ParsedResults, name: str, *, corrections: bool = False
) -> Import:
    """Return what is new in a file.

    The same measurement has the same design, plate, well and replicate. One that the record holds
    with the same value is known; one that has failed may get a value. Another value for it is a
    conflict, unless the row, or with ``corrections`` the whole file, is meant to correct.

    Raises InputError with both values of every conflict; nothing of the file is taken then.
    """
    rows, repeated = _once(parsed.rows, name)
    before = dict(_by_identity(record.measurements))
    conflicts: list[str] = []
    new: list[int] = []
    corrected = 0
    for place, (key, row) in enumerate(_by_identity(rows)):
        old = before.get(key)
        if old is None:
            new.append(place)
        elif _values(old) != _values(row):
            if old["outcome"] == "failed" or corrections or row["correction"]:
                new.append(place)
                corrected += 1
            else:
                conflicts.append(f"{_shown(row)} here, {_result(old)} in row {old['source_row']} "
                                 f"of {old['source']}")
    _refuse(name, conflicts)
    added = rows.iloc[new].drop(columns="correction").reset_index(drop=True)
    proposed = set(record.design_of) | set(record.wells.values())
    others = ~(added["candidate_id"].isin(proposed) | added["design"].isin(proposed))
    return Import(added, len(rows) - len(new) + repeated, corrected, int(others.sum()))


def _once(rows: pd.DataFrame, name: str) -> tuple[pd.DataFrame, int]:
    """Return the rows without repetitions, and their number; contradictions raise."""
    first: dict[tuple[Any, ...], dict[Hashable, Any]] = {}
    conflicts = []
    for key, row in _by_identity(rows):
        kept = first.setdefault(key, row)
        if _values(row) != _values(kept):
            conflicts.append(f"{_shown(row)}, {_result(kept)} in row {kept['source_row']}")
    _refuse(name, conflicts)
    once = rows.drop_duplicates(IDENTITY).reset_index(drop=True)
    return once, len(rows) - len(once)


def _by_identity(
    rows: pd.DataFrame,
) -> Iterator[tuple[tuple[Any, ...], dict[Hashable, Any]]]:
    """Yield each row behind what identifies it."""
    keys = rows[IDENTITY].itertuples(index=False, name=None)
    return zip(keys, rows.to_dict("records"), strict=True)


def _refuse(name: str, conflicts: list[str]) -> None:
    """Raise InputError where there are conflicts."""
    if not conflicts:
        return
    more = len(conflicts) - _MOST_SHOWN
    many = len(conflicts) > 1
    count = f"{len(conflicts)} measurements contradict" if many else "1 measurement contradicts"
    shown = conflicts[:_MOST_SHOWN] + ([f"and {more} more"] if more > 0 else [])
    raise InputError(
        f"{name}: {count} earlier ones, so nothing was imported: "
        f"{'; '.join(shown)}. For a correction, write yes into a column 'correction' or import the "
        "file as corrections; for a further replicate, number it in a column 'replicate'"
    )


def _values(row: Mapping[Hashable, Any]) -> tuple[object, ...]:
    return row["outcome"], *(None if pd.isna(row[n]) else row[n] for n in ("value", "error"))


def _result(row: Mapping[Hashable, Any]) -> str:
    if row["outcome"] == "failed":
        return "failed"
    error = "" if pd.isna(row["error"]) else f" with error {row['error']:g}"
    return f"{row['value']:g}{error}"


def _shown(row: Mapping[Hashable, Any]) -> str:
    where = f" in well {row['well']} of plate {row['plate']}" if row["well"] else ""
    objective = f"{row['objective']} of " if row["objective"] else ""
    return (
        f"row {row['source_row']}, {objective}{row['design']}{where}, replicate "
        f"{row['replicate']}: {_result(row)}"
    )
