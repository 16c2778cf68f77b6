"""Counterfactuals: the fewest edits that change what a predictor says of a design."""

from designlib.analysis.counterfactuals.search import Found, find_counterfactuals
from designlib.analysis.counterfactuals.tables import counterfactual_rows, edit_shares

__all__ = [
    "Found",
    "counterfactual_rows",
    "edit_shares",
    "find_counterfactuals",
]
