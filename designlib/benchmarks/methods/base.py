"""What a method of finding designs is, so that all of them can be compared at equal cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from typing import NamedTuple

import torch
from jaxtyping import Shaped
from torch import Tensor

from designlib.constraints import Constraint
from designlib.predictors import evaluate
from designlib.sampling.ladders import Rung, elite_entry_rung, trajectory_ladder
from designlib.sampling.objectives import ScoreFunction
from designlib.sampling.targets import Target
from designlib.spaces import BoxSpace, SequenceSpace, SimplexSpace, Space
from designlib.types import Designs, InputError, Scores

EVALUATIONS_PER_PASS = 3
"""A gradient counts as two evaluations more than the score alone."""


class Outcome(NamedTuple):
    """What a method proposes and what it has cost."""

    designs: Designs
    """The proposed designs, as many as were asked for; not all need differ."""
    value: Scores
    """The trained predictor's scores of them."""
    evaluations: float
    """Predictor evaluations spent, all designs together."""


@dataclass(frozen=True)
class Setting:
    """What every method is given: the same predictor, feasible set and starts.

    Attributes
    ----------
    space, constraint
        Where designs live.
    checkpoints
        The predictor along its training; the last one is the trained predictor, the only one
        that methods without a trajectory use.
    reference
        Random feasible designs, for the standard deviation of scores.
    start
        Gives feasible starting designs: how many, and a generator.
    dtype
        Floating type of the predictor's input.
    entry_rung
        Where on the full trajectory chains begin whose starts are good designs already.
    steps
        Training step of each checkpoint; needed to choose checkpoints by step only.
    measured
        Gives the designs that the predictor learned from, with their values; needed by methods
        that learn themselves only.
    """

    space: Space
    constraint: Constraint | None
    checkpoints: Sequence[ScoreFunction]
    reference: Shaped[Tensor, "reference columns"]
    start: Callable[[int, torch.Generator], Designs]
    dtype: torch.dtype = torch.float32
    entry_rung: int = 0
    steps: Sequence[int] = ()
    measured: Callable[[], tuple[Designs, Scores]] | None = None

    @property
    def predictor(self) -> ScoreFunction:
        """The trained predictor."""
        return self.checkpoints[-1]

    @cached_property
    def reference_scores(self) -> Scores:
        """The trained predictor's scores of the reference designs, float64."""
        return self.score(self.reference).double()

    @property
    def spread(self) -> float:
        """Standard deviation of the trained predictor's score over the reference designs."""
        return float(self.reference_scores.std())

    def target(self, sharpness: float) -> Target:
        """Return the trained predictor's density, so sharp per standard deviation of its score."""
        beta = sharpness / self.spread
        return Target(
            self.predictor, self.space, self.constraint, beta, "trained", dtype=self.dtype
        )

    def ladder(
        self,
        checkpoints: Sequence[ScoreFunction],
        steps: int,
        final_steps: int = 0,
        *,
        sharpness: float = 6.0,
        beta: float | None = None,
        labels: Sequence[str] = (),
    ) -> list[Rung]:
        """Return the ladder along some of the checkpoints; see `trajectory_ladder`."""
        return trajectory_ladder(
            checkpoints,
            self.space,
            self.reference,
            steps=steps,
            final_steps=final_steps,
            sharpness=sharpness,
            beta=beta,
            constraint=self.constraint,
            labels=labels,
            dtype=self.dtype,
        )

    def score(self, designs: Designs) -> Scores:
        """Return the trained predictor's scores."""
        return evaluate(self.predictor, self.space.relax(designs, self.dtype))


def best_measured(
    designs: Shaped[Tensor, "measured columns"],
    values: Scores,
    constraint: Constraint | None,
    most: int,
) -> Shaped[Tensor, "elites columns"]:
    """Return the best feasible measured designs, best first; fewer than ``most`` if there are."""
    if constraint is not None:
        feasible = constraint.satisfied(designs)
        designs, values = designs[feasible], values[feasible]
    return designs[values.argsort(descending=True, stable=True)[:most]]


def from_elites(setting: Setting, elites: Shaped[Tensor, "elites columns"]) -> Setting:
    """Return the setting with chains that start from the elites, each of them equally often.

    Methods along the trajectory enter it where the elites stand out from then on, since earlier
    checkpoints would wash out what the elites have.

    Raises InputError for no elites.
    """
    if not len(elites):
        raise InputError("there is no feasible measured design to start from")

    def start(n: int, generator: torch.Generator) -> Designs:
        order = torch.randperm(n, generator=generator)
        return elites[order % len(elites)]

    labels = [str(index) for index in range(len(setting.checkpoints))]
    ladder = setting.ladder(setting.checkpoints, 1, labels=labels)
    entry = int(ladder[elite_entry_rung(ladder, elites, setting.reference)].label)
    return replace(setting, start=start, entry_rung=entry)


class Method(ABC):
    """A way to find designs, with its own settings; a frozen dataclass.

    Attributes
    ----------
    name
        What tables call it.
    spaces
        What designs it can work on.
    package
        The package that it needs beside those of the project, installed by the extra of the same
        name; empty for none.
    """

    name: str
    spaces: tuple[type[Space], ...] = (SequenceSpace, BoxSpace, SimplexSpace)
    package: str = ""

    @property
    def installed(self) -> bool:
        """Whether the package that it needs is there."""
        return not self.package or find_spec(self.package) is not None

    def require(self, setting: Setting | None = None) -> None:
        """Raise InputError where the package is not installed or the space does not suit."""
        if not self.installed:
            raise InputError(
                f"{self.name} needs the package {self.package}, which is not installed; pip "
                f"install 'trajectory-design[{self.package}]'"
            )
        if setting is not None and not isinstance(setting.space, self.spaces):
            names = ", ".join(space.__name__ for space in self.spaces)
            raise InputError(f"{self.name} works on {names}, not on {setting.space}")

    @abstractmethod
    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return ``designs`` proposals for at most ``budget`` evaluations for each of them.

        Raises BudgetError where the budget is too small for the method to do anything.
        """


class BudgetError(InputError):
    """A budget with which a method, at its settings, cannot do anything."""

    def __init__(self, name: str, least: int, budget: int) -> None:
        super().__init__(f"{name} needs at least {least} evaluations a design, not {budget}")


def passes_of(budget: int, least: int, name: str) -> int:
    """Return a budget in forward and backward passes; raise BudgetError below ``least``."""
    passes = budget // EVALUATIONS_PER_PASS
    if passes < least:
        raise BudgetError(name, least * EVALUATIONS_PER_PASS, budget)
    return passes
