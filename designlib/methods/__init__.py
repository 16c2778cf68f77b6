"""Methods of finding designs, all given the same predictor and the same budget."""

from designlib.methods.base import Method, Outcome, Setting
from designlib.methods.chains import (
    FixedChain,
    LangevinChain,
    PathChain,
    PlainGibbs,
    TemperatureChain,
    TrajectoryWalk,
)
from designlib.methods.evolution import (
    AdaLead,
    GeneticAlgorithm,
    RandomMutation,
    SimulatedAnnealing,
)
from designlib.methods.exchange import TemperatureExchange, TrajectoryExchange
from designlib.methods.weighted import AnnealedImportance, TemperatureSmc, TrajectorySmc

__all__ = [
    "AdaLead",
    "AnnealedImportance",
    "FixedChain",
    "GeneticAlgorithm",
    "LangevinChain",
    "Method",
    "Outcome",
    "PathChain",
    "PlainGibbs",
    "RandomMutation",
    "Setting",
    "SimulatedAnnealing",
    "TemperatureChain",
    "TemperatureExchange",
    "TemperatureSmc",
    "TrajectoryExchange",
    "TrajectorySmc",
    "TrajectoryWalk",
]
