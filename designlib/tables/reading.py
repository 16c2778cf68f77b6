"""Bytes and a file name to unchecked columns."""

from __future__ import annotations

import gzip
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from designlib.tables.delimited import read_delimited
from designlib.tables.fasta import read_fasta
from designlib.tables.raw import RawTable, as_text
from designlib.types import InputError

ACCEPTED_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".fa", ".fasta")
"""Endings of table files; each may be followed by ``.gz``."""


def read_raw(content: bytes, name: str) -> RawTable:
    """Return the columns of the file, whose format its name tells.

    Raises InputError for an unknown suffix and for content that is not of that format.
    """
    lower = name.lower()
    zipped = lower.endswith(".gz")
    lower = lower.removesuffix(".gz")
    suffix = next((s for s in ACCEPTED_SUFFIXES if lower.endswith(s)), None)
    if suffix is None:
        raise InputError(
            f"{name}: the file's name does not tell its format; accepted are names that end in "
            f"{', '.join(ACCEPTED_SUFFIXES)}, each also with .gz"
        )
    if not content:
        raise InputError(f"{name}: the file is empty (0 bytes)")
    if zipped:
        content = _unzipped(content, name)
    if suffix == ".parquet":
        raw = _read_parquet(content, name)
    elif suffix in {".fa", ".fasta"}:
        raw = read_fasta(content, name)
    else:
        raw = read_delimited(content, name, expected="," if suffix == ".csv" else "\t")
    if not len(raw):
        raise InputError(
            f"{name}: there is a header but no row of measurements under it (columns: "
            f"{', '.join(raw.columns)})"
        )
    return raw


def _unzipped(content: bytes, name: str) -> bytes:
    try:
        return gzip.decompress(content)
    except EOFError:
        raise InputError(
            f"{name}: the gzip file is truncated (it ends before its end mark); copy or download "
            f"it again"
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"{name}: the name ends in .gz, but this is not a sound gzip file ({error})"
        ) from None


def _read_parquet(content: bytes, name: str) -> RawTable:
    if content[:4] != b"PAR1":
        raise InputError(
            f"{name}: the name ends in .parquet, but this is not a Parquet file (it begins with "
            f"{content[:8]!r} instead of b'PAR1')"
        )
    if content[-4:] != b"PAR1" or len(content) < 12:
        raise InputError(
            f"{name}: the Parquet file is truncated (it does not end in b'PAR1'); copy or download "
            f"it again"
        )
    try:
        # pq.read_table would stumble over two columns of one name, before they can be reported.
        table = pq.ParquetFile(pa.BufferReader(content)).read()
    except (pa.ArrowException, OSError) as error:
        detail = str(error).splitlines()[0]
        raise InputError(f"{name}: the Parquet file is damaged ({detail})") from None
    double = sorted({c for c in table.column_names if table.column_names.count(c) > 1})
    if double:
        raise InputError(f"{name}: two columns are called {double[0]!r}; every name must be unique")
    columns = {}
    for header in table.column_names:
        column = table.column(header)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if _is_text(column.type):
            columns[header] = as_text(column)
        else:
            columns[header] = column.combine_chunks()
    return RawTable(name, columns, np.arange(1, table.num_rows + 1))


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()
