"""Simulated campaigns on a problem whose truth is known: good designs for few measurements.

A loop begins with the training data of a problem. In each round it proposes a batch of designs
that nobody has measured, the oracle measures them, and it learns from all that is known. Loops are
compared after the same number of measurements, whatever they compute in between.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

import torch

from designlib.benchmarks.loops.ensembles import Ensemble, EnsembleConfig
from designlib.benchmarks.loops.known import Known
from designlib.benchmarks.problems import Problem
from designlib.randomness import derive_seed
from designlib.spaces import SequenceSpace
from designlib.types import Designs, InputError

__all__ = ["Loop", "Standing", "run_loop"]

_TOP = 100


class Standing(NamedTuple):
    """Where a loop stands after a round.

    Attributes
    ----------
    round
        Rounds done; 0 before the first.
    measured
        Designs measured so far, those that it began with not counted.
    best, top_mean
        Largest value that is known, and the mean of the 100 largest.
    batch_median, diversity
        Median value of the round's batch, and the mean number of sites in which two of its
        designs differ; NaN before the first round.
    """

    round: int
    measured: int
    best: float
    top_mean: float
    batch_median: float
    diversity: float


class Loop(ABC):
    """A way to propose the next batch; a frozen dataclass.

    Attributes
    ----------
    predictors
        How predictors are trained for it; None where it predicts nothing.
    """

    predictors: EnsembleConfig | None

    @property
    @abstractmethod
    def name(self) -> str:
        """What tables call it."""

    @abstractmethod
    def propose(
        self, problem: Problem, known: Known, ensemble: Ensemble | None, batch: int, seed: int
    ) -> Designs:
        """Return distinct feasible designs that are not known yet, ``batch`` of them or fewer."""


def run_loop(
    problem: Problem, loop: Loop, rounds: int, batch: int, seed: int
) -> Iterator[Standing]:
    """Yield where a loop stands before its first round and after each.

    Raises InputError for no rounds, an empty batch, or designs that are no sequences.
    """
    if rounds < 1 or batch < 1:
        raise InputError(f"a loop needs rounds and designs in each, not {rounds} and {batch}")
    if not isinstance(problem.space, SequenceSpace):
        raise InputError(f"{problem.name}: loops are for sequences")
    designs = problem.training_data(seed)[0].unique(dim=0)
    known = Known(designs, problem.oracle(designs), torch.zeros(len(designs), dtype=torch.bool))
    ensemble = None if loop.predictors is None else Ensemble(problem, loop.predictors, seed)
    yield _standing(known, 0, designs[:0])
    for number in range(1, rounds + 1):
        if ensemble is not None:
            ensemble.learn(known)
        seed_of_round = derive_seed(seed, "round", number)
        proposed = loop.propose(problem, known, ensemble, batch, seed_of_round)
        known = Known(
            torch.cat([known.designs, proposed]),
            torch.cat([known.values, problem.oracle(proposed)]),
            torch.cat([known.own, torch.ones(len(proposed), dtype=torch.bool)]),
        )
        yield _standing(known, number, proposed)


def _standing(known: Known, number: int, batch: Designs) -> Standing:
    values = known.values[len(known.values) - len(batch) :]
    apart = torch.cdist(batch.double(), batch.double(), p=0.0)
    pairs = len(batch) * (len(batch) - 1)
    return Standing(
        round=number,
        measured=int(known.own.sum()),
        best=float(known.values.max()),
        top_mean=float(known.values.topk(min(_TOP, len(known.values))).values.mean()),
        batch_median=float(values.median()) if len(batch) else float("nan"),
        diversity=float(apart.sum() / pairs) if pairs else float("nan"),
    )
