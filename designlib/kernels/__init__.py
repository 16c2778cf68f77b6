"""Markov kernels: a file per algorithm, one interface."""

from designlib.kernels.base import ChainState, Info, Kernel, MetropolisKernel
from designlib.kernels.gibbs_with_gradients import GibbsWithGradients

__all__ = ["ChainState", "GibbsWithGradients", "Info", "Kernel", "MetropolisKernel"]
