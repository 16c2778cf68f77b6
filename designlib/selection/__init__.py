"""From scored designs to a batch: filters with reasons, and a diverse choice."""

from designlib.selection.batch import Batch, BatchReport, Shortlist, select_batch
from designlib.selection.filters import filter_designs, rejection_counts, spread_limit

__all__ = [
    "Batch",
    "BatchReport",
    "Shortlist",
    "filter_designs",
    "rejection_counts",
    "select_batch",
    "spread_limit",
]
