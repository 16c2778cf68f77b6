"""Which column of a results file means what."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from designlib.tables import NUMBER, is_numeric, is_text
from designlib.tables import RawTable, listed
from designlib.types import InputError

def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Names as _plain() writes them: without case, spaces and punctuation.
_NAMES = {
    "candidate": _words("candidateid candidate"),
    "design": _words(
        "design designs sequence sequences seq dna rna protein oligo insert dnasequence formula "
        "composition"
    ),
    "plate": _words("plate plateid platename platenumber plateno barcode"),
    "well": _words("well wells wellid wellposition"),
    "value": _words("value values measuredvalue measured measurement result"),
    "error": _words(
        "error err sem se stderr standarderror uncertainty measurederror valueerror sd std stdev "
        "standarddeviation"
    ),
    "flag": _words("qc qcflag flag flags status outcome state quality failed fail passed pass ok"),
    "units": _words("unit units"),
    "replicate": _words("replicate rep replicatenumber replicateno"),
    "correction": _words("correction corrected correct"),
    "note": _words("note notes comment comments remark remarks"),
}


class ResultColumns(BaseModel):
    """The column of each role; None where the file has none."""

    model_config = ConfigDict(frozen=True)

    candidate: str | None = None
    design: str | None = None
    plate: str | None = None
    well: str | None = None
    value: str
    error: str | None = None
    flag: str | None = None
    units: str | None = None
    replicate: str | None = None
    correction: str | None = None
    note: str | None = None
    further: dict[str, str] = {}
    """The column of each further objective that the file has."""


def find_columns(raw: RawTable, value_name: str, further: Sequence[str] = ()) -> ResultColumns:
    """Return which column is which, by their names.

    The values are in a column called value, measured value, result or the like, or as the
    campaign's own values are; else in the only other column of numbers. Those of ``further``
    objectives are in columns of their names.

    Raises InputError where two columns have names of one role, where nothing says which candidate
    a row is about, or where no column holds the values.
    """
    found: dict[str, str] = {}
    own = {h: name for h in raw.columns for name in further if _plain(h) == _plain(name)}
    for header in raw.columns:
        if header in own:
            continue
        role = next((role for role, names in _NAMES.items() if _plain(header) in names), None)
        if role is None:
            continue
        if role in found:
            raise InputError(
                f"{raw.name}: the columns {found[role]!r} and {header!r} both mean the {role} by "
                "their names; rename or remove one"
            )
        found[role] = header
    named = next((h for h in raw.columns if _plain(h) == _plain(value_name)), None)
    if named is not None and (found.get("value") in (None, named)):
        found = {role: header for role, header in found.items() if header != named}
        found["value"] = named
    if "value" not in found:
        found["value"] = _only_numbers(raw, {*found.values(), *own}, value_name)
    if not ({"candidate", "design"} & found.keys() or "well" in found):
        raise InputError(
            f"{raw.name}: no column says which candidate a row is about; candidate_id, design (or "
            f"sequence), or plate and well are needed (columns: {listed(list(raw.columns))})"
        )
    return ResultColumns(**found, further={name: header for header, name in own.items()})


def tells_designs(raw: RawTable) -> bool:
    """Return whether a column says which candidate a row is about, by its name."""
    roles = [_NAMES["candidate"], _NAMES["design"], _NAMES["well"]]
    return any(_plain(header) in names for header in raw.columns for names in roles)


def _only_numbers(raw: RawTable, taken: set[str], value_name: str) -> str:
    numeric = [h for h in raw.columns if h not in taken and _holds_numbers(raw, h)]
    if len(numeric) == 1:
        return numeric[0]
    said = f"{listed(numeric)} could be" if numeric else "no column of numbers is left"
    raise InputError(
        f"{raw.name}: which column holds the measured values? Call it 'value' or {value_name!r} "
        f"({said}; columns: {listed(list(raw.columns))})"
    )


def _holds_numbers(raw: RawTable, header: str) -> bool:
    cells = raw.columns[header]
    if is_numeric(cells):
        return True
    if not is_text(cells):
        return False
    filled = [text.strip() for text in cells.to_pylist() if text.strip()]
    return bool(filled) and all(re.match(NUMBER, text) for text in filled)


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())
