"""The candidate table as files, and as people read it."""

from __future__ import annotations

import io

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from designlib.candidates.columns import COLUMNS, OF_DESIGNS, SCHEMA_VERSION, up_to_date
from designlib.tables import csv_bytes
from designlib.types import InputError

_READABLE = (
    "rank",
    "candidate_id",
    "design",
    "predicted_mean",
    "predicted_std",
    "interval_low",
    "interval_high",
    "applicability",
    "validation_score",
    "acquisition",
    "distance_to_measured",
    "nearest_measured",
    "edits",
    "cluster",
    "feasible",
    "role",
    "status",
)
_KNOWN_VERSIONS = [str(version).encode() for version in range(1, SCHEMA_VERSION + 1)]
_READABLE_IF_KNOWN = ("measured_value", "true_value", "true_percentile")


def to_parquet_bytes(table: pa.Table) -> bytes:
    """Return the table as Parquet, the same bytes for the same candidates in any row order."""
    sink = io.BytesIO()
    pq.write_table(_ranked(table), sink, compression="zstd", version="2.6", store_schema=True)
    return sink.getvalue()


def to_csv_bytes(table: pa.Table) -> bytes:
    """Return the table as UTF-8 CSV with a header, in rank order, numbers in full precision."""
    return csv_bytes(_ranked(table).to_pandas(types_mapper=pd.ArrowDtype))


def read_candidates(content: bytes) -> pa.Table:
    """Return the candidate table held by a Parquet file, columns that came later empty.

    Raises InputError when it is not Parquet, not a candidate table, of a later schema
    version, or when a column is missing or of another type.
    """
    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"the candidate table cannot be read as Parquet: {error}") from error
    stated = (table.schema.metadata or {}).get(b"schema_version")
    if stated is None:
        raise InputError("this Parquet file is not a candidate table: it states no schema_version")
    if stated not in _KNOWN_VERSIONS:
        raise InputError(
            f"the candidate table has schema version {stated.decode(errors='replace')}; this "
            f"library reads versions up to {SCHEMA_VERSION}"
        )
    if stated != _KNOWN_VERSIONS[-1]:
        table = up_to_date(table)
    for column in COLUMNS:
        if column.name not in table.column_names:
            raise InputError(f"the candidate table lacks the column {column.name}")
        found = table.schema.field(column.name).type
        if found != column.type:
            raise InputError(
                f"column {column.name} of the candidate table holds {found}; {column.type} expected"
            )
    return table


def readable(table: pa.Table) -> pd.DataFrame:
    """Return the columns that a person reads first, in rank order, numbers to four digits.

    Measured and true values are there when at least one is known. Unknown texts are
    empty; unknown numbers are NaN.
    """
    ranked = _ranked(table)
    amounts = [name for name in ranked.column_names if name.startswith(OF_DESIGNS)]
    place = _READABLE.index("design") + 1
    names = [*_READABLE[:place], *amounts, *_READABLE[place:]]
    names += [name for name in _READABLE_IF_KNOWN if ranked[name].null_count < len(ranked)]
    frame = ranked.select(names).to_pandas()
    for name in names:
        if pa.types.is_floating(ranked.schema.field(name).type):
            frame[name] = [float(f"{value:.4g}") for value in frame[name]]
        elif pa.types.is_string(ranked.schema.field(name).type):
            frame[name] = frame[name].fillna("")
    return frame


def describe_columns(table: pa.Table) -> list[tuple[str, str, str]]:
    """Return (name, unit, description) of every column of the table, as stored in it."""
    return [
        (
            field.name,
            (field.metadata or {}).get(b"unit", b"").decode(),
            (field.metadata or {}).get(b"description", b"").decode(),
        )
        for field in table.schema
    ]


def _ranked(table: pa.Table) -> pa.Table:
    """Return the rows in rank order as one chunk, since chunks decide Parquet's layout."""
    return table.sort_by("rank").combine_chunks()
