"""Tables of measured designs: a user's file in, one clean row per design out."""

from designlib.tables.compositions import parse_compositions
from designlib.tables.joining import ROUND_COLUMN, join_results, reveal_results
from designlib.tables.measured import MINIMUM_DESIGNS, MeasuredTable, parse_table
from designlib.tables.reading import ACCEPTED_SUFFIXES
from designlib.tables.storage import from_parquet, to_parquet_bytes

__all__ = [
    "ACCEPTED_SUFFIXES",
    "MINIMUM_DESIGNS",
    "ROUND_COLUMN",
    "MeasuredTable",
    "from_parquet",
    "join_results",
    "parse_compositions",
    "parse_table",
    "reveal_results",
    "to_parquet_bytes",
]
