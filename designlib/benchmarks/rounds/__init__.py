"""Campaigns of several rounds on a benchmark problem, whose truth answers for measurements."""

from designlib.benchmarks.rounds.campaign import Proposer, RoundTraining, run_rounds
from designlib.benchmarks.rounds.proposers import Campaign, GuidedSearch, MeasuredSearch

__all__ = [
    "Campaign",
    "GuidedSearch",
    "MeasuredSearch",
    "Proposer",
    "RoundTraining",
    "run_rounds",
]
