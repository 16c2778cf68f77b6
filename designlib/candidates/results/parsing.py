"""A results file to measurements of designs, each cell checked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Bool, Float

from designlib.candidates.building import design_id
from designlib.candidates.ledger import Ledger
from designlib.candidates.results.columns import ResultColumns, find_columns, tells_designs
from designlib.candidates.results.points import of_points, read_point, with_designs
from designlib.config import read_well
from designlib.notation import ALPHABETS, Alphabet
from designlib.spaces import SequenceSpace, described
from designlib.tables import RawTable, as_text, numbers, read_raw
from designlib.types import InputError

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
    sheet = _Sheet(raw, columns, record)
    failed, filled = sheet.failed(), sheet.filled(columns.value, *columns.further.values())
    sheet.check_flagged(failed, filled)
    taken = failed | filled
    if not taken.any():
        raise InputError(f"{name}: column {columns.value!r} holds no value and no row is flagged")
    rows = sheet.kept(taken).measurements(failed[taken])
    return ParsedResults(rows, _notes(columns, taken, about), _warnings(rows, about))


class _Sheet:
    """The rows of a results file, whose columns are known."""

    def __init__(self, raw: RawTable, columns: ResultColumns, record: Ledger) -> None:
        self.raw, self.columns, self.record = raw, columns, record
        self.about = record.proposals[-1].about
        self.alphabet = ALPHABETS.get(self.about.get("alphabet") or "")

    def kept(self, rows: Bool[np.ndarray, "rows"]) -> _Sheet:
        """Return the sheet of some of the rows."""
        return _Sheet(_rows(self.raw, rows), self.columns, self.record)

    def measurements(self, failed: Bool[np.ndarray, "rows"]) -> pd.DataFrame:
        """Return one row for each objective that a row of the file has a value of."""
        columns = self.columns
        self._check_units()
        plates, wells = self._wells()
        designs = self._designs(plates, wells)
        known = ~failed & self.filled(columns.value)
        rows = pd.DataFrame(
            {
                "candidate_id": [self._id(design) for design in designs],
                "design": designs,
                "plate": plates,
                "well": wells,
                "objective": "",
                "outcome": np.where(failed, "failed", "measured"),
                "value": self._numbers(columns.value, known),
                "error": self._numbers(columns.error, known & self.filled(columns.error), True),
                "note": self.texts(columns.note),
                "round": self.record.rounds,
                "source": self.raw.name,
                "source_row": self.raw.places,
                "correction": self._truths(columns.correction, _YES, _NO, "is neither yes nor no"),
            }
        )
        rows["replicate"] = self._replicates(rows)
        parts = [rows[failed | known]]
        for objective, column in columns.further.items():
            measured = ~failed & self.filled(column)
            values = self._numbers(column, measured)[measured]
            parts.append(rows[measured].assign(objective=objective, value=values, error=np.nan))
        return pd.concat(parts, ignore_index=True)

    def texts(self, column: str | None) -> list[str]:
        """Return the cells of a column with single spaces; empty where there is no column."""
        if column is None:
            return [""] * len(self.raw)
        return [" ".join(text.split()) for text in self.raw.columns[column].to_pylist()]

    def filled(self, *columns: str | None) -> Bool[np.ndarray, "rows"]:
        """Return which rows have something in one of the columns."""
        return np.array([any(row) for row in zip(*map(self.texts, columns), strict=True)], bool)

    def failed(self) -> Bool[np.ndarray, "rows"]:
        """Return which rows are flagged as failed."""
        column = self.columns.flag or ""
        yes, no = (_YES, _NO) if column.casefold().startswith(_INVERTED) else (_NO, _YES)
        good, bad = (", ".join(sorted(words)) for words in (_GOOD, _BAD))
        problem = f"says neither that the well passed ({good}) nor that it failed ({bad})"
        return self._truths(self.columns.flag, _BAD | yes, _GOOD | no, problem)

    def check_flagged(
        self, failed: Bool[np.ndarray, "rows"], filled: Bool[np.ndarray, "rows"]
    ) -> None:
        """Raise InputError for a row flagged as good that has no value."""
        flag = self.columns.flag
        for row in np.flatnonzero(self.filled(flag) & ~failed & ~filled).tolist():
            problem = (
                f"the cell is empty, but column {flag!r} says {self.raw.cell(row, str(flag))}; a "
                "value is needed, or a flag that it failed"
            )
            raise self.raw.fault(row, self.columns.value, problem)

    def _truths(
        self, column: str | None, true: Collection[str], false: Collection[str], problem: str
    ) -> Bool[np.ndarray, "rows"]:
        """Return which cells are one of the words for true; empty ones are not."""
        words = [text.casefold() for text in self.texts(column)]
        for row, word in enumerate(words):
            if word and word not in true and word not in false:
                cell = self.raw.cell(row, str(column))
                raise self.raw.fault(row, str(column), f"{cell} {problem}")
        return np.array([word in true for word in words], dtype=bool)

    def _numbers(
        self, column: str | None, rows: Bool[np.ndarray, "rows"], positive: bool = False
    ) -> Float[np.ndarray, "rows"]:
        """Return the numbers in some rows of a column, NaN in the others."""
        found = np.full(len(rows), np.nan)
        if column is not None and rows.any():
            found[rows] = numbers(_rows(self.raw, rows), column, positive=positive, advice=_EMPTY)
        return found

    def _check_units(self) -> None:
        wanted = self.about["units"]
        for row, unit in enumerate(self.texts(self.columns.units)):
            if unit and wanted and unit.casefold() != wanted.casefold():
                problem = f"{unit!r} differs from the campaign's units, {wanted!r}; convert the "
                raise self.raw.fault(row, str(self.columns.units), f"{problem}values first")

    def _wells(self) -> tuple[list[str], list[str]]:
        """Return plate and well of each row, empty where the file does not say."""
        column, plates = self.columns.well, self.texts(self.columns.plate)
        if column is None:
            return [""] * len(self.raw), [""] * len(self.raw)
        laid_out = {plate for plate, _ in self.record.wells}
        wells = []
        for row, text in enumerate(self.texts(column)):
            if text and not plates[row] and len(laid_out) == 1:
                (plates[row],) = laid_out
            wells.append(self._read(row, column, text, self._well) if text else "")
            if bool(wells[row]) != bool(plates[row]) and self.columns.plate is not None:
                empty = self.columns.plate if wells[row] else column
                raise self.raw.fault(
                    row, empty, "the cell is empty; plate and well belong together"
                )
        return plates, wells

    def _well(self, text: str) -> str:
        return read_well(text, self.record.plate_size)

    def _read(self, row: int, column: str, text: str, read: Callable[[str], str]) -> str:
        """Return what ``read`` makes of a cell; its errors name file, row and column."""
        try:
            return read(text)
        except InputError as error:
            raise self.raw.fault(row, column, str(error)) from None

    def _designs(self, plates: Sequence[str], wells: Sequence[str]) -> list[str]:
        """Return the design of each row, for which all its columns must agree."""
        columns, by_id = self.columns, self.record.design_of
        proposed = {self._molecule(design): design for design in by_id.values()}
        designs = []
        ids, texts = self.texts(columns.candidate), self.texts(columns.design)
        cells = zip(ids, texts, plates, wells, strict=True)
        for row, (candidate, text, plate, well) in enumerate(cells):
            found: list[tuple[str | None, str]] = []
            if candidate:
                if candidate not in by_id:
                    problem = f"is no candidate of this campaign, which has proposed {len(by_id)}"
                    raise self.raw.fault(row, str(columns.candidate), f"{candidate!r} {problem}")
                found.append((columns.candidate, by_id[candidate]))
            if text:
                design = self._read(row, str(columns.design), text, self._design)
                # One molecule has one name, that under which it was proposed.
                found.append((columns.design, proposed.get(self._molecule(design), design)))
            if (plate, well) in self.record.wells:
                found.append((columns.well, self.record.wells[plate, well]))
            if not found:
                raise self._without_design(row, plate, well)
            (first, design), *others = found
            for column, other in others:
                if other != design:
                    problem = f"the row is about {design} by column {first!r}, but about {other}"
                    raise self.raw.fault(row, str(column), f"{problem} by this")
            designs.append(design)
        return designs

    def _without_design(self, row: int, plate: str, well: str) -> InputError:
        columns = self.columns
        if not well:
            column = columns.candidate or columns.design or columns.well
            problem = "the cell is empty; nothing says what was measured"
            return self.raw.fault(row, str(column), problem)
        plates = sorted({name for name, _ in self.record.wells})
        laid_out = f"plates {', '.join(plates)}" if plates else "no plate"
        problem = f"nothing was laid out in well {well} of plate {plate!r}; the campaign has laid "
        return self.raw.fault(row, str(columns.well), f"{problem}out {laid_out}")

    def _design(self, text: str) -> str:
        if of_points(self.about):
            return read_point(text, self.about)
        if self.alphabet is None:
            return text
        letters = "".join(text.split()).upper()
        for wrong, right in (("U", "T"), ("T", "U")):
            if wrong not in self.alphabet.letters and right in self.alphabet.letters:
                letters = letters.replace(wrong, right)
        SequenceSpace(self.alphabet, self.about["length"]).encode([letters])
        return letters

    def _molecule(self, design: str) -> str:
        if self.alphabet is None or not self.about["both_strands"]:
            return design
        return SequenceSpace(self.alphabet, len(design)).canonical([design])[0]

    def _id(self, design: str) -> str:
        if of_points(self.about):
            return design_id(design, described(self.about).kind)
        return design_id(design, self.alphabet or Alphabet("", ""))

    def _replicates(self, rows: pd.DataFrame) -> Sequence[int]:
        column = self.columns.replicate
        if column is None:
            # A well is one measurement; without wells the rows of a design are its replicates.
            numbered = rows.groupby("candidate_id").cumcount() + 1
            return numbered.where(rows["well"] == "", 1).tolist()
        found = numbers(self.raw, column, positive=True)
        for row in np.flatnonzero((found != np.round(found)) | (found > _MOST_REPLICATES)).tolist():
            cell = self.raw.cell(row, column)
            raise self.raw.fault(row, column, f"{cell} is no whole number such as 1 or 2")
        return found.astype(int).tolist()


def _as_texts(raw: RawTable) -> RawTable:
    """Return the table with every cell as a text, as a CSV has it."""

    def text(value: object) -> str:
        if value is None or (isinstance(value, float) and np.isnan(value)):
            return ""
        return repr(value) if isinstance(value, float) else str(value)

    columns = {
        header: as_text(pa.array(map(text, cells.to_pylist()), type=pa.large_string()))
        for header, cells in raw.columns.items()
    }
    return replace(raw, columns=columns)


def _rows(raw: RawTable, keep: Bool[np.ndarray, "rows"]) -> RawTable:
    columns = {header: cells.filter(pa.array(keep)) for header, cells in raw.columns.items()}
    return replace(raw, columns=columns, places=raw.places[keep])


def _notes(
    columns: ResultColumns, taken: Bool[np.ndarray, "rows"], about: Mapping[str, Any]
) -> list[str]:
    roles = {role: name for role, name in columns.model_dump(exclude={"further"}).items() if name}
    roles |= columns.further
    notes = ["taken as " + ", ".join(f"{role}: {name!r}" for role, name in roles.items())]
    if columns.units is None and about["units"]:
        notes.append(f"values are taken to be in {about['units']}")
    if left := int((~taken).sum()):
        notes.append(f"{left} rows without a value are not measured yet")
    return notes


def _warnings(rows: pd.DataFrame, about: Mapping[str, Any]) -> list[str]:
    low, high = about.get("bounds") or (None, None)
    warnings = []
    for row in rows[rows["objective"] == ""].itertuples():
        where = f"row {row.source_row}: {row.value:g} is"
        if low is not None and row.value < low:
            warnings.append(f"{where} below {low:g}, the lowest possible")
        if high is not None and row.value > high:
            warnings.append(f"{where} above {high:g}, the highest possible")
    return warnings
