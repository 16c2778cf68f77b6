"""Normalising constants out of importance weights."""

from designlib.evidence import Evidence, log_mean_exp_with_error

__all__ = ["Evidence", "log_mean_exp_with_error"]
