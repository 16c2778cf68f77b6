"""From scored designs to a batch: filters with reasons, and a diverse choice."""

from designlib.selection.acquisition import acquisition
from designlib.selection.applicability import CHECKED, applicability, confidence_columns
from designlib.selection.batch import Shortlist, select_batch
from designlib.selection.choice import Choice, SelectionFigures, choose_designs
from designlib.selection.filters import filter_designs, rejection_counts
from designlib.selection.intervals import LEVEL, Calibration, calibration_of, coverage, intervals
from designlib.selection.objectives import Objectives
from designlib.selection.oracles import Oracle, true_percentile
from designlib.selection.pareto import hypervolume, non_dominated
from designlib.selection.ranking import Measured, ReadParts
from designlib.selection.scoring import Predictors, Scoring, standard_deviation

__all__ = [
    "CHECKED",
    "LEVEL",
    "Calibration",
    "Choice",
    "Measured",
    "Objectives",
    "Oracle",
    "Predictors",
    "ReadParts",
    "Scoring",
    "SelectionFigures",
    "Shortlist",
    "acquisition",
    "applicability",
    "calibration_of",
    "choose_designs",
    "confidence_columns",
    "coverage",
    "filter_designs",
    "hypervolume",
    "intervals",
    "non_dominated",
    "rejection_counts",
    "select_batch",
    "standard_deviation",
    "true_percentile",
]
