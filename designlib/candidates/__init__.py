"""The candidate table: one versioned schema, content-hash ids, byte-identical Parquet.

A table holds one batch of one round, in rank order. Nothing that differs between
two runs of the same configuration, seed and data (a time, a host, a run id) may go
into it; ``round_key`` is what the tracking server's run carries to find its table.
"""

from designlib.candidates.building import build_table, design_id
from designlib.candidates.columns import (
    COLUMNS,
    SCHEMA_VERSION,
    Column,
    Provenance,
    with_all_columns,
)
from designlib.candidates.files import (
    describe_columns,
    read_candidates,
    readable,
    to_csv_bytes,
    to_parquet_bytes,
)

__all__ = [
    "COLUMNS",
    "SCHEMA_VERSION",
    "Column",
    "Provenance",
    "build_table",
    "describe_columns",
    "design_id",
    "read_candidates",
    "readable",
    "to_csv_bytes",
    "to_parquet_bytes",
    "with_all_columns",
]
