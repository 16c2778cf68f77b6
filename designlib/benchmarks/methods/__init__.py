"""Methods of finding designs, all given the same predictor and the same budget."""

from designlib.benchmarks.methods.ablations import checkpoint_ablations
from designlib.benchmarks.methods.base import (
    EVALUATIONS_PER_PASS,
    BudgetError,
    Method,
    Outcome,
    Setting,
)
from designlib.benchmarks.methods.bayesian import BoTorch
from designlib.benchmarks.methods.chains import (
    FixedChain,
    LangevinChain,
    PathChain,
    PlainGibbs,
    RawTrajectoryWalk,
    TemperatureChain,
    TrajectoryWalk,
)
from designlib.benchmarks.methods.editing import Ledidi
from designlib.benchmarks.methods.evolution import (
    AdaLead,
    GeneticAlgorithm,
    RandomMutation,
    SimulatedAnnealing,
)
from designlib.benchmarks.methods.exchange import TemperatureExchange, TrajectoryExchange
from designlib.benchmarks.methods.judging import SHOWN, judge
from designlib.benchmarks.methods.mixtures import MixtureGenetic, RandomDesigns, RandomSearch
from designlib.benchmarks.methods.search import TrajectorySearch
from designlib.benchmarks.methods.starts import best_measured, from_elites
from designlib.benchmarks.methods.weighted import AnnealedImportance, TemperatureSmc, TrajectorySmc

ALL: tuple[type[Method], ...] = (
    TrajectorySearch,
    TrajectoryWalk,
    RawTrajectoryWalk,
    TrajectorySmc,
    TrajectoryExchange,
    FixedChain,
    TemperatureChain,
    TemperatureExchange,
    TemperatureSmc,
    AnnealedImportance,
    LangevinChain,
    PathChain,
    PlainGibbs,
    AdaLead,
    GeneticAlgorithm,
    SimulatedAnnealing,
    RandomMutation,
    Ledidi,
    MixtureGenetic,
    RandomSearch,
    RandomDesigns,
    BoTorch,
)


__all__ = [
    "ALL",
    "EVALUATIONS_PER_PASS",
    "SHOWN",
    "AdaLead",
    "AnnealedImportance",
    "BoTorch",
    "BudgetError",
    "FixedChain",
    "GeneticAlgorithm",
    "LangevinChain",
    "Ledidi",
    "Method",
    "MixtureGenetic",
    "Outcome",
    "PathChain",
    "PlainGibbs",
    "RandomDesigns",
    "RandomMutation",
    "RandomSearch",
    "RawTrajectoryWalk",
    "Setting",
    "SimulatedAnnealing",
    "TemperatureChain",
    "TemperatureExchange",
    "TemperatureSmc",
    "TrajectoryExchange",
    "TrajectorySearch",
    "TrajectorySmc",
    "TrajectoryWalk",
    "best_measured",
    "checkpoint_ablations",
    "from_elites",
    "judge",
]
