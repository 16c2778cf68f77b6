"""Drivers walk a ladder with a kernel and yield snapshots; a file per algorithm."""

from designlib.drivers.ais import WeightedChains, ais
from designlib.drivers.anneal import Snapshot, anneal
from designlib.drivers.archive import EliteArchive
from designlib.drivers.replica_exchange import Replicas, replica_exchange
from designlib.drivers.restarts import Cycle, restarts
from designlib.drivers.smc import Population, smc

__all__ = [
    "Cycle",
    "EliteArchive",
    "Population",
    "Replicas",
    "Snapshot",
    "WeightedChains",
    "ais",
    "anneal",
    "replica_exchange",
    "restarts",
    "smc",
]
