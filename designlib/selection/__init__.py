"""From scored designs to a batch: filters with reasons, and a diverse choice."""

from designlib.selection.acquisition import acquisition, thompson_order
from designlib.selection.applicability import applicability, unusualness
from designlib.selection.batch import Batch, BatchReport, Shortlist, select_batch
from designlib.selection.clusters import clusters
from designlib.selection.filters import filter_designs, rejection_counts, std_limit
from designlib.selection.intervals import LEVEL, Calibration, calibrate, coverage, intervals
from designlib.selection.oracles import Oracle, oracle_of, true_percentile
from designlib.selection.pareto import front_order, hypervolume, non_dominated

__all__ = [
    "LEVEL",
    "Batch",
    "BatchReport",
    "Calibration",
    "Oracle",
    "Shortlist",
    "acquisition",
    "applicability",
    "calibrate",
    "clusters",
    "coverage",
    "filter_designs",
    "front_order",
    "hypervolume",
    "intervals",
    "non_dominated",
    "oracle_of",
    "rejection_counts",
    "select_batch",
    "std_limit",
    "thompson_order",
    "true_percentile",
    "unusualness",
]
