"""A results file to measurements of designs, each cell checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from designlib.notation import ALPHABETS, Alphabet
from designlib.candidates.building import design_id
from designlib.candidates.results.columns import ResultColumns, find_columns, tells_designs
from designlib.candidates.results.points import of_points, read_point, with_designs
from designlib.candidates.ledger import Ledger
from designlib.spaces import SequenceSpace, described
from designlib.tables import numbers
from designlib.tables import RawTable, as_text
from designlib.tables import read_raw
from designlib.types import InputError
from designlib.config import read_well

__all__ = ["ParsedResults", "parse_results"]

_GOOD = frozenset(["ok", "pass", "passed", "good", "valid", "measured", "done"])
_BAD = frozenset(
    ["fail", "failed", "failure", "bad", "invalid", "flagged", "excluded", "empty", "error"]
)
_YES = frozenset(["yes", "y", "true", "t", "1", "x"])
_NO = frozenset(["no", "n", "false", "f", "0"])
_EMPTY = "; where nothing was measured, leave the cell empty"
_MOST_REPLICATES = 1_000_000
_INVERTED = ("fail",)
"""A column whose name begins so says yes where the well failed."""


@dataclass(frozen=True, eq=False)
class ParsedResults:
    """The measurements of a file.

    ``rows`` has the columns of ``MEASUREMENT_COLUMNS`` and ``correction``, which says whether the
    row is meant to replace an earlier value. ``notes`` tell how the file was understood and
    ``warnings`` what deserves a second look.
    """

    rows: pd.DataFrame
    notes: list[str]
    warnings: list[str]


def parse_results(content: bytes, name: str, record: Ledger) -> ParsedResults:
    """Return the measurements that a file holds of designs of this campaign.

    A row is about the candidate with its ``candidate_id``, about its ``design``, proposed or not,
    or about what was laid out in its ``plate`` and ``well``; where it gives several of these, they
    must agree. A composition may be a formula, or a column for each component and variable. A row
    without a value and without a flag is not measured yet and left out; one flagged as failed has
    failed. Replicates are rows of one design.

    Raises InputError with file, row, column and value for anything that cannot be taken, also for
    unknown ids, wells outside the plate, designs that are not of this campaign and other units.
    """
    raw = _as_texts(read_raw(content, name))
    about = record.proposals[-1].about
    if not tells_designs(raw):
        raw = with_designs(raw, about)
    further = [objective["name"] for objective in record.objectives[1:]]
    columns = find_columns(raw, about["value_name"], further)
    failed = _failed(raw, columns)
    told = [_texts(raw, column) for column in (columns.value, *columns.further.values())]
    filled = np.array([any(texts) for texts in zip(*told, strict=True)])
    _check_flagged(raw, columns, failed, filled)
    taken = failed | filled
    notes = _notes(columns, taken, about)
    raw, failed = _rows(raw, taken), failed[taken]
    if len(raw) == 0:
        raise InputError(f"{name}: column {columns.value!r} holds no value and no row is flagged")
    _check_units(raw, columns, about)
    plates, wells = _wells(raw, columns, record)
    designs = _designs(raw, columns, record, plates, wells)
    value, error = _numbers(raw, columns, failed | ~_filled(raw, columns.value))
    rows = pd.DataFrame(
        {
            "candidate_id": [_id(design, about) for design in designs],
            "design": designs,
            "plate": plates,
            "well": wells,
            "objective": "",
            "outcome": np.where(failed, "failed", "measured"),
            "value": value,
            "error": error,
            "note": _texts(raw, columns.note),
            "round": record.rounds,
            "source": name,
            "source_row": raw.places,
            "correction": [_yes(raw, columns.correction, row) for row in range(len(raw))],
        }
    )
    rows["replicate"] = _replicates(raw, columns, rows)
    return ParsedResults(_of_all(raw, columns, rows, failed), notes, _warnings(rows, about))


def _filled(raw: RawTable, column: str) -> np.ndarray:
    return np.array([bool(text) for text in _texts(raw, column)])


def _of_all(
    raw: RawTable, columns: ResultColumns, rows: pd.DataFrame, failed: np.ndarray
) -> pd.DataFrame:
    """Return one row for each objective that a row of the file has a value of."""
    parts = [rows[failed | _filled(raw, columns.value)]]
    for objective, column in columns.further.items():
        known = ~failed & _filled(raw, column)
        values = numbers(_rows(raw, known), column, advice=_EMPTY) if known.any() else np.zeros(0)
        parts.append(rows[known].assign(objective=objective, value=values, error=np.nan))
    return pd.concat(parts, ignore_index=True)


def _as_texts(raw: RawTable) -> RawTable:
    """Return the table with every cell as a text, as a CSV has it."""

    def text(value: Any) -> str:
        if value is None or (isinstance(value, float) and np.isnan(value)):
            return ""
        return repr(value) if isinstance(value, float) else str(value)

    columns = {h: as_text(pa.array([text(v) for v in cells.to_pylist()], type=pa.large_string()))
               for h, cells in raw.columns.items()}  # fmt: skip
    return RawTable(raw.name, columns, raw.places, raw.place, raw.notes)


def _rows(raw: RawTable, keep: np.ndarray) -> RawTable:
    mask = pa.array(keep)
    columns = {header: cells.filter(mask) for header, cells in raw.columns.items()}
    return RawTable(raw.name, columns, raw.places[keep], raw.place, raw.notes)


def _texts(raw: RawTable, column: str | None) -> list[str]:
    if column is None:
        return [""] * len(raw)
    return [" ".join(text.split()) for text in raw.columns[column].to_pylist()]


def _yes(raw: RawTable, column: str | None, row: int) -> bool:
    if column is None:
        return False
    text = raw.columns[column][row].as_py().strip().casefold()
    if text in _YES:
        return True
    if not text or text in _NO:
        return False
    raise raw.fault(row, column, f"{raw.cell(row, column)} is neither yes nor no")


def _failed(raw: RawTable, columns: ResultColumns) -> np.ndarray:
    column = columns.flag
    if column is None:
        return np.zeros(len(raw), dtype=bool)
    bad_if_yes = column.casefold().startswith(_INVERTED)
    failed = []
    for row, text in enumerate(_texts(raw, column)):
        word = text.casefold()
        if word in _BAD or word in (_YES if bad_if_yes else _NO):
            failed.append(True)
        elif not word or word in _GOOD or word in (_NO if bad_if_yes else _YES):
            failed.append(False)
        else:
            raise raw.fault(
                row, column,
                f"{raw.cell(row, column)} says neither that the well passed ({_listed(_GOOD)}) nor "
                f"that it failed ({_listed(_BAD)})",
            )  # fmt: skip
    return np.array(failed, dtype=bool)


def _check_flagged(
    raw: RawTable, columns: ResultColumns, failed: np.ndarray, filled: np.ndarray
) -> None:
    if columns.flag is None:
        return
    said = np.array([bool(text) for text in _texts(raw, columns.flag)])
    for row in np.flatnonzero(said & ~failed & ~filled):
        raise raw.fault(
            int(row), columns.value,
            f"the cell is empty, but column {columns.flag!r} says "
            f"{raw.cell(int(row), columns.flag)}; a value is needed, or a flag that it failed",
        )  # fmt: skip


def _check_units(raw: RawTable, columns: ResultColumns, about: Any) -> None:
    wanted = about["units"]
    for row, unit in enumerate(_texts(raw, columns.units)):
        if unit and wanted and unit.casefold() != wanted.casefold():
            raise raw.fault(
                row, str(columns.units),
                f"{unit!r} differs from the campaign's units, {wanted!r}; convert the values first",
            )  # fmt: skip


def _wells(raw: RawTable, columns: ResultColumns, record: Ledger) -> tuple[list[str], list[str]]:
    """Return plate and well of each row, empty where the file does not say."""
    plates = _texts(raw, columns.plate)
    if columns.well is None:
        return [""] * len(raw), [""] * len(raw)
    laid_out = sorted({plate for plate, _ in record.wells})
    wells = []
    for row, text in enumerate(_texts(raw, columns.well)):
        if text and not plates[row] and len(laid_out) == 1:
            plates[row] = laid_out[0]
        wells.append(
            _at(raw, row, columns.well, text and (lambda t=text: read_well(t, record.plate_size)))
        )
        if bool(wells[row]) != bool(plates[row]) and columns.plate is not None:
            raise raw.fault(
                row, columns.plate if wells[row] else columns.well,
                "the cell is empty; plate and well belong together",
            )  # fmt: skip
    return plates, wells


def _at(raw: RawTable, row: int, column: str, read: Callable[[], str] | str) -> str:
    """Return what ``read`` returns; an error of its is told with file, row and column."""
    if isinstance(read, str):
        return read
    try:
        return read()
    except InputError as error:
        raise raw.fault(row, column, str(error)) from None


def _designs(
    raw: RawTable, columns: ResultColumns, record: Ledger, plates: list[str], wells: list[str]
) -> list[str]:
    about = record.proposals[-1].about
    by_id = record.design_of
    same = {_molecule(design, about): design for design in by_id.values()}
    ids, given = _texts(raw, columns.candidate), _texts(raw, columns.design)
    designs = []
    for row in range(len(raw)):
        told: dict[str, tuple[str, str]] = {}
        if ids[row]:
            if ids[row] not in by_id:
                raise raw.fault(
                    row, str(columns.candidate),
                    f"{ids[row]!r} is no candidate of this campaign, which has proposed "
                    f"{len(by_id)}",
                )  # fmt: skip
            told["candidate"] = (str(columns.candidate), by_id[ids[row]])
        if given[row]:
            design = _at(raw, row, str(columns.design), lambda t=given[row]: _read_design(t, about))
            # One molecule has one name, that under which it was proposed.
            told["design"] = (str(columns.design), same.get(_molecule(design, about), design))
        placed = record.wells.get((plates[row], wells[row]))
        if placed is not None:
            told["well"] = (str(columns.well), placed)
        if not told:
            raise _nothing_told(raw, columns, row, record, plates[row], wells[row])
        (said_by, design), *others = told.values()
        for column, other in others:
            if other != design:
                raise raw.fault(
                    row, column,
                    f"the row is about {design} by column {said_by!r}, but about {other} by this",
                )  # fmt: skip
        designs.append(design)
    return designs


def _nothing_told(
    raw: RawTable, columns: ResultColumns, row: int, record: Ledger, plate: str, well: str
) -> InputError:
    if well:
        plates = sorted({name for name, _ in record.wells})
        laid_out = f"plates {', '.join(plates)}" if plates else "no plate"
        return raw.fault(
            row, str(columns.well),
            f"nothing was laid out in well {well} of plate {plate!r}; the campaign has laid out "
            f"{laid_out}",
        )  # fmt: skip
    column = columns.candidate or columns.design or columns.well
    return raw.fault(row, str(column), "the cell is empty; nothing says what was measured")


def _read_design(text: str, about: Any) -> str:
    if of_points(about):
        return read_point(text, about)
    alphabet = _alphabet(about)
    if alphabet is None:
        return text
    letters = "".join(text.split()).upper()
    for wrong, right in (("U", "T"), ("T", "U")):
        if wrong not in alphabet.letters and right in alphabet.letters:
            letters = letters.replace(wrong, right)
    SequenceSpace(alphabet, about["length"]).encode([letters])
    return letters


def _molecule(design: str, about: Any) -> str:
    alphabet = _alphabet(about)
    if alphabet is None or not about["both_strands"]:
        return design
    return SequenceSpace(alphabet, len(design)).canonical([design])[0]


def _id(design: str, about: Any) -> str:
    if of_points(about):
        return design_id(design, described(about).kind)
    return design_id(design, _alphabet(about) or Alphabet("", ""))


def _alphabet(about: Any) -> Alphabet | None:
    return ALPHABETS.get(about.get("alphabet") or "")


def _numbers(
    raw: RawTable, columns: ResultColumns, failed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return values and errors, NaN where a well has failed or no error is given."""
    value, error = np.full(len(raw), np.nan), np.full(len(raw), np.nan)
    if not failed.all():
        value[~failed] = numbers(_rows(raw, ~failed), columns.value, advice=_EMPTY)
    if columns.error is not None:
        given = ~failed & np.array([bool(text) for text in _texts(raw, columns.error)])
        if given.any():
            error[given] = numbers(_rows(raw, given), columns.error, positive=True, advice=_EMPTY)
    return value, error


