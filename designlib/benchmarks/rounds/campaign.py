"""Campaigns on a problem whose truth is known: good designs for few measurements.

A campaign begins with the training data of a problem. In each round it proposes a batch of designs
that nobody has measured, the oracle measures them, and it learns from all measurements. Proposers
are compared after the same number of measurements, whatever they compute in between.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int, Shaped
from pydantic import InstanceOf
from torch import Tensor

from designlib.benchmarks.problems import Problem
from designlib.predictors import (
    Examples,
    PredictorSpec,
    TrainingState,
    Trajectory,
    repeated_rows,
    thinned,
    train,
)
from designlib.randomness import derive_seed, torch_generator
from designlib.spaces import SequenceSpace
from designlib.types import Designs, InputError

_TOP = 100
_HELD_OUT = 128
"""Designs that a training is followed on; what it learned is judged by the next measurements."""


class Measurements(NamedTuple):
    """All that a campaign knows: distinct designs with their values, larger is better."""

    designs: Shaped[Tensor, "measured columns"]
    values: Shaped[Tensor, "measured"]
    own: Bool[Tensor, "measured"]
    """Whether the campaign has measured it; false for what it began with."""

    def best(self, n: int) -> Designs:
        """Return the best designs, best first, as many as there are up to ``n``."""
        return self.designs[self.values.argsort(descending=True, stable=True)[:n]]

    def new(self, designs: Designs) -> Shaped[Tensor, "new columns"]:
        """Return the distinct designs that are not measured, in the order given."""
        had = set(keys_of(self.designs))
        rows: dict[bytes, int] = {}
        for at, key in enumerate(keys_of(designs)):
            if key not in had:
                rows.setdefault(key, at)
        return designs[list(rows.values())]


def keys_of(designs: Designs) -> list[bytes]:
    """Return something that can be looked up for each design."""
    return [row.tobytes() for row in designs.numpy()]


def sequences_of(problem: Problem) -> SequenceSpace:
    """Return the space of a problem; InputError where its designs are no sequences."""
    if not isinstance(problem.space, SequenceSpace):
        raise InputError(f"{problem.name}: simulated campaigns are for sequences")
    return problem.space


class RoundTraining(NamedTuple):
    """How the predictors of a campaign are trained; see `designlib.predictors.training`."""

    members: int = 2
    steps: int = 600
    """Steps of the first round."""
    further_steps: int = 100
    """Steps of each later round, which goes on from the last one."""
    checkpoints: int = 12
    emphasis: float = 0.0
    own_share: float = 0.3

    def train(
        self,
        problem: Problem,
        measured: Measurements,
        before: Sequence[Trajectory],
        round_: int,
        seed: int,
    ) -> list[Trajectory]:
        """Return the members trained on all that is measured, from the end of the round before.

        A member's states are those of the round before, thinned, and then the new ones, so that
        they still lead from coarse to fine.
        """
        seeds = [derive_seed(seed, "member", number) for number in range(self.members)]
        specs = [one.spec for one in before] or [_spec(problem, measured, one) for one in seeds]
        states = [one.states for one in before] or [()] * len(seeds)
        return [
            self._continued(problem, measured, spec, kept, derive_seed(one, "round", round_))
            for spec, kept, one in zip(specs, states, seeds, strict=True)
        ]

    def _continued(
        self,
        problem: Problem,
        measured: Measurements,
        spec: PredictorSpec,
        before: Sequence[TrainingState],
        seed: int,
    ) -> Trajectory:
        kept = thinned(before, self.checkpoints // 2)
        order = torch.randperm(len(measured.values), generator=torch_generator(seed, "folds"))
        held_out, learned = order[:_HELD_OUT], order[_HELD_OUT:]
        repeats = repeated_rows(measured.own[learned].numpy(), self.own_share)
        network = spec.build()
        if kept:
            network.load_state_dict(kept[-1].parameters)
        about = {
            "steps": self.further_steps if kept else self.steps,
            "emphasis": self.emphasis,
            "checkpoints": self.checkpoints // 2 + 1 if kept else self.checkpoints,
        }
        states = train(
            network,
            _examples(problem, spec, measured, learned[repeats]),
            _examples(problem, spec, measured, held_out),
            problem.training.model_copy(update=about),
            seed,
            loss_sample=_HELD_OUT,
        )
        if not kept:
            return Trajectory(spec, tuple(states))
        later = (state._replace(step=kept[-1].step + state.step) for state in states if state.step)
        return Trajectory(spec, (*kept, *later))


class _Spec(PredictorSpec):
    """A predictor of sequences in letters that need not be a known alphabet."""

    sequences: InstanceOf[SequenceSpace]

    @property
    def space(self) -> SequenceSpace:
        """The space."""
        return self.sequences


def _spec(problem: Problem, measured: Measurements, seed: int) -> PredictorSpec:
    return _Spec(
        network=problem.training.network,
        sequences=sequences_of(problem),
        centre=float(measured.values.mean()),
        scale=float(measured.values.std()),
        seed=seed,
    )


def _examples(
    problem: Problem, spec: PredictorSpec, measured: Measurements, rows: Int[Tensor, "examples"]
) -> Examples:
    target = spec.learnt(measured.values[rows]).float()
    return Examples(problem.space.relax(measured.designs[rows]), target, torch.ones_like(target))


class Standing(NamedTuple):
    """Where a campaign stands after a round.

    Attributes
    ----------
    round
        Rounds done; 0 before the first.
    measured
        Designs measured so far, those that it began with not counted.
    best, top_mean
        Largest measured value, and the mean of the 100 largest.
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


