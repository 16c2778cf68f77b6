"""Markov kernels: a file per algorithm, one interface."""

from designlib.sampling.kernels.base import ChainState, Info, Kernel, LetterState, MetropolisKernel
from designlib.sampling.kernels.compiled import CompiledKernel
from designlib.sampling.kernels.crossover import Crossover
from designlib.sampling.kernels.discrete_langevin import DiscreteLangevin
from designlib.sampling.kernels.gibbs import Gibbs
from designlib.sampling.kernels.gibbs_with_gradients import GibbsWithGradients
from designlib.sampling.kernels.level_steps import LevelSteps
from designlib.sampling.kernels.mala import Mala
from designlib.sampling.kernels.mixed import MixedKernel, default_kernel
from designlib.sampling.kernels.path_auxiliary import PathAuxiliary
from designlib.sampling.kernels.simplex_langevin import SimplexLangevin
from designlib.sampling.kernels.transfer import GridTransfer

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
    "LetterState",
    "LevelSteps",
    "Mala",
    "MetropolisKernel",
    "MixedKernel",
    "PathAuxiliary",
    "SimplexLangevin",
    "default_kernel",
]
