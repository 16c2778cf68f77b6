"""Samplers of the library as methods: a driver that takes a ladder with a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeVar

import torch

from designlib.benchmarks.methods.base import (
    EVALUATIONS_PER_PASS,
    Method,
    Outcome,
    Setting,
    passes_of,
)
from designlib.randomness import torch_generator
from designlib.sampling import AIS, SMC, Anneal, Driver, ReplicaExchange
from designlib.sampling.drivers import systematic
from designlib.sampling.kernels import (
    Crossover,
    DiscreteLangevin,
    Gibbs,
    Kernel,
    PathAuxiliary,
    default_kernel,
)
from designlib.sampling.ladders import (
    Rung,
    by_function_change,
    fixed_ladder,
    score_reference,
    temperature_ladder,
)
from designlib.sampling.objectives import ScoreFunction
from designlib.types import Designs, Scores

_MOST_TEMPERATURES = 1000
"""So many cool smoothly; more would only cost time."""

_TUNED_SHARE = 0.3
"""Share of the steps at one temperature that tune the step size of a kernel that has one."""

_LEAST_PASSES = {"fixed": 2, "temperature": 3, "trajectory": 4}
_KERNELS = {"langevin": DiscreteLangevin, "path": PathAuxiliary, "gibbs": Gibbs}

KernelName = Literal["default", "langevin", "path", "gibbs"]
T = TypeVar("T")


@dataclass(frozen=True, repr=False)
class Sampler(Method):
    """One driver on one ladder, which spends the whole budget.

    Attributes
    ----------
    ladder
        ``fixed`` and ``temperature``: the trained predictor at one sharpness, or cooled
        geometrically; ``trajectory``: checkpoints of its training, from coarse to fine.
    driver
        ``anneal``: chains, which are proposed where they end; ``ais`` and ``smc``: weighted
        particles, of which as many are drawn by their weights; ``exchange``: systems of replicas.
    kernel
        How chains move; ``default`` is the gradient-informed one of the space, the others are for
        sequences.
    sharpness
        How much the log density changes per standard deviation of the score: of the last
        temperature, or of every checkpoint.
    softening
        How many times less of it the first temperature has.
    final_share
        Share of the steps along the trajectory that are made on the trained predictor.
    crossover
        Particles a group of crossover has; 0 for none.
    rungs
        Rungs of replica exchange; else the largest number of checkpoints, 0 for as many as the
        budget allows.
    placing
        Which checkpoints: evenly spaced in the logarithm of the training step, in the step
        itself, or in how much the scores of the reference designs change.
    raw
        Whether all checkpoints have the trained predictor's inverse temperature, as in the paper,
        where it is 1; earlier ones are then less sharp.
    """

    name: str
    ladder: Literal["fixed", "temperature", "trajectory"] = field(repr=False)
    driver: Literal["anneal", "smc", "ais", "exchange"] = field(default="anneal", repr=False)
    kernel: KernelName = field(default="default", repr=False)
    sharpness: float = 6.0
    softening: float = 10.0
    final_share: float = 0.3
    crossover: int = 0
    rungs: int = 0
    placing: Literal["log step", "step", "change"] = "log step"
    raw: bool = False
    spaces: tuple[type, ...] = field(default=Method.spaces, repr=False)

    def __repr__(self) -> str:
        """Return the name with the settings that matter: the sharpness, and no defaults."""
        shown = [
            f"{each.name}={getattr(self, each.name)!r}"
            for each in fields(self)
            if each.repr and (each.name == "sharpness" or getattr(self, each.name) != each.default)
        ]
        return f"Sampler({', '.join(shown)})"

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return where chains end, or designs drawn by the weights of particles."""
        passes = passes_of(budget, self._least_passes, self.name)
        kernel: Kernel[Any] = default_kernel(setting.space)
        if self.kernel != "default":
            kernel = _KERNELS[self.kernel]()
        if self.crossover:
            kernel = Crossover(default_kernel(setting.space), self.crossover)
        ladder, driver = self._plan(setting, passes, kernel.passes_per_step(setting.target(1.0)))
        starts = setting.start(designs, torch_generator(seed, "starts"))
        result = driver.run(ladder, kernel, starts, seed, range(designs))
        ends = result.designs
        if result.weights is not None:
            ends = _drawn(ends, result.weights, seed)
        spent = result.passes * designs * EVALUATIONS_PER_PASS
        return Outcome(ends, setting.score(ends), spent)

    @property
    def _least_passes(self) -> int:
        if self.driver == "exchange":
            return self.rungs * (2 if self.ladder == "temperature" else 3)
        return 4 if self.driver == "smc" else _LEAST_PASSES[self.ladder]

    def _plan(self, setting: Setting, passes: int, cost: float) -> tuple[list[Rung], Driver]:
        """Return ladder and driver for so many passes, of which a kernel step costs ``cost``."""
        target = setting.target(self.sharpness)
        if self.ladder == "fixed":
            steps = max(1, int((passes - 1) / cost))
            tuned = int(_TUNED_SHARE * steps)
            return fixed_ladder(target, steps - tuned), Anneal(tuned)
        if self.ladder == "trajectory":
            return self._along_trajectory(setting, passes, cost)
        rungs, each, final = passes - 1, 1, 0
        match self.driver:
            case "exchange":
                rungs, driver = self.rungs, _exchange(self.rungs, passes, float(self.rungs))
            case "smc":
                rungs, driver = max(2, int((passes - 1) / cost)), SMC()
            case "ais":
                driver = AIS()
            case _:
                each = -(-rungs // _MOST_TEMPERATURES)
                (rungs, final), driver = divmod(rungs, each), Anneal()
        ladder = temperature_ladder(target, target.beta / self.softening, rungs, each, final)
        return ladder, driver

    def _along_trajectory(
        self, setting: Setting, passes: int, cost: float
    ) -> tuple[list[Rung], Driver]:
        if self.driver == "exchange":
            checkpoints = evenly_placed(setting.checkpoints[setting.entry_rung :], self.rungs)
            ladder = setting.ladder(checkpoints, 1, sharpness=self.sharpness)
            # A step on every rung and swaps of half of the pairs, two evaluations each.
            return ladder, _exchange(len(ladder), passes, 2.0 * len(ladder) - 1)
        walked = passes * (1 - self.final_share)
        rungs = max(
            1, min(len(setting.checkpoints[setting.entry_rung :]), int(walked / (1 + cost)))
        )
        rungs = min(rungs, self.rungs or rungs)
        checkpoints = self._placed(setting, rungs)
        if self.driver == "anneal":
            rungs = len(checkpoints)
        steps = max(1, int((walked - rungs) / (rungs * cost)))
        final = max(0, int((passes - rungs * (1 + steps * cost)) / cost))
        beta = self.sharpness / setting.spread if self.raw else None
        ladder = setting.ladder(checkpoints, steps, final, sharpness=self.sharpness, beta=beta)
        return ladder, SMC() if self.driver == "smc" else Anneal()

    def _placed(self, setting: Setting, rungs: int) -> list[ScoreFunction]:
        """Return the checkpoints that become rungs."""
        checkpoints = setting.checkpoints[setting.entry_rung :]
        if self.placing == "log step":
            return evenly_placed(checkpoints, rungs)
        if self.placing == "step":
            steps = torch.tensor(setting.steps[setting.entry_rung :])
            wanted = steps[-1] * torch.arange(1, rungs + 1) / rungs
            places = {int((steps - step).abs().argmin()) for step in wanted}
        else:
            names = [str(index) for index in range(len(checkpoints))]
            scores = score_reference(
                checkpoints, setting.space, setting.reference, names, setting.dtype
            )
            places = by_function_change(scores, rungs)
        return [checkpoints[place] for place in sorted(places)]


def evenly_placed(checkpoints: Sequence[T], rungs: int) -> list[T]:
    """Return so many checkpoints at even places of a log-spaced trajectory, the last too."""
    last = len(checkpoints) - 1
    places = {round(last * (k + 1) / rungs) for k in range(rungs)}
    return [checkpoints[place] for place in sorted(places)]


def _exchange(rungs: int, passes: int, cost: float) -> ReplicaExchange:
    """Return replica exchange of so many passes a system, of which a sweep costs ``cost``."""
    sweeps = max(1, int((passes - rungs) / cost))
    return ReplicaExchange(sweeps, sweeps // 4)


def _drawn(designs: Designs, weights: Scores, seed: int) -> Designs:
    """Return as many designs, drawn by their weights."""
    uniform = torch.rand(1, generator=torch_generator(seed, "draw"), dtype=torch.float64)
    rows = systematic(weights[None].double().log(), uniform.to(weights.device))[0]
    return designs[rows]
