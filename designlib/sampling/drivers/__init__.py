"""Drivers walk a ladder with a kernel and yield snapshots; a file per algorithm."""

from designlib.sampling.drivers.ais import WeightedChains, ais
from designlib.sampling.drivers.anneal import Snapshot, anneal
from designlib.sampling.drivers.archive import EliteArchive
from designlib.sampling.drivers.common import last_of
from designlib.sampling.drivers.replica_exchange import Replicas, replica_exchange
from designlib.sampling.drivers.resampling import systematic
from designlib.sampling.drivers.restarts import Cycle, restarts
from designlib.sampling.drivers.smc import Population, smc

__all__ = [
    "Cycle",
    "EliteArchive",
    "Population",
    "Replicas",
    "Snapshot",
    "WeightedChains",
    "ais",
    "anneal",
    "last_of",
    "replica_exchange",
    "restarts",
    "smc",
    "systematic",
]
