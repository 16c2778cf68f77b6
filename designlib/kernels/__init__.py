"""Markov kernels: a file per algorithm, one interface."""

from designlib.kernels.base import ChainState, Info, Kernel, MetropolisKernel
from designlib.kernels.compiled import CompiledKernel
from designlib.kernels.crossover import Crossover
from designlib.kernels.discrete_langevin import DiscreteLangevin
from designlib.kernels.gibbs import Gibbs
from designlib.kernels.gibbs_with_gradients import GibbsWithGradients
from designlib.kernels.level_steps import LevelSteps
from designlib.kernels.mala import Mala
from designlib.kernels.mixed import MixedKernel
from designlib.kernels.path_auxiliary import PathAuxiliary
from designlib.kernels.simplex_langevin import SimplexLangevin
from designlib.kernels.transfer import GridTransfer

__all__ = [
    "ChainState",
    "CompiledKernel",
    "Crossover",
    "DiscreteLangevin",
    "Gibbs",
    "GibbsWithGradients",
    "GridTransfer",
    "Info",
    "Kernel",
    "LevelSteps",
    "Mala",
    "MetropolisKernel",
    "MixedKernel",
    "PathAuxiliary",
    "SimplexLangevin",
]
