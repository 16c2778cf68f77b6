"""What a run tells about itself: convergence, coverage, exchange, evidence, order of learning."""

from designlib.analysis.alignment import Alignment
from designlib.sampling.diagnostics.convergence import (
    EffectiveSampleSize,
    effective_sample_size,
    ess_per_pass,
    r_hat,
)
from designlib.sampling.diagnostics.exchange import round_trips, swap_rates
from designlib.sampling.diagnostics.modes import ModeCoverage, mode_coverage
from designlib.analysis.spectrum import line_spectrum, spectral_alignment
from designlib.analysis.walsh import (
    degree_alignment,
    degree_spectrum,
    learning_order,
    subcube_values,
)
from designlib.sampling.evidence import Evidence, log_mean_exp_with_error

__all__ = [
    "Alignment",
    "EffectiveSampleSize",
    "Evidence",
    "ModeCoverage",
    "degree_alignment",
    "degree_spectrum",
    "effective_sample_size",
    "ess_per_pass",
    "learning_order",
    "line_spectrum",
    "log_mean_exp_with_error",
    "mode_coverage",
    "r_hat",
    "round_trips",
    "spectral_alignment",
    "subcube_values",
    "swap_rates",
]
