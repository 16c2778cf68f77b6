"""Weighted populations: annealed importance sampling, and sequential Monte Carlo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

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
from designlib.sampling.drivers import last_of, smc, systematic
from designlib.sampling.kernels import Crossover, Kernel
from designlib.sampling.ladders import Rung, temperature_ladder, trajectory_ladder
from designlib.types import Designs

__all__ = ["AnnealedImportance", "TemperatureSmc", "TrajectorySmc"]


def _drawn(designs: Designs, log_weights: torch.Tensor, seed: int) -> Designs:
    """Return as many designs, drawn by their weights."""
    uniform = torch.rand(1, generator=torch_generator(seed, "draw"), dtype=torch.float64)
    rows = systematic(log_weights[None].double(), uniform.to(log_weights.device))[0]
    return designs[rows]


@dataclass(frozen=True)
class AnnealedImportance(Method):
    """Annealed importance sampling over temperatures; designs are drawn by their weights."""

    name: ClassVar[str] = "AIS"
    sharpness: float = 6.0
    softening: float = 10.0

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return designs drawn from the weighted ends of chains that spend the whole budget."""
        passes = passes_of(budget, 3, self.name)
        target = setting.target(self.sharpness)
        ladder = temperature_ladder(target, target.beta / self.softening, passes - 1, 1)
        starts = setting.start(designs, torch_generator(seed, "starts"))
        kernel = local_kernel(setting.space)
        last = last_of(smc(ladder, kernel, starts, seed, range(designs), threshold=0.0))
        drawn = _drawn(last.designs, last.log_weights[0], seed)
        return Outcome(drawn, setting.score(drawn), last.passes * designs * EVALUATIONS_PER_PASS)

    @classmethod
    def choices(cls) -> Sequence[Method]:
        """Return several ends and starts of the cooling."""
        return [
            cls(sharpness, softening)
            for sharpness in (6.0, 12.0, 24.0, 48.0)
            for softening in (10.0, 50.0)
        ]


def _smc(
    setting: Setting, ladder: Sequence[Rung], kernel: Kernel[Any], designs: int, seed: int
) -> Outcome:
    starts = setting.start(designs, torch_generator(seed, "starts"))
    last = last_of(smc(ladder, kernel, starts, seed, range(designs)))
    drawn = _drawn(last.designs, last.log_weights[0], seed)
    return Outcome(drawn, setting.score(drawn), last.passes * designs * EVALUATIONS_PER_PASS)


def _mixing(setting: Setting, crossover: int) -> Kernel[Any]:
    kernel = local_kernel(setting.space)
    return Crossover(kernel, crossover) if crossover else kernel


@dataclass(frozen=True)
class TemperatureSmc(Method):
    """Sequential Monte Carlo over temperatures (SMC-Temp)."""

    name: ClassVar[str] = "SMC over temperature"
    sharpness: float = 6.0
    softening: float = 10.0
    crossover: int = 0

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return designs of a population that spends the whole budget while cooling."""
        passes = passes_of(budget, 4, self.name)
        kernel, target = _mixing(setting, self.crossover), setting.target(self.sharpness)
        rungs = max(2, int((passes - 1) / kernel.passes_per_step(target)))
        ladder = temperature_ladder(target, target.beta / self.softening, rungs, 1)
        return _smc(setting, ladder, kernel, designs, seed)

    @classmethod
    def choices(cls) -> Sequence[Method]:
        """Return several ends of the cooling, with and without crossover."""
        return [
            cls(sharpness, crossover=crossover)
            for sharpness in (6.0, 12.0, 24.0, 48.0)
            for crossover in (0, 32)
        ]


@dataclass(frozen=True)
class TrajectorySmc(Method):
    """Sequential Monte Carlo along the training (SMC-Train)."""

    name: ClassVar[str] = "SMC over trajectory"
    sharpness: float = 6.0
    crossover: int = 0
    final_share: float = 0.3

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return designs of a population that spends the whole budget along the trajectory."""
        passes = passes_of(budget, 4, self.name)
        kernel = _mixing(setting, self.crossover)
        cost = kernel.passes_per_step(setting.target(1.0))
        checkpoints = setting.checkpoints[setting.entry_rung :]
        walked = passes * (1 - self.final_share)
        rungs = max(1, min(len(checkpoints), int(walked / (1 + cost))))
        steps = max(1, int((walked - rungs) / (rungs * cost)))
        final = max(0, int((passes - rungs * (1 + steps * cost)) / cost))
        ladder = trajectory_ladder(
            TrajectoryWalk.chosen(checkpoints, rungs), setting.space, setting.reference,
            steps=steps, final_steps=final, sharpness=self.sharpness,
            constraint=setting.constraint, dtype=setting.dtype,
        )  # fmt: skip
        return _smc(setting, ladder, kernel, designs, seed)

    @classmethod
    def choices(cls) -> Sequence[Method]:
        """Return several sharpnesses, with and without crossover, and without a share at the end.

        With few steps it is the checkpoints that count: on tuning seeds three disjoint needles were
        then found by all particles in 40 passes, with a share of 0.3 by those of two seeds in four.
        """
        return [
            *(
                cls(sharpness, crossover=crossover)
                for sharpness in (6.0, 12.0, 24.0, 48.0)
                for crossover in (0, 32)
            ),
            *(cls(sharpness, final_share=0.0) for sharpness in (6.0, 12.0, 24.0)),
        ]
