"""Populations that walk the training and sharpen as they go; the best designs met are proposed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
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
from designlib.sampling.drivers import EliteArchive, last_of, smc
from designlib.sampling.kernels import (
    Crossover,
    DiscreteLangevin,
    Kernel,
    LetterState,
    MetropolisKernel,
)
from designlib.sampling.ladders import Rung, trajectory_ladder
from designlib.sampling.targets import Evaluation, Target
from designlib.spaces import SequenceSpace, Space
from designlib.types import Designs, Letters, Scores

__all__ = ["TrajectorySearch"]


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

    name: ClassVar[str] = "trajectory search"
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
        return local_kernel(space)

    def ladder(self, setting: Setting, passes: int, cost: float) -> list[Rung]:
        """Return checkpoints, then the trained predictor again and again, ever sharper.

        A checkpoint costs its evaluation and one step, a step on the trained predictor only itself.
        """
        checkpoints = setting.checkpoints[setting.entry_rung :]
        walked = int(passes * (1 - self.trained_share) / (1 + cost))
        rungs = max(1, min(len(checkpoints), walked))
        rising = trajectory_ladder(
            TrajectoryWalk.chosen(checkpoints, rungs), setting.space, setting.reference,
            steps=1, sharpness=self.sharpness, constraint=setting.constraint, dtype=setting.dtype,
        )  # fmt: skip
        left = int((passes - len(rising) * (1 + cost)) / cost)
        rising += [rising[-1]] * left
        last = max(1, len(rising) - 1)
        return [
            rung._replace(
                target=replace(
                    rung.target,
                    beta=rung.target.beta * self.softening ** (index / last - 1),
                )
            )
            for index, rung in enumerate(rising)
        ]

    @classmethod
    def choices(cls) -> Sequence[Method]:
        """Return several ends of the sharpening and shares, populations, crossover and steps.

        One population with crossover and a sharp end does on long designs what evolution does: on
        the enhancer's tuning seeds it raised the true median from 0.20 to 0.54 (AdaLead: 0.53).
        Moves of many sites go further at the same cost: 0.50 in place of 0.48 over twelve tuning
        seeds with one population, 0.46 in place of 0.40 over four with eight that stay apart. 32
        populations and not 64: decided on the compared seeds of Ehrlich-128, see its reasons.
        """
        return [
            *(
                cls(sharpness, trained_share=t)
                for sharpness in (12.0, 6.0, 24.0)
                for t in (0.6, 0.9)
            ),
            cls(crossover=True),
            cls(24.0, softening=10.0, trained_share=0.9, populations=2),
            cls(48.0),
            cls(48.0, trained_share=0.3),
            *(
                cls(sharpness, trained_share=share, populations=1, crossover=True)
                for sharpness, share in ((24.0, 0.6), (48.0, 0.9), (96.0, 0.9))
            ),
            *(
                cls(96.0, 20.0, 0.9, populations, True, step_size=0.07, apart=populations > 2)
                for populations in (1, 2, 8, 32)
            ),
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
        log_forward: Scores,  # noqa: ARG002 - the interface has it
        back: Letters,  # noqa: ARG002 - the interface has it
    ) -> Scores:
        """Return how much the log density gains."""
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
        self._archives = [
            archive.add(part[allowed], worth[allowed])
            for archive, part, worth, allowed in zip(
                self._archives, designs.split(cut), value.split(cut), feasible.split(cut),
                strict=True,
            )
        ]  # fmt: skip

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
