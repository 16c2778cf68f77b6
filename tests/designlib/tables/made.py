"""Measured tables of all DNA words of three letters, as files."""

from __future__ import annotations

import io
import itertools

import pyarrow as pa
import pyarrow.parquet as pq

KMERS = ["".join(letters) for letters in itertools.product("ACGT", repeat=3)]
ROWS = [f"{kmer},{number / 10}" for number, kmer in enumerate(KMERS)]


def csv(rows: list[str] = ROWS, header: str = "sequence,value") -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def with_row(index: int, row: str) -> bytes:
    """A good table but for the row that stands in spreadsheet row ``index``."""
    rows = list(ROWS)
    rows[index - 2] = row
    return csv(rows)


def parquet(columns: dict[str, object]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


GOOD = csv()
VALUES = [number / 10 for number in range(64)]
