"""Replica exchange: between temperatures, and between checkpoints of a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from designlib.benchmarks.methods.base import (
    EVALUATIONS_PER_PASS,
    Method,
    Outcome,
    Setting,
    local_kernel,
    passes_of,
)
from designlib.benchmarks.methods.chains import TrajectoryWalk
from designlib.randomness import torch_generator
from designlib.sampling.drivers import last_of, replica_exchange
from designlib.sampling.ladders import Rung, temperature_ladder, trajectory_ladder

__all__ = ["TemperatureExchange", "TrajectoryExchange"]


def _exchange(
    setting: Setting, ladder: Sequence[Rung], designs: int, passes: int, cost: float, seed: int
) -> Outcome:
    """Return the last rung's designs of one system per design, for so many passes each."""
    sweeps = max(1, int((passes - len(ladder)) / cost))
    starts = setting.start(designs, torch_generator(seed, "starts"))
    run = replica_exchange(
        ladder, local_kernel(setting.space), starts, seed, range(designs),
        sweeps=sweeps, warm_up=sweeps // 4, thin=sweeps,
    )  # fmt: skip
    last = last_of(run)
    spent = last.passes * designs * EVALUATIONS_PER_PASS
    return Outcome(last.designs, setting.score(last.designs), spent)


@dataclass(frozen=True)
class TemperatureExchange(Method):
    """Parallel tempering of gradient-informed chains (PT-GWG; PT-MALA on points)."""

    name: ClassVar[str] = "parallel tempering"
    sharpness: float = 6.0
    rungs: int = 4
    softening: float = 10.0

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return the coldest designs of systems that spend the whole budget."""
        passes = passes_of(budget, 2 * self.rungs, self.name)
        target = setting.target(self.sharpness)
        ladder = temperature_ladder(target, target.beta / self.softening, self.rungs, 1)
        return _exchange(setting, ladder, designs, passes, float(self.rungs), seed)

    @classmethod
    def choices(cls) -> Sequence[Method]:
        """Return several ends and numbers of temperatures."""
        return [cls(sharpness, rungs) for sharpness in (6.0, 12.0, 24.0, 48.0) for rungs in (4, 3)]


@dataclass(frozen=True)
class TrajectoryExchange(Method):
    """Replica exchange between checkpoints of the training."""

    name: ClassVar[str] = "trajectory exchange"
    sharpness: float = 6.0
    rungs: int = 4

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return the trained predictor's designs of systems that spend the whole budget."""
        passes = passes_of(budget, 3 * self.rungs, self.name)
        chosen = TrajectoryWalk.chosen(setting.checkpoints[setting.entry_rung :], self.rungs)
        ladder = trajectory_ladder(
            chosen, setting.space, setting.reference, steps=1, sharpness=self.sharpness,
            constraint=setting.constraint, dtype=setting.dtype,
        )  # fmt: skip
        # A sweep is a step on every rung and swaps of half of the pairs, two evaluations each.
        cost = 2.0 * len(ladder) - 1
        return _exchange(setting, ladder, designs, passes, cost, seed)

    @classmethod
    def choices(cls) -> Sequence[Method]:
        """Return several sharpnesses and numbers of rungs."""
        return [cls(sharpness, rungs) for sharpness in (6.0, 12.0, 24.0, 48.0) for rungs in (4, 3)]