def _replicates(raw: RawTable, columns: ResultColumns, rows: pd.DataFrame) -> Sequence[int]:
    if columns.replicate is None:
        # A well is one measurement; without wells the rows of a design are its replicates.
        numbered = rows.groupby("candidate_id").cumcount() + 1
        return numbered.where(rows["well"] == "", 1).tolist()
    found = numbers(raw, columns.replicate, positive=True)
    for row in np.flatnonzero((found != np.round(found)) | (found > _MOST_REPLICATES)):
        raise raw.fault(
            int(row), columns.replicate,
            f"{raw.cell(int(row), columns.replicate)} is no whole number such as 1 or 2",
        )  # fmt: skip
    return found.astype(int).tolist()


def _notes(columns: ResultColumns, taken: np.ndarray, about: Any) -> list[str]:
    roles = {role: name for role, name in columns.model_dump(exclude={"further"}).items() if name}
    roles |= columns.further
    notes = ["taken as " + ", ".join(f"{role}: {name!r}" for role, name in roles.items())]
    if columns.units is None and about["units"]:
        notes.append(f"values are taken to be in {about['units']}")
    if left := int((~taken).sum()):
        notes.append(f"{left} rows without a value are not measured yet")
    return notes


def _warnings(rows: pd.DataFrame, about: Any) -> list[str]:
    low, high = about.get("bounds") or (None, None)
    warnings = []
    for row in rows.itertuples():
        if low is not None and row.value < low:
            warnings.append(
                f"row {row.source_row}: {row.value:g} is below {low:g}, the lowest possible"
            )
        if high is not None and row.value > high:
            warnings.append(
                f"row {row.source_row}: {row.value:g} is above {high:g}, the highest possible"
            )
    return warnings


def _listed(words: frozenset[str]) -> str:
    return ", ".join(sorted(words))
