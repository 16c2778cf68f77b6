"""Counterfactuals: the fewest edits that change what a predictor says of a design."""
