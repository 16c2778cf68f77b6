"""Problems whose truth is known: the paper's tasks and the benchmark tasks, a file per family."""

from designlib.benchmarks.problems.ackley import Ackley
from designlib.benchmarks.problems.base import (
    Placing,
    Problem,
    Solvable,
    build_predictor,
    rebuild_trajectory,
    train_trajectory,
)
from designlib.benchmarks.problems.boolean import (
    AdversarialNeedle,
    BooleanProblem,
    DisjointNeedles,
    Needle,
    Polynomial,
)
from designlib.benchmarks.problems.ehrlich import ehrlich
from designlib.benchmarks.problems.energy_model import EnergyConfig, EnergyModel
from designlib.benchmarks.problems.learning import alignment_with_truth
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
    "AdversarialNeedle",
    "BooleanProblem",
    "Digits",
    "DisjointNeedles",
    "EnergyConfig",
    "EnergyModel",
    "MeasuredMixtures",
    "Mnist",
    "Needle",
    "Placing",
    "Polynomial",
    "Problem",
    "Solvable",
    "SortSeq",
    "Superconductor",
    "TfBind8",
    "alignment_with_truth",
    "build_predictor",
    "ehrlich",
    "enhancer",
    "packed_images",
    "read_compositions",
    "read_packed_digits",
    "rebuild_trajectory",
    "sample_grid",
    "train_trajectory",
    "two_motif",
    "unpacked_images",
]
