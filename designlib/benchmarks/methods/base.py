"""What a method of finding designs is, so that all of them can be compared at equal cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Shaped
from torch import Tensor

from designlib.constraints import Constraint
from designlib.predictors import evaluate
from designlib.sampling.kernels import (
    GibbsWithGradients,
    GridTransfer,
    Mala,
    MetropolisKernel,
    SimplexLangevin,
)
from designlib.sampling.objectives import ScoreFunction
from designlib.sampling.targets import Target
from designlib.spaces import BoxSpace, SequenceSpace, SimplexSpace, Space
from designlib.types import Designs, InputError, Scores

__all__ = [
    "EVALUATIONS_PER_PASS",
    "BudgetError",
    "Method",
    "Outcome",
    "Setting",
    "local_kernel",
    "passes_of",
]

EVALUATIONS_PER_PASS = 3
"""A gradient counts as two evaluations more than the score alone."""


class Outcome(NamedTuple):
    """What a method proposes and what it has cost.

    Attributes
    ----------
    designs
        The proposed designs, as many as were asked for; not all need differ.
    value
        The trained predictor's scores of them.
    evaluations
        Predictor evaluations spent, all designs together.
    """

    designs: Designs
    value: Scores
    evaluations: float


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
        Random feasible designs, for the spread of scores.
    start
        Gives feasible starting designs: how many, and a generator.
    dtype
        Floating type of the predictor's input.
    entry_rung
        Where on the full trajectory chains begin whose starts are good designs already.
    steps
        Training step of each checkpoint, where it is known.
    measured
        Gives the designs that the predictor learned from, with their values; None where they
        are not known. Only methods that learn themselves ask.
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

    def score(self, designs: Designs) -> Scores:
        """Return the trained predictor's scores."""
        return evaluate(self.predictor, self.space.relax(designs, self.dtype))


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

    name: ClassVar[str]
    spaces: ClassVar[tuple[type[Space], ...]] = (SequenceSpace, BoxSpace, SimplexSpace)
    package: ClassVar[str] = ""

    @classmethod
    def installed(cls) -> bool:
        """Return whether the package that it needs is there."""
        return not cls.package or find_spec(cls.package) is not None

    @classmethod
    def require(cls) -> None:
        """Raise InputError that names the extra where the package is not installed."""
        if not cls.installed():
            raise InputError(
                f"{cls.name} needs the package {cls.package}, which is not installed; pip install "
                f"'trajectory-design[{cls.package}]'"
            )

    @abstractmethod
    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return ``designs`` proposals for at most ``budget`` evaluations for each of them.

        Raises BudgetError where the budget is too small for the method to do anything.
        """

    @classmethod
    @abstractmethod
    def choices(cls) -> Sequence[Method]:
        """Return the settings among which tuning chooses, the default first."""


def local_kernel(space: Space, size: float | None = None) -> MetropolisKernel[Any, Any]:
    """Return the gradient kernel for a space; ``size`` is its first step size on points."""
    if isinstance(space, SequenceSpace):
        return GibbsWithGradients()
    if isinstance(space, BoxSpace):
        return Mala(size or 0.1)
    if isinstance(space, SimplexSpace) and space.grid_steps is not None:
        return GridTransfer()
    return SimplexLangevin(size or 0.2)


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
