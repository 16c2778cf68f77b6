"""From scored designs to a batch: filters with reasons, and a diverse choice.

Frames carry predictions in the units of the measured value; the acquisition is
on a scale where more is always better.
"""

from designlib.selection.batch import Batch, BatchReport, select_batch
from designlib.selection.config import SelectionConfig
from designlib.selection.filters import filter_designs, rejection_counts

__all__ = [
    "Batch",
    "BatchReport",
    "SelectionConfig",
    "filter_designs",
    "rejection_counts",
    "select_batch",
]
