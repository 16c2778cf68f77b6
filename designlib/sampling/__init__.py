"""Sampling designs along a ladder of targets: kernels, ladders, drivers, diagnostics.

`sample` is the front door; everything else is a choice passed to it. `plan_sampling` and
`sample_block` are the parts of a run that is stored and shared out.
"""

from designlib.sampling.api import sample
from designlib.sampling.drivers import AIS, SMC, Anneal, Driver, ReplicaExchange, Samples
from designlib.sampling.plan import SamplingPlan, build_ladders, plan_sampling
from designlib.sampling.run import Block, cut_blocks, ladder_bands, sample_block, share_out
from designlib.sampling.sampler import Sampler, choose_sampler
from designlib.sampling.starts import Starts, choose_starts, reference_designs

__all__ = [
    "AIS",
    "SMC",
    "Anneal",
    "Block",
    "Driver",
    "ReplicaExchange",
    "Sampler",
    "Samples",
    "SamplingPlan",
    "Starts",
    "build_ladders",
    "choose_sampler",
    "choose_starts",
    "cut_blocks",
    "ladder_bands",
    "plan_sampling",
    "reference_designs",
    "sample",
    "sample_block",
    "share_out",
]
