"""Rows of Parquet files, read and written part by part, so that memory does not grow with them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.installation.log import run_logger

ROWS = 1 << 16
"""Rows of a part, and of a row group of what is written."""

_MEMORY = "512MB"
_PROGRESS_SECONDS = 5.0


def read_rows(path: Path, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
    """Return the rows of a file in order, in parts."""
    with pq.ParquetFile(path) as file:
        for part in file.iter_batches(batch_size=ROWS, columns=columns):
            yield part.to_pandas()


def query_rows(
    query: str, files: Mapping[str, Sequence[Path]], **values: int
) -> Iterator[pd.DataFrame]:
    """Return the rows that a DuckDB query gives, in parts.

    ``files`` holds the Parquet files of each table that the query names, one below the other;
    ``values`` are those of its parameters. What does not fit into memory while rows are sorted goes
    to a temporary folder.
    """
    with TemporaryDirectory(prefix="design-sorting-", ignore_cleanup_errors=True) as folder:
        settings = {"memory_limit": _MEMORY, "threads": 1, "temp_directory": folder}
        with duckdb.connect(config=settings) as database:
            for name, paths in files.items():
                database.read_parquet([str(path) for path in paths]).create_view(name)
            for part in database.sql(query, params=values or None).to_arrow_reader(ROWS):
                yield part.to_pandas()


def write_rows(parts: Iterable[pd.DataFrame], file: BinaryIO) -> None:
    """Write frames below each other as one Parquet file; the same bytes however they are cut.

    The columns and their types are those of the first part; a column without any value there is
    one of text. Raises ValueError where there is no part, not even an empty one.
    """
    groups = _regroup(parts)
    first = next(groups, None)
    if first is None:
        raise ValueError("a file of rows needs at least one part, which may be empty")
    with pq.ParquetWriter(file, first.schema, compression="zstd") as writer:
        for group in itertools.chain([first], groups):
            writer.write_table(group, row_group_size=ROWS)


def with_progress(parts: Iterable[pd.DataFrame], what: str) -> Iterator[pd.DataFrame]:
    """Pass the parts on, and log every five seconds how many rows have passed."""
    done, logged = 0, time.monotonic()
    for part in parts:
        yield part
        done += len(part)
        if time.monotonic() - logged > _PROGRESS_SECONDS:
            logged = time.monotonic()
            run_logger().info("%d %s so far", done, what)


def _regroup(parts: Iterable[pd.DataFrame]) -> Iterator[pa.Table]:
    """Return tables of `ROWS` rows each, and a last one of those that are left."""
    waiting = None
    for part in parts:
        waiting = _joined(waiting, part)
        while waiting.num_rows > ROWS:
            yield waiting.slice(0, ROWS).combine_chunks()
            waiting = waiting.slice(ROWS)
    if waiting is not None:
        yield waiting.combine_chunks()


def _joined(table: pa.Table | None, part: pd.DataFrame) -> pa.Table:
    if table is None:
        return _as_table(part)
    return pa.concat_tables(
        [table, pa.Table.from_pandas(part, schema=table.schema, preserve_index=False)]
    )


def _as_table(frame: pd.DataFrame) -> pa.Table:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for at, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            text = pa.field(field.name, pa.large_string())
            table = table.set_column(at, text, table.column(at).cast(text.type))
    return table
