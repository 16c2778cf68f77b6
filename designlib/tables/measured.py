"""A table of measured designs: one row per distinct design, replicates aggregated."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float64

from designlib.config import AlphabetChoice, TableColumns
from designlib.notation import Alphabet
from designlib.spaces import DesignSpace, SequenceSpace
from designlib.tables.cells import is_text, numbers, sequences
from designlib.tables.guessing import resolve_columns
from designlib.tables.raw import RawTable, compute
from designlib.tables.reading import read_raw
from designlib.tables.replicates import aggregate
from designlib.types import InputError

MINIMUM_DESIGNS = 50
"""Fewest distinct designs on which predictors can be trained and validated."""

_CONSTANT = 1e-12


@dataclass(frozen=True, eq=False)
class MeasuredTable:
    """Measured designs, sorted by design.

    ``frame`` has the columns

    =============  ===================================================================
    design         the sequence, or the composition as ``component=share`` pairs
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
    space: DesignSpace
    name: str
    rows_read: int
    value_name: str = "value"
    """Name of the objective's column in the user's table."""
    guesses: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def alphabet(self) -> Alphabet:
        """The alphabet of the sequences; raises InputError for compositions."""
        return self._sequences.alphabet

    @property
    def length(self) -> int:
        """The length of the sequences, in letters; raises InputError for compositions."""
        return self._sequences.length

    @property
    def _sequences(self) -> SequenceSpace:
        if not isinstance(self.space, SequenceSpace):
            raise InputError(f"{self.name}: compositions have no alphabet and no length")
        return self.space


def parse_table(
    content: bytes,
    name: str,
    columns: TableColumns = TableColumns(),
    alphabet: AlphabetChoice = "auto",
    *,
    positive: bool = False,
) -> MeasuredTable:
    r"""Return the measured designs of a user's table.

    ``name`` is the file's name; its suffix tells the format: CSV, TSV, Parquet or FASTA with
    values in the header lines, each also gzipped.

    The value of a design is the mean over its rows, :math:`\sum w_i v_i / \sum w_i`, with the
    weights :math:`w_i` of the weight column, else :math:`1 / e_i^2` of the error column, else 1.
    Its error is :math:`\sqrt{\sum w_i^2 e_i^2} / \sum w_i`. Further value columns are averaged
    with the weight column or plainly, since the errors are the objective's. The order of the
    rows does not matter. With ``positive`` every value has to be above zero, for their logarithm.

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
    designs, letters, decided = sequences(raw, columns.design or "", alphabet)
    advice = " (for its logarithm)" * positive
    values = {name: numbers(raw, name, positive=positive, advice=advice) for name in columns.values}
    error, weight = (
        None
        if column is None
        else numbers(raw, column, positive=True, advice=_advice(role, guessed))
        for role, column in (("error", columns.error), ("weight", columns.weight))
    )
    space = SequenceSpace(letters, len(designs[0].as_py()))
    guesses = {**guessed, **raw.notes, **decided, **_line_breaks(raw, columns)}
    return measured_table(raw, designs, values, error, weight, space, guesses, "designs")


def measured_table(
    raw: RawTable,
    designs: pa.Array,
    values: dict[str, Float64[np.ndarray, "rows"]],
    error: Float64[np.ndarray, "rows"] | None,
    weight: Float64[np.ndarray, "rows"] | None,
    space: DesignSpace,
    guesses: dict[str, str],
    what: str,
) -> MeasuredTable:
    """Return the table of checked columns, replicates aggregated; the first value is the objective.

    Raises InputError for fewer than MINIMUM_DESIGNS distinct designs, or than there are components
    and one, and for values that are all the same; ``what`` is what designs are called there.
    """
    frame = aggregate(designs, values, error, weight)
    sequences = isinstance(space, SequenceSpace)
    least = MINIMUM_DESIGNS if sequences else max(MINIMUM_DESIGNS, space.columns + 1)
    if len(frame) < least:
        of_components = f" of {space.columns} components" if what == "compositions" else ""
        raise InputError(
            f"{raw.name}: {len(frame)} distinct {what} in {len(raw)} rows; at least {least} "
            f"are needed{of_components} to train and validate predictors"
        )
    objective, measured = next(iter(values.items()))
    _check_varies(raw, objective, measured)
    _check_varies(raw, objective, frame["value"].to_numpy(), "after averaging replicates, ")
    return MeasuredTable(
        frame=frame,
        space=space,
        name=raw.name,
        rows_read=len(raw),
        value_name=objective,
        guesses=guesses,
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
