"""Which measurements of a file are new, which are known, and which contradict what is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pandas as pd

from designlib.candidates.results.parsing import ParsedResults
from designlib.candidates.ledger import IDENTITY, Ledger
from designlib.types import InputError

__all__ = ["Import", "merge_results"]

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
    rows, twice = _once(parsed.rows, name)
    before = dict(_with_identity(record.measurements))
    conflicts: list[str] = []
    new: list[int] = []
    corrected = 0
    for at, (key, row) in enumerate(_with_identity(rows)):
        old = before.get(key)
        if old is None:
            new.append(at)
            continue
        if _told(old) == _told(row):
            continue
        if old.outcome == "failed" or corrections or row.correction:
            new.append(at)
            corrected += 1
            continue
        conflicts.append(
            f"row {row.source_row}, {_what(row)}: {_said(row)} here, {_said(old)} in row "
            f"{old.source_row} of {old.source}"
        )
    if conflicts:
        raise _conflict(name, conflicts)
    added = rows.iloc[new].drop(columns="correction").reset_index(drop=True)
    proposed = set(record.design_of) | set(record.wells.values())
    others = ~(added["candidate_id"].isin(proposed) | added["design"].isin(proposed))
    return Import(added, len(rows) - len(new) + twice, corrected, int(others.sum()))


def _once(rows: pd.DataFrame, name: str) -> tuple[pd.DataFrame, int]:
    """Return the rows without repetitions, and their number; contradictions raise."""
    first: dict[tuple[Any, ...], Any] = {}
    conflicts = []
    for key, row in _with_identity(rows):
        kept = first.setdefault(key, row)
        if _told(row) != _told(kept):
            conflicts.append(
                f"row {row.source_row}, {_what(row)}: {_said(row)}, {_said(kept)} in row "
                f"{kept.source_row}"
            )
    if conflicts:
        raise _conflict(name, conflicts)
    once = rows.drop_duplicates(IDENTITY).reset_index(drop=True)
    return once, len(rows) - len(once)


def _with_identity(rows: pd.DataFrame) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Return each row behind what identifies it."""
    keys = rows[IDENTITY].itertuples(index=False, name=None)
    return zip(keys, rows.itertuples(), strict=True)


def _conflict(name: str, conflicts: list[str]) -> InputError:
    more = len(conflicts) - _MOST_SHOWN
    many = len(conflicts) > 1
    count = f"{len(conflicts)} measurements contradict" if many else "1 measurement contradicts"
    shown = conflicts[:_MOST_SHOWN] + ([f"and {more} more"] if more > 0 else [])
    return InputError(
        f"{name}: {count} what is known, so nothing was imported: "
        f"{'; '.join(shown)}. For a correction, write yes into a column 'correction' or import the "
        "file as corrections; for a further replicate, number it in a column 'replicate'"
    )


def _told(row: object) -> tuple[object, object, object]:
    outcome, value, error = (getattr(row, name) for name in ("outcome", "value", "error"))
    return outcome, None if pd.isna(value) else value, None if pd.isna(error) else error


def _said(row: object) -> str:
    outcome, value, error = _told(row)
    if outcome == "failed":
        return "failed"
    return f"{value:g}" if error is None else f"{value:g} with error {error:g}"


def _what(row: object) -> str:
    plate, well, replicate = (getattr(row, name) for name in ("plate", "well", "replicate"))
    where = f" in well {well} of plate {plate}" if well else ""
    objective = getattr(row, "objective")  # noqa: B009 - as above
    of = f"{objective} of " if objective else ""
    return f"{of}{getattr(row, 'design')}{where}, replicate {replicate}"  # noqa: B009 - as above
