"""Populations that sharpen along the training; the best designs met are proposed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch

from designlib.benchmarks.methods.base import (
    EVALUATIONS_PER_PASS,
    Method,
    Outcome,
    Setting,
    passes_of,
)
from designlib.benchmarks.methods.samplers import evenly_placed
from designlib.randomness import torch_generator
from designlib.sampling.drivers import EliteArchive, last_of, smc
from designlib.sampling.kernels import (
    Crossover,
    DiscreteLangevin,
    Kernel,
    LetterState,
    MetropolisKernel,
    default_kernel,
)
from designlib.sampling.ladders import Rung
from designlib.sampling.targets import Evaluation, Target
from designlib.spaces import SequenceSpace, Space
from designlib.types import Designs, Letters, Scores


@dataclass(frozen=True)
class TrajectorySearch(Method):
    """Sequential Monte Carlo along the training with a sharpness that rises from rung to rung.

    With one sharpness on all rungs, the first resampling keeps the few particles that an early,
    coarse checkpoint likes best, and the population never recovers. Here early rungs only lean;
    the trained predictor's rungs, one kernel step each, are the sharp ones, and the best distinct
    designs evaluated on them, accepted or not, are proposed, as evolution does. That is a search,
    not a sample.

    Attributes
    ----------
    sharpness
        Of the last rung: how much the log density changes per standard deviation of the score.
    softening
        How many times less of it the first rung has.
    trained_share
        Share of the passes spent on the trained predictor.
    populations
        Populations that do not see each other, which keeps proposals apart; fewer where there are
        too few designs for a pair in each.
    crossover
        Whether particles of a population exchange segments every second step.
    step_size
        Of discrete Langevin moves, which change many sites of a sequence at once; None for one
        site at a time. Points and compositions always move as a whole.
    apart
        Whether each population proposes its own best designs, and not all of them the best of all.
    """

    name: str = field(default="trajectory search", init=False, repr=False)
    sharpness: float = 12.0
    softening: float = 20.0
    trained_share: float = 0.6
    populations: int = 4
    crossover: bool = False
    step_size: float | None = None
    apart: bool = False

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return the best distinct designs met, repeated where there are too few."""
        passes = passes_of(budget, 4, self.name)
        # Of at least a pair each, which is what exchanges segments.
        populations = math.gcd(self.populations, designs // 2)
        size = designs // populations
        local = self.local_kernel(setting.space)
        kernel: Kernel = Crossover(local, size) if self.crossover else local
        met = _Met(populations if self.apart else 1, designs)
        ladder = [
            rung._replace(target=_Watched.of(rung.target, met))
            if rung.target.predict is setting.predictor
            else rung
            for rung in self.ladder(setting, passes, kernel.passes_per_step(setting.target(1.0)))
        ]
        starts = setting.start(designs, torch_generator(seed, "starts"))
        last = last_of(smc(ladder, kernel, starts, seed, range(designs), populations=populations))
        best = met.best()
        return Outcome(best, setting.score(best), last.passes * designs * EVALUATIONS_PER_PASS)

    def local_kernel(self, space: Space) -> MetropolisKernel[Any, Any]:
        """Return the kernel of a chain's own moves."""
        if self.step_size is not None and isinstance(space, SequenceSpace):
            return _ManySites(self.step_size)
        return default_kernel(space)

    def ladder(self, setting: Setting, passes: int, cost: float) -> list[Rung]:
        """Return checkpoints, then the trained predictor again and again, ever sharper.

        A checkpoint costs its evaluation and one step, a step on the trained predictor only itself.
        """
        checkpoints = setting.checkpoints[setting.entry_rung :]
        walked = int(passes * (1 - self.trained_share) / (1 + cost))
        rungs = max(1, min(len(checkpoints), walked))
        rising = setting.ladder(evenly_placed(checkpoints, rungs), 1, sharpness=self.sharpness)
        rising += [rising[-1]] * int((passes - len(rising) * (1 + cost)) / cost)
        last = max(1, len(rising) - 1)
        betas = (
            rung.target.beta * self.softening ** (index / last - 1)
            for index, rung in enumerate(rising)
        )
        return [
            rung._replace(target=replace(rung.target, beta=beta))
            for rung, beta in zip(rising, betas, strict=True)
        ]


class _ManySites(DiscreteLangevin):
    """Discrete Langevin proposals of which the gain alone decides, as in simulated annealing.

    No density is sampled: the correction for the proposal, which a sample needs, refuses nearly
    all changes of many sites at the sharpness of a search.
    """

    def log_acceptance(
        self,
        target: Target,
        state: LetterState,
        proposed: LetterState,
        log_forward: Scores,
        back: Letters,
    ) -> Scores:
        """Return how much the log density gains."""
        del log_forward, back
        return target.beta * (proposed.value - state.value)


class _Met:
    """The best of all designs that were evaluated, whether a chain then went there or not."""

    def __init__(self, populations: int, designs: int) -> None:
        self._size = designs // populations
        self._archives = [EliteArchive(self._size)] * populations

    def add(self, target: Target, designs: Designs, value: Scores) -> None:
        """Keep the best feasible designs of each of the populations that a batch is cut into."""
        feasible = torch.ones(len(designs), dtype=torch.bool, device=designs.device)
        if target.constraint is not None:
            feasible = target.constraint.satisfied(designs)
        cut = len(designs) // len(self._archives)
        parts = zip(designs.split(cut), value.split(cut), feasible.split(cut), strict=True)
        self._archives = [
            archive.add(part[allowed], worth[allowed])
            for archive, (part, worth, allowed) in zip(self._archives, parts, strict=True)
        ]

    def best(self) -> Designs:
        """Return as many designs of each population, population after population."""
        return torch.cat([archive.best(self._size) for archive in self._archives])


@dataclass(frozen=True, kw_only=True)
class _Watched(Target):
    """A target that keeps the best feasible designs that it evaluates."""

    met: _Met

    @classmethod
    def of(cls, target: Target, met: _Met) -> _Watched:
        """Return the same target, watched."""
        return cls(**{part.name: getattr(target, part.name) for part in fields(target)}, met=met)

    def evaluate(self, designs: Designs) -> Evaluation:
        """Return scores and gradients, as the target itself does."""
        evaluation = super().evaluate(designs)
        self.met.add(self, designs, evaluation.value)
        return evaluation
