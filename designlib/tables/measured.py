"""A table of measured designs: one row per distinct design, replicates aggregated."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from designlib.spaces import Alphabet
from designlib.tables.cells import is_text, numbers, sequences
from designlib.tables.columns import AlphabetChoice, TableColumns
from designlib.tables.guessing import resolve_columns
from designlib.tables.raw import RawTable, compute
from designlib.tables.reading import read_raw
from designlib.tables.replicates import aggregate
from designlib.types import InputError

__all__ = ["MINIMUM_DESIGNS", "MeasuredTable", "parse_table"]

MINIMUM_DESIGNS = 50
"""Fewest distinct designs on which predictors can be trained and validated."""

_CONSTANT = 1e-12


@dataclass(frozen=True, eq=False)
class MeasuredTable:
    """Measured designs, sorted by design.

    ``frame`` has the columns

    =============  ===================================================================
    design         the sequence
    value          mean of the objective over the replicates of this design
    spread         their sample standard deviation; NaN for a single measurement
    replicates     how many measurements there are
    error          standard error of ``value``, from the error column; NaN without one
    weight         sum of the weight column over the replicates; NaN without one
    =============  ===================================================================

    and then each further value column under its own name, averaged as well. ``guesses`` says in
    words what the user had not said, ``rows_read`` counts the measurements.
    """

    frame: pd.DataFrame
    alphabet: Alphabet
    length: int
    name: str
    rows_read: int
    value_name: str = "value"
    """Name of the objective's column in the user's table."""
    guesses: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)


def parse_table(
    content: bytes,
    name: str,
    columns: TableColumns = TableColumns(),  # noqa: B008 - frozen
    alphabet: AlphabetChoice = "auto",
) -> MeasuredTable:
    r"""Return the measured designs of a user's table.

    ``name`` is the file's name; its suffix tells the format: CSV, TSV, Parquet or FASTA with
    values in the header lines, each also gzipped.

    The value of a design is the mean over its rows, :math:`\sum w_i v_i / \sum w_i`, with the
    weights :math:`w_i` of the weight column, else :math:`1 / e_i^2` of the error column, else 1.
    Its error is :math:`\sqrt{\sum w_i^2 e_i^2} / \sum w_i`. Further value columns are averaged
    with the weight column or plainly, since the errors are the objective's. The order of the
    rows does not matter.

    Raises InputError, with file, row, column and value, for anything that is not a table of at
    least MINIMUM_DESIGNS distinct sequences of one length with finite values that differ.

    >>> rows = [f"AC{a}{b}{c},{i}" for i, (a, b, c) in enumerate(
    ...     (a, b, c) for a in "ACGT" for b in "ACGT" for c in "ACGT")]
    >>> table = parse_table("\n".join(["seq,score", *rows]).encode(), "plate.csv")
    >>> len(table), table.alphabet.name, table.length
    (64, 'dna', 5)
    >>> table.guesses["value"]
    "column 'score', by its name"
    """
    raw = read_raw(content, name)
    columns, guessed = resolve_columns(raw, columns)
    assert columns.design is not None  # noqa: S101 - resolve_columns fills it or raises
    designs, letters, decided = sequences(raw, columns.design, alphabet)
    values = {column: numbers(raw, column) for column in columns.values}
    error, weight = (
        None
        if column is None
        else numbers(raw, column, positive=True, advice=_advice(role, guessed))
        for role, column in (("error", columns.error), ("weight", columns.weight))
    )
    frame = aggregate(designs, values, error, weight)
    if len(frame) < MINIMUM_DESIGNS:
        raise InputError(
            f"{name}: {len(frame)} distinct designs in {len(raw)} rows; at least {MINIMUM_DESIGNS} "
            f"are needed to train and validate predictors"
        )
    _check_varies(raw, columns.values[0], values[columns.values[0]])
    _check_varies(raw, columns.values[0], frame["value"].to_numpy(), "after averaging replicates, ")
    return MeasuredTable(
        frame=frame,
        alphabet=letters,
        length=len(designs[0].as_py()),
        name=name,
        rows_read=len(raw),
        value_name=columns.values[0],
        guesses={**guessed, **raw.notes, **decided, **_line_breaks(raw, columns)},
    )


def _advice(role: str, guessed: dict[str, str]) -> str:
    if role not in guessed:
        return ""
    return f" (taken as {role} column by its name; give it another name to leave it out)"


def _check_varies(raw: RawTable, column: str, values: np.ndarray, when: str = "") -> None:
    if np.ptp(values) <= _CONSTANT * np.abs(values).max():
        raise InputError(
            f"{raw.name}, column {column!r}: {when}all {len(values)} values are the same "
            f"({values[0]:g}); there is nothing to learn from"
        )


def _line_breaks(raw: RawTable, columns: TableColumns) -> dict[str, str]:
    """Report unused columns whose cells run over lines: a stray quote may have hidden rows."""
    used = {columns.design, columns.error, columns.weight, *columns.values}
    line_break = pc.MatchSubstringOptions("\n")
    notes = {}
    for column, cells in raw.columns.items():
        if column in used or not is_text(cells):
            continue
        broken = compute("match_substring", cells, options=line_break).to_numpy(
            zero_copy_only=False
        )
        if broken.any():
            place = raw.places[int(np.flatnonzero(broken)[0])]
            notes[f"column {column!r}"] = (
                f"{broken.sum()} cell(s) with line breaks, the first in row {place}; if that was "
                f"not meant, a double quote is open and rows are missing"
            )
    return notes
