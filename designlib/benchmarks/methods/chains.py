"""Chains on the trained predictor alone: at one temperature, or cooled along a ladder of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch

from designlib.benchmarks.methods.base import (
    EVALUATIONS_PER_PASS,
    Method,
    Outcome,
    Setting,
    local_kernel,
    passes_of,
)
from designlib.randomness import torch_generator
from designlib.sampling.drivers import anneal, last_of
from designlib.sampling.kernels import Crossover, DiscreteLangevin, Gibbs, Kernel, PathAuxiliary
from designlib.sampling.ladders import (
    Rung,
    by_function_change,
    fixed_ladder,
    score_reference,
    temperature_ladder,
    trajectory_ladder,
)
from designlib.sampling.objectives import ScoreFunction
from designlib.spaces import SequenceSpace
from designlib.types import InputError

__all__ = [
    "FixedChain",
    "LangevinChain",
    "PathChain",
    "PlainGibbs",
    "RawTrajectoryWalk",
    "TemperatureChain",
    "TrajectoryWalk",
    "walk",
]

_MOST_TEMPERATURES = 1000
"""So many cool smoothly; more would only cost time."""

_TUNED_PART = 0.3
"""Share of the steps that tune the step size of a kernel that has one."""


def walk(
    setting: Setting,
    ladder: Sequence[Rung],
    kernel: Kernel[Any],
    designs: int,
    seed: int,
    *,
    warm_up: int = 0,
    entry_rung: int = 0,
) -> Outcome:
    """Walk a ladder with one chain a design and return where the chains end."""
    starts = setting.start(designs, torch_generator(seed, "starts"))
    run = anneal(ladder, kernel, starts, seed, range(designs), entry_rung, warm_up=warm_up)
    last = last_of(run)
    cost = last.passes * designs * EVALUATIONS_PER_PASS
    return Outcome(last.designs, setting.score(last.designs), cost)


@dataclass(frozen=True)
class FixedChain(Method):
    """Gradient-informed chains on the trained predictor at one temperature (GWG; MALA on points).

    ``sharpness``: how much the log density changes per standard deviation of the score.
    """

    name: ClassVar[str] = "gradient chain"
    sharpness: float = 6.0

    def kernel(self, setting: Setting) -> Kernel[Any]:
        """Return the kernel that the chains use."""
        return local_kernel(setting.space)

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return where chains end that spend the whole budget at one temperature."""
        kernel, target = self.kernel(setting), setting.target(self.sharpness)
        passes = passes_of(budget, 2, self.name)
        steps = max(1, int((passes - 1) / kernel.passes_per_step(target)))
        warm_up = int(_TUNED_PART * steps)
        ladder = fixed_ladder(target, steps - warm_up)
        return walk(setting, ladder, kernel, designs, seed, warm_up=warm_up)

    @classmethod
    def choices(cls) -> Sequence[Method]:
        """Return chains at several temperatures."""
        return [cls(sharpness=sharpness) for sharpness in (6.0, 2.0, 12.0, 24.0, 48.0)]


@dataclass(frozen=True)
class LangevinChain(FixedChain):
    """Discrete Langevin chains with Metropolis correction, step size tuned."""

    name: ClassVar[str] = "discrete Langevin"
    spaces = (SequenceSpace,)

    def kernel(self, setting: Setting) -> Kernel[Any]:  # noqa: ARG002 - one kernel for all
        """Return the kernel that the chains use."""
        return DiscreteLangevin()


@dataclass(frozen=True)
class PathChain(FixedChain):
    """Path-auxiliary chains, path length tuned."""

    name: ClassVar[str] = "path auxiliary"
    spaces = (SequenceSpace,)

    def kernel(self, setting: Setting) -> Kernel[Any]:  # noqa: ARG002 - one kernel for all
        """Return the kernel that the chains use."""
        return PathAuxiliary()


@dataclass(frozen=True)
class PlainGibbs(FixedChain):
    """Random-scan Gibbs chains, without gradients."""

    name: ClassVar[str] = "Gibbs"
    spaces = (SequenceSpace,)

    def kernel(self, setting: Setting) -> Kernel[Any]:  # noqa: ARG002 - one kernel for all
        """Return the kernel that the chains use."""
        return Gibbs()