class Round(NamedTuple):
    """What a batch is proposed from: the problem without its truth, and what was learned of it."""

    problem: Problem
    measured: Measurements
    members: Sequence[Trajectory]
    batch: int
    """Designs wanted."""
    seed: int


class Proposer(ABC):
    """A way to propose the next batch; a frozen dataclass.

    Attributes
    ----------
    predictors
        How predictors are trained for it; None where it predicts nothing.
    """

    predictors: RoundTraining | None

    @property
    @abstractmethod
    def name(self) -> str:
        """What tables call it."""

    @abstractmethod
    def propose(self, round_: Round) -> Designs:
        """Return distinct feasible designs that are not measured yet, a batch or fewer."""


def run_rounds(
    problem: Problem, proposer: Proposer, rounds: int, batch: int, seed: int
) -> Iterator[Standing]:
    """Yield where a campaign stands before its first round and after each.

    Raises InputError for no rounds, an empty batch, or designs that are no sequences.
    """
    if rounds < 1 or batch < 1:
        raise InputError(f"rounds and designs in each are needed, not {rounds} and {batch}")
    sequences_of(problem)
    designs = problem.training_data(seed)[0].unique(dim=0)
    own = torch.zeros(len(designs), dtype=torch.bool)
    measured, members = Measurements(designs, problem.oracle(designs), own), list[Trajectory]()
    yield _standing(measured, 0, designs[:0])
    for number in range(1, rounds + 1):
        if proposer.predictors is not None:
            members = proposer.predictors.train(problem, measured, members, number, seed)
        round_ = Round(problem, measured, members, batch, derive_seed(seed, "round", number))
        proposed = proposer.propose(round_)
        measured = Measurements(
            torch.cat([measured.designs, proposed]),
            torch.cat([measured.values, problem.oracle(proposed)]),
            torch.cat([measured.own, torch.ones(len(proposed), dtype=torch.bool)]),
        )
        yield _standing(measured, number, proposed)


def _standing(measured: Measurements, number: int, batch: Designs) -> Standing:
    values = measured.values[len(measured.values) - len(batch) :]
    apart = torch.cdist(batch.double(), batch.double(), p=0.0)
    pairs = len(batch) * (len(batch) - 1)
    return Standing(
        round=number,
        measured=int(measured.own.sum()),
        best=float(measured.values.max()),
        top_mean=float(measured.values.topk(min(_TOP, len(measured.values))).values.mean()),
        batch_median=float(values.median()) if len(batch) else float("nan"),
        diversity=float(apart.sum() / pairs) if pairs else float("nan"),
    )
