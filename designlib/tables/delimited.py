"""CSV and TSV: bytes to unchecked columns of text, and tables to CSV that is safe to open.

A spreadsheet runs a cell that begins like a formula, whoever wrote it. Such a cell is written
behind an apostrophe, which spreadsheets take for the sign of plain text, and read without it.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import re
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

from designlib.tables.cells import NUMBER
from designlib.tables.raw import RawTable, as_text, compute, listed, shown
from designlib.types import InputError

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_SIGNATURES = {
    b"\x1f\x8b": "a gzip file: give it a name that ends in .gz, such as table.csv.gz",
    b"PAR1": "a Parquet file: give it a name that ends in .parquet",
    b"PK\x03\x04": "an Excel workbook or a zip archive: save the sheet as CSV UTF-8 first",
}
_FORMULA = r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
"""How a cell begins that a spreadsheet may run; the last four are full-width forms."""
_NEVER_TEXT = (is_numeric_dtype, is_bool_dtype, is_datetime64_any_dtype)
_RUN = re.compile(f"'*{_FORMULA}")
_WRITTEN = re.compile(f"'+{_FORMULA}")


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """Return the table as UTF-8 CSV with a header, none of whose cells a spreadsheet runs.

    `read_delimited` and `read_csv` return the same names and texts.
    """
    harmless = frame.rename(columns=_harmless)
    quoting = csv.QUOTE_MINIMAL
    for place, kind in enumerate(frame.dtypes):
        if not any(holds(kind) for holds in _NEVER_TEXT):
            cells = [_harmless(cell) for cell in frame.iloc[:, place]]
            harmless.isetitem(place, pd.Series(cells, index=frame.index, dtype=object))  # pyright: ignore[reportArgumentType] - takes any column
            if any(isinstance(cell, str) and "\r" in cell for cell in cells):
                quoting = csv.QUOTE_NONNUMERIC  # Otherwise the cell would end the row.
    return harmless.to_csv(index=False, lineterminator="\n", quoting=quoting).encode()


def read_csv(content: bytes, **options: Any) -> pd.DataFrame:
    """Return a table that `csv_bytes` wrote; ``options`` are those of `pandas.read_csv`."""
    frame = pd.read_csv(io.BytesIO(content), **options).rename(columns=_as_it_was)
    for name in frame.select_dtypes(exclude=["number", "bool"]):
        frame[name] = frame[name].map(_as_it_was)
    return frame


def _harmless(cell: Any) -> Any:
    runs = isinstance(cell, str) and _RUN.match(cell) and not re.fullmatch(NUMBER, cell)
    return f"'{cell}" if runs else cell


def _as_it_was(cell: Any) -> Any:
    return cell[1:] if isinstance(cell, str) and _WRITTEN.match(cell) else cell


def utf8(content: bytes, name: str) -> bytes:
    """Return ``content`` without its byte order mark, sure to be UTF-8 text with some in it.

    Raises InputError that names the line and the byte for other encodings and for NUL bytes.
    """
    for signature, kind in _SIGNATURES.items():
        if content.startswith(signature):
            raise InputError(f"{name}: this is {kind}")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{name}: the text is UTF-16; save it as UTF-8 (in Excel: 'CSV UTF-8')")
    content = content.removeprefix(codecs.BOM_UTF8)
    if not content.strip():
        raise InputError(f"{name}: the file is empty; a header line and measured rows are needed")
    nul = content.find(b"\0")
    if nul >= 0:
        line = content.count(b"\n", 0, nul) + 1
        raise InputError(
            f"{name}, line {line}: there is a NUL byte, which text does not have; the file is "
            f"damaged or not UTF-8 text. Save it as UTF-8"
        )
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        start = content.rfind(b"\n", 0, error.start) + 1
        around = content[start : error.start + 10].split(b"\n")[0].decode("latin-1")
        raise InputError(
            f"{name}, line {line}: byte 0x{content[error.start]:02x} in {shown(around[-40:])} is "
            f"not UTF-8; the file has another encoding (perhaps Latin-1). Save it as UTF-8"
        ) from None
    return content


def read_delimited(content: bytes, name: str, expected: str) -> RawTable:
    """Return the columns of a CSV or TSV file.

    ``expected`` is the delimiter that the file's name stands for; another one is taken, and
    noted, when the header line has that and not the expected one. Rows without any cell filled
    are left out, as spreadsheets add them.

    Raises InputError for what is no UTF-8 text, for duplicate or missing headers, for rows with
    too many fields and for quotes that never close.
    """
    content = utf8(content, name)
    body = content.lstrip(b"\r\n")
    skipped = len(re.findall(rb"\r\n|\r|\n", content[: len(content) - len(body)]))
    header_line = next(io.TextIOWrapper(io.BytesIO(body), encoding="utf-8"))
    delimiter = next(
        (d for d in (expected, *_DELIMITERS) if d in header_line),
        expected,
    )
    cells = _cells(body, name, delimiter, skipped)
    names = [" ".join(cell[0].as_py().split()) for cell in cells]
    _check_headers(names, name)
    filled = np.zeros(len(cells[0]), dtype=bool)
    for column in cells:
        filled |= compute("binary_length", compute("utf8_trim_whitespace", column)).to_numpy() > 0
    filled[0] = False
    keep = pa.array(filled)
    columns = {
        header: column.filter(keep) for header, column in zip(names, cells, strict=True) if header
    }
    notes = {}
    if delimiter != expected:
        notes["delimiter"] = f"{_DELIMITERS[delimiter]}, by the header line"
    return RawTable(name, columns, np.flatnonzero(filled) + 1 + skipped, notes=notes)


def _cells(body: bytes, name: str, delimiter: str, skipped: int) -> list[pa.Array]:
    """Return the columns of all lines, header included, as text and nothing but text."""
    try:
        frame = pd.read_csv(
            io.BytesIO(body),
            sep=delimiter,
            header=None,
            index_col=False,
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            skip_blank_lines=False,
            encoding="utf-8",
        )
    except pd.errors.ParserError as error:
        raise _unparsable(body, name, delimiter, skipped, str(error)) from None
    return [_texts_as_they_were(as_text(pa.array(frame[column]))) for column in frame.columns]


def _texts_as_they_were(column: pa.Array) -> pa.Array:
    quoted = compute("starts_with", column, options=pc.MatchSubstringOptions("'"))
    if not quoted.to_numpy(zero_copy_only=False).any():
        return column
    return as_text(pa.array(map(_as_it_was, column.to_pylist())))


def _unparsable(body: bytes, name: str, delimiter: str, skipped: int, message: str) -> InputError:
    """Return the error for the first row that breaks the table."""
    open_quote = re.search(r"EOF inside string starting at row (\d+)", message)
    if open_quote:
        row = int(open_quote.group(1)) + 1 + skipped
        return InputError(
            f'{name}, row {row}: a cell begins with a double quote (") that is never closed; close '
            f'it or leave it out (a quote inside a quoted cell is written twice: "")'
        )
    records = csv.reader(io.StringIO(body.decode(), newline=""), delimiter=delimiter)
    header = next(records)
    with contextlib.suppress(csv.Error):
        for row, fields in enumerate(records, start=2 + skipped):
            if len(fields) > len(header):
                return InputError(
                    f"{name}, row {row}: there are {len(fields)} fields where the header "
                    f"({listed(header, most=5)}) has {len(header)}; the first one too many is "
                    f"{shown(fields[len(header)])}. A cell that holds a {_DELIMITERS[delimiter]} "
                    f"must stand in double quotes"
                )
    return InputError(f"{name}: not a readable table ({message.strip()})")


def _check_headers(names: list[str], name: str) -> None:
    given = [header for header in names if header]
    if not given:
        raise InputError(f"{name}, row 1: the header line names no column")
    double = [header for header, times in Counter(given).items() if times > 1]
    if double:
        where = [str(at + 1) for at, header in enumerate(names) if header == double[0]]
        raise InputError(
            f"{name}, row 1: the header {shown(double[0])} stands over columns {', '.join(where)}; "
            f"every column needs a name of its own (found: {listed(given)})"
        )
