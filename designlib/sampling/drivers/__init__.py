"""Drivers walk a ladder with a kernel and yield snapshots; a file per algorithm."""

from designlib.sampling.drivers.ais import AIS, WeightedChains, ais
from designlib.sampling.drivers.anneal import Anneal, Snapshot, anneal
from designlib.sampling.drivers.archive import EliteArchive
from designlib.sampling.drivers.common import last_of
from designlib.sampling.drivers.replica_exchange import ReplicaExchange, Replicas, replica_exchange
from designlib.sampling.drivers.resampling import systematic
from designlib.sampling.drivers.result import Driver, Samples
from designlib.sampling.drivers.smc import SMC, Population, smc

__all__ = [
    "AIS",
    "SMC",
    "Anneal",
    "Driver",
    "EliteArchive",
    "Population",
    "ReplicaExchange",
    "Replicas",
    "Samples",
    "Snapshot",
    "WeightedChains",
    "ais",
    "anneal",
    "last_of",
    "replica_exchange",
    "smc",
    "systematic",
]
