"""What a predictor learned and when, and what would have changed its mind."""

from designlib.analysis.alignment import Alignment
from designlib.analysis.spectrum import line_spectrum, spectral_alignment
from designlib.analysis.walsh import (
    degree_alignment,
    degree_spectrum,
    learning_order,
    subcube_values,
)

__all__ = [
    "Alignment",
    "degree_alignment",
    "degree_spectrum",
    "learning_order",
    "line_spectrum",
    "spectral_alignment",
    "subcube_values",
]
