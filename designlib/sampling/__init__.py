"""Sampling designs along a ladder of targets: kernels, ladders, drivers, diagnostics.

`sample` is the front door; everything else is a choice passed to it. `plan_sampling` plans a run
that is stored and shared out; `designlib.sampling.run` samples its blocks and needs pandas.
"""

from designlib.sampling.api import sample
from designlib.sampling.drivers import AIS, SMC, Anneal, Driver, ReplicaExchange, Samples
from designlib.sampling.plan import (
    Sampler,
    SamplingPlan,
    Starts,
    build_ladders,
    choose_sampler,
    choose_starts,
    plan_sampling,
    reference_designs,
)

__all__ = [
    "AIS",
    "SMC",
    "Anneal",
    "Driver",
    "ReplicaExchange",
    "Sampler",
    "Samples",
    "SamplingPlan",
    "Starts",
    "build_ladders",
    "choose_sampler",
    "choose_starts",
    "plan_sampling",
    "reference_designs",
    "sample",
]
