"""Methods of finding designs, all given the same predictor and the same budget."""

from designlib.methods.base import BudgetError, Method, Outcome, Setting
from designlib.methods.bayesian import BoTorch
from designlib.methods.chains import (
    FixedChain,
    LangevinChain,
    PathChain,
    PlainGibbs,
    RawTrajectoryWalk,
    TemperatureChain,
    TrajectoryWalk,
)
from designlib.methods.editing import Ledidi
from designlib.methods.evolution import (
    AdaLead,
    GeneticAlgorithm,
    RandomMutation,
    SimulatedAnnealing,
)
from designlib.methods.exchange import TemperatureExchange, TrajectoryExchange
from designlib.methods.mixtures import MixtureGenetic, RandomDesigns, RandomSearch
from designlib.methods.search import TrajectorySearch
from designlib.methods.weighted import AnnealedImportance, TemperatureSmc, TrajectorySmc

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
"""Every method, those along the trajectory first."""

__all__ = [
    "ALL",
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
]
