"""Drivers move chains along a ladder and yield snapshots; a file per algorithm."""

from designlib.sampling.drivers.anneal import Anneal, Snapshot, anneal
from designlib.sampling.drivers.archive import EliteArchive
from designlib.sampling.drivers.base import Driver, Samples, last_of
from designlib.sampling.drivers.replica_exchange import ReplicaExchange, Replicas, replica_exchange
from designlib.sampling.drivers.smc import AIS, SMC, Population, smc
from designlib.sampling.weights import systematic

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
    "anneal",
    "last_of",
    "replica_exchange",
    "smc",
    "systematic",
]
