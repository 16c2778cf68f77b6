"""Simulated campaigns of several rounds on a benchmark problem."""

from designlib.benchmarks.loops.ensembles import EnsembleConfig
from designlib.benchmarks.loops.loops import Loop, run_loop
from designlib.benchmarks.loops.proposing import GuidedSearch, MeasuredSearch, TrajectoryLoop

__all__ = [
    "EnsembleConfig",
    "GuidedSearch",
    "Loop",
    "MeasuredSearch",
    "TrajectoryLoop",
    "run_loop",
]
