"""A table as it was read: cells still unchecked, and where each of them stands in the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Int64

from designlib.types import InputError

_LONGEST_SHOWN = 60


@dataclass(frozen=True)
class RawTable:
    """Columns of unchecked cells.

    ``columns`` maps each column name to its cells: text as large_string, or the type that a
    Parquet file gave them. ``places`` is the place of each row as a user counts it: the
    spreadsheet row of a CSV (header in row 1), the data row of a Parquet file, the header line
    of a FASTA record; ``place`` is the word for it. ``notes`` says what was assumed in reading.
    """

    name: str
    columns: dict[str, pa.Array]
    places: Int64[np.ndarray, " rows"]
    place: str = "row"
    notes: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.places)

    def fault(self, index: int, column: str, problem: str) -> InputError:
        """Return the error for one cell: file, row, column, then the problem."""
        return InputError(
            f"{self.name}, {self.place} {self.places[index]}, column {column!r}: {problem}"
        )

    def refuse(self, bad: Bool[np.ndarray, " rows"], column: str, problem: str) -> None:
        """Raise the error for the first bad cell, if there is one, with the number of others."""
        if bad.any():
            at, others = int(np.flatnonzero(bad)[0]), int(bad.sum()) - 1
            plural = "s" if others > 1 else ""
            more = f" ({others} more such cell{plural} in this column)" if others else ""
            raise self.fault(at, column, f"{self.cell(at, column)} {problem}{more}")

    def cell(self, index: int, column: str) -> str:
        """Return one cell for an error message."""
        value = self.columns[column][index].as_py()
        return shown("" if value is None else str(value))


def as_text(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a text column as one large_string array; an absent cell becomes an empty text."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.cast(pa.large_string()).fill_null("")


def compute(function: str, *arguments: Any, options: pc.FunctionOptions | None = None) -> pa.Array:
    """Return Arrow's function of that name, which its module makes at run time, unseen by types."""
    return pc.call_function(function, list(arguments), options)


def shown(text: str) -> str:
    r"""Return ``text`` quoted, with control characters visible, cut when long.

    >>> print(shown("AC" + chr(9) + "GT"))
    'AC\tGT'
    """
    return repr(text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "...")


def listed(names: Sequence[str], most: int = 20) -> str:
    """Return column names for an error message.

    >>> listed(["a", "b c"])
    "'a', 'b c'"
    """
    text = ", ".join(shown(name) for name in names[:most])
    return text + (f" and {len(names) - most} more" if len(names) > most else "")
