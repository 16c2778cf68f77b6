"""Tables of measured designs: a user's file in, one clean row per design out."""

from designlib.tables.cells import NUMBER, is_numeric, is_text, numbers
from designlib.tables.compositions import parse_compositions
from designlib.tables.delimited import csv_bytes, read_csv
from designlib.tables.joining import ROUND_COLUMN, join_results, reveal_results
from designlib.tables.measured import MINIMUM_DESIGNS, MeasuredTable, parse_table
from designlib.tables.raw import RawTable, as_text, listed
from designlib.tables.reading import ACCEPTED_SUFFIXES, read_raw
from designlib.tables.splits import assign_folds, random_rows, visible_rows
from designlib.tables.storage import from_parquet, to_parquet_bytes
from designlib.tables.variables import read_variables, variable_columns

__all__ = [
    "ACCEPTED_SUFFIXES",
    "MINIMUM_DESIGNS",
    "NUMBER",
    "ROUND_COLUMN",
    "MeasuredTable",
    "RawTable",
    "as_text",
    "assign_folds",
    "csv_bytes",
    "from_parquet",
    "is_numeric",
    "is_text",
    "join_results",
    "listed",
    "numbers",
    "parse_compositions",
    "parse_table",
    "random_rows",
    "read_csv",
    "read_raw",
    "read_variables",
    "reveal_results",
    "to_parquet_bytes",
    "variable_columns",
    "visible_rows",
]
