"""What a predictor learned and when, and what would have changed its mind."""

from designlib.analysis.alignment import Alignment
from designlib.analysis.data_curve import PowerLaw, fit_power_law, subset_sizes
from designlib.analysis.examples import core_set, example_table
from designlib.analysis.kmers import LARGEST, kmer_alignment
from designlib.analysis.order import (
    NO_DEGREES,
    LearningOrder,
    Verdict,
    effect_maps,
    judge_order,
    map_agreement,
    mean_degrees,
    motif_match,
    order_of_learning,
)
from designlib.analysis.position_weights import Motif, read_motifs
from designlib.analysis.walsh import (
    degree_alignment,
    degree_spectrum,
    interaction_shares,
    learning_order,
    sampled_spectrum,
    whole_spectrum,
)

__all__ = [
    "LARGEST",
    "NO_DEGREES",
    "Alignment",
    "LearningOrder",
    "Motif",
    "PowerLaw",
    "Verdict",
    "core_set",
    "degree_alignment",
    "degree_spectrum",
    "effect_maps",
    "example_table",
    "fit_power_law",
    "interaction_shares",
    "judge_order",
    "kmer_alignment",
    "learning_order",
    "map_agreement",
    "mean_degrees",
    "motif_match",
    "order_of_learning",
    "read_motifs",
    "sampled_spectrum",
    "subset_sizes",
    "whole_spectrum",
]