@dataclass(frozen=True)
class TemperatureChain(Method):
    """Gradient-informed chains on the trained predictor, cooled geometrically.

    ``sharpness`` is reached at the end, ``softening`` times less of it at the start.
    """

    name: ClassVar[str] = "temperature annealing"
    sharpness: float = 6.0
    softening: float = 10.0

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return where chains end that cool over the whole budget, one rung a step if it can."""
        steps = passes_of(budget, 3, self.name) - 1
        target = setting.target(self.sharpness)
        each = -(-steps // _MOST_TEMPERATURES)
        ladder = temperature_ladder(
            target, target.beta / self.softening, steps // each, each, steps % each
        )
        return walk(setting, ladder, local_kernel(setting.space), designs, seed)

    @classmethod
    def choices(cls) -> Sequence[Method]:
        """Return several ends and starts of the cooling."""
        return [
            cls(sharpness, softening)
            for sharpness in (6.0, 12.0, 24.0, 48.0)
            for softening in (10.0, 50.0)
        ]


@dataclass(frozen=True)
class TrajectoryWalk(Method):
    """Chains that walk along the predictor's training, from coarse to fine.

    Attributes
    ----------
    sharpness
        How much the log density of every rung changes per standard deviation of its score.
    final_share
        Share of the steps made on the trained predictor.
    crossover
        Chains a group of crossover has; 0 for none.
    most_rungs
        Largest number of checkpoints that are walked; 0 for as many as the budget allows.
    placing
        Which these are: evenly spaced in the logarithm of the training step, in the step itself,
        or in how much the scores of the reference designs change.
    """

    name: ClassVar[str] = "trajectory annealing"
    sharpness: float = 6.0
    final_share: float = 0.3
    crossover: int = 0
    most_rungs: int = 0
    placing: Literal["log step", "step", "change"] = "log step"

    def inverse_temperature(self, setting: Setting) -> float | None:  # noqa: ARG002 - others do
        """Return that of all rungs, or None where each has its own."""
        return None

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return where chains end that spend the budget along the trajectory."""
        passes = passes_of(budget, 4, self.name)
        kernel: Kernel[Any] = local_kernel(setting.space)
        if self.crossover:
            kernel = Crossover(local_kernel(setting.space), self.crossover)
        checkpoints = setting.checkpoints[setting.entry_rung :]
        cost = kernel.passes_per_step(setting.target(1.0))
        rungs = max(1, min(len(checkpoints), int(passes * (1 - self.final_share) / (1 + cost))))
        rungs = min(rungs, self.most_rungs or rungs)
        chosen = self._placed(setting, rungs)
        rungs = len(chosen)
        steps = max(1, int((passes * (1 - self.final_share) - rungs) / (rungs * cost)))
        final = int((passes - rungs * (1 + steps * cost)) / cost)
        if final < 0:
            raise InputError(f"{self.name} needs a larger budget than {budget} evaluations")
        ladder = trajectory_ladder(
            chosen, setting.space, setting.reference,
            steps=steps, final_steps=final, constraint=setting.constraint, dtype=setting.dtype,
            sharpness=self.sharpness, beta=self.inverse_temperature(setting),
        )  # fmt: skip
        return walk(setting, ladder, kernel, designs, seed)

    def _placed(self, setting: Setting, rungs: int) -> list[ScoreFunction]:
        """Return the checkpoints that become rungs."""
        checkpoints = setting.checkpoints[setting.entry_rung :]
        if self.placing == "log step":
            return self.chosen(checkpoints, rungs)
        if self.placing == "step":
            steps = torch.tensor(setting.steps[setting.entry_rung :])
            wanted = steps[-1] * torch.arange(1, rungs + 1) / rungs
            places = {int((steps - step).abs().argmin()) for step in wanted}
        else:
            names = [str(index) for index in range(len(checkpoints))]
            places = by_function_change(
                score_reference(
                    checkpoints, setting.space, setting.reference, names, setting.dtype
                ),
                rungs,
            )
        return [checkpoints[place] for place in sorted(places)]

    @staticmethod
    def chosen(checkpoints: Sequence[Any], rungs: int) -> list[Any]:
        """Return so many checkpoints at even places of a log-spaced trajectory, the last too."""
        last = len(checkpoints) - 1
        places = {round(last * (k + 1) / rungs) for k in range(rungs)}
        return [checkpoints[place] for place in sorted(places)]

    @classmethod
    def choices(cls) -> Sequence[Method]:
        """Return several sharpnesses, with a share for the end and without.

        Few steps are better spent on ten checkpoints alone: on tuning seeds three disjoint needles
        were then found by 1.00 of the chains in 40 passes, with a share of 0.3 by 0.75.
        """
        return [
            cls(sharpness, final_share, most_rungs=rungs)
            for sharpness in (6.0, 12.0, 24.0, 48.0)
            for final_share, rungs in ((0.3, 0), (0.0, 10))
        ]


@dataclass(frozen=True)
class RawTrajectoryWalk(TrajectoryWalk):
    """The same walk over exp(beta f_t) with one beta, as in the paper, where beta is 1.

    ``sharpness`` is that of the trained predictor; earlier checkpoints have less of it.
    """

    name: ClassVar[str] = "trajectory annealing, raw"

    def inverse_temperature(self, setting: Setting) -> float:
        """Return the trained predictor's, for all rungs."""
        return self.sharpness / setting.spread
