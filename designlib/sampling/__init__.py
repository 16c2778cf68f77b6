"""Sampling designs along a ladder of targets: kernels, ladders, drivers, diagnostics.

`sample` is the front door; everything else is a choice passed to it.
"""

from designlib.sampling.api import sample
from designlib.sampling.drivers import AIS, SMC, Anneal, Driver, ReplicaExchange, Samples

__all__ = ["AIS", "SMC", "Anneal", "Driver", "ReplicaExchange", "Samples", "sample"]
