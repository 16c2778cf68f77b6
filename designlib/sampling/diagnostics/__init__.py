"""Convergence of chains, exchange between rungs, coverage of modes."""

from designlib.sampling.diagnostics.convergence import (
    EffectiveSampleSize,
    effective_sample_size,
    ess_per_pass,
    r_hat,
)
from designlib.sampling.diagnostics.exchange import round_trips, swap_rates
from designlib.sampling.diagnostics.modes import ModeCoverage, mode_coverage

__all__ = [
    "EffectiveSampleSize",
    "ModeCoverage",
    "effective_sample_size",
    "ess_per_pass",
    "mode_coverage",
    "r_hat",
    "round_trips",
    "swap_rates",
]
