"""Problems whose truth is known: the paper's tasks and the benchmark tasks, a file per family."""

from designlib.benchmarks.problems.ackley import Ackley
from designlib.benchmarks.problems.base import (
    Placing,
    Problem,
    Solvable,
    build_predictor,
    rebuild_trajectory,
    states_of,
    train_trajectory,
)
from designlib.benchmarks.problems.boolean import (
    BooleanProblem,
    adversarial_needle,
    alignment_with_truth,
    disjoint_needles,
    needle,
    polynomial,
)
from designlib.benchmarks.problems.ehrlich import ehrlich
from designlib.benchmarks.problems.energy_model import EnergyConfig, EnergyModel
from designlib.benchmarks.problems.mixtures import MeasuredMixtures
from designlib.benchmarks.problems.mnist import (
    Digits,
    Mnist,
    packed_images,
    read_packed_digits,
    sample_grid,
    unpacked_images,
)
from designlib.benchmarks.problems.motifs import enhancer, two_motif
from designlib.benchmarks.problems.sortseq import SortSeq
from designlib.benchmarks.problems.superconductor import Superconductor, read_compositions
from designlib.benchmarks.problems.tfbind8 import TfBind8

__all__ = [
    "Ackley",
    "BooleanProblem",
    "Digits",
    "EnergyConfig",
    "EnergyModel",
    "MeasuredMixtures",
    "Mnist",
    "Placing",
    "Problem",
    "Solvable",
    "SortSeq",
    "Superconductor",
    "TfBind8",
    "adversarial_needle",
    "alignment_with_truth",
    "build_predictor",
    "disjoint_needles",
    "ehrlich",
    "enhancer",
    "needle",
    "packed_images",
    "polynomial",
    "read_compositions",
    "read_packed_digits",
    "rebuild_trajectory",
    "sample_grid",
    "states_of",
    "train_trajectory",
    "two_motif",
    "unpacked_images",
]
