"""Methods of finding designs, all given the same predictor and the same budget."""

from designlib.benchmarks.methods.base import (
    EVALUATIONS_PER_PASS,
    BudgetError,
    Method,
    Outcome,
    Setting,
    best_measured,
    from_elites,
)
from designlib.benchmarks.methods.bayesian import BoTorch
from designlib.benchmarks.methods.editing import Ledidi
from designlib.benchmarks.methods.evolution import AdaLead, GeneticAlgorithm, RandomMutation
from designlib.benchmarks.methods.metrics import SHOWN, proposal_metrics
from designlib.benchmarks.methods.samplers import Sampler
from designlib.benchmarks.methods.search import TrajectorySearch
from designlib.benchmarks.methods.table import METHODS, checkpoint_ablations

__all__ = [
    "EVALUATIONS_PER_PASS",
    "METHODS",
    "SHOWN",
    "AdaLead",
    "BoTorch",
    "BudgetError",
    "GeneticAlgorithm",
    "Ledidi",
    "Method",
    "Outcome",
    "RandomMutation",
    "Sampler",
    "Setting",
    "TrajectorySearch",
    "best_measured",
    "checkpoint_ablations",
    "from_elites",
    "proposal_metrics",
]
