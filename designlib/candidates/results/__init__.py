"""Results that come back: a laboratory's file in, new measurements for the record out."""

from designlib.candidates.results.columns import ResultColumns, find_columns
from designlib.candidates.results.merging import Import, merge_results
from designlib.candidates.results.parsing import ParsedResults, parse_results

__all__ = [
    "Import",
    "ParsedResults",
    "ResultColumns",
    "find_columns",
    "merge_results",
    "parse_results",
]
