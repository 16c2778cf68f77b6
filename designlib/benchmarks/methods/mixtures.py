"""What people pick otherwise for compositions: random ones, and a genetic algorithm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from designlib.benchmarks.methods.base import BudgetError, Method, Outcome, Setting
from designlib.constraints import AllOf, inside, nearest_points
from designlib.randomness import torch_generator
from designlib.sampling.drivers import EliteArchive
from designlib.spaces import SimplexSpace
from designlib.types import Designs, InputError, Points

__all__ = ["MixtureGenetic", "RandomDesigns", "RandomSearch", "made_feasible"]


@dataclass(frozen=True)
class RandomDesigns(Method):
    """Random feasible designs, whatever the predictor says: what any method has to beat."""

    name: ClassVar[str] = "random"
    spaces = (SimplexSpace,)

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:  # noqa: ARG002 - nothing is spent
        """Return random feasible designs, which cost nothing."""
        drawn = setting.start(designs, torch_generator(seed, self.name))
        return Outcome(drawn, setting.score(drawn), 0.0)

    @classmethod
    def choices(cls) -> Sequence[Method]:
        """Return the one way there is."""
        return [cls()]


@dataclass(frozen=True)
class RandomSearch(Method):
    """The best by the predictor of as many random feasible designs as the budget allows."""

    name: ClassVar[str] = "random search"
    spaces = (SimplexSpace,)

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return the best distinct designs of random ones."""
        _check_budget(self.name, budget)
        drawn = setting.start(designs * budget, torch_generator(seed, self.name))
        archive = EliteArchive(designs).add(drawn, setting.score(drawn).double())
        return _best(setting, archive, designs, float(designs * budget))

    @classmethod
    def choices(cls) -> Sequence[Method]:
        """Return the one way there is."""
        return [cls()]


@dataclass(frozen=True)
class MixtureGenetic(Method):
    """A genetic algorithm on compositions: the best are blended, and parts of them moved.

    A child is a random blend of two of the survivors, of which with some probability a random part
    of one component goes to another; it is then moved into the limits, onto the grid and to the
    largest components where only so many may be. The next population is the best of parents and
    children.

    Attributes
    ----------
    survivors
        Share of the population that has children.
    mutation
        Probability that a child is mutated.
    """

    name: ClassVar[str] = "genetic algorithm on compositions"
    spaces = (SimplexSpace,)
    survivors: float = 0.2
    mutation: float = 0.8

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return the best distinct compositions seen for the whole budget."""
        _check_budget(self.name, budget)
        if not isinstance(setting.space, SimplexSpace):
            raise InputError(f"{self.name} blends compositions; the space has none")
        generator = torch_generator(seed, self.name)
        population = setting.start(designs, torch_generator(seed, "starts"))
        archive = EliteArchive(designs).add(population, setting.score(population).double())
        for _ in range(budget - 1):
            children = self._children(setting, archive.designs, designs, generator)
            archive = archive.add(children, setting.score(children).double())
        return _best(setting, archive, designs, float(designs * budget))

    def _children(
        self,
        setting: Setting,
        population: Float[Tensor, "parents components"],
        n: int,
        generator: torch.Generator,
    ) -> Float[Tensor, "children components"]:
        """Return ``n`` feasible children; one that cannot be made feasible is its mother."""
        top = population[: max(2, int(self.survivors * len(population)))]
        mothers, fathers = (
            top[torch.randint(len(top), (n,), generator=generator)] for _ in range(2)
        )
        share = torch.rand((n, 1), generator=generator, dtype=torch.float64)
        child = self._mutated(share * mothers + (1 - share) * fathers, generator)
        return made_feasible(setting, child, mothers)

    def _mutated(self, shares: Points, generator: torch.Generator) -> Tensor:
        """Return compositions in some of which a part of a component is moved to another."""
        n, components = shares.shape
        noise = torch.rand((n, 3), generator=generator, dtype=torch.float64)
        source = torch.multinomial(shares, 1, generator=generator)
        receiver = (noise[:, :1] * components).long().clamp(max=components - 1)
        part = noise[:, 1:2] * (noise[:, 2:] < self.mutation)
        amount = part * shares.gather(1, source)
        return shares.scatter_add(1, source, -amount).scatter_add(1, receiver, amount)

    @classmethod
    def choices(cls) -> Sequence[Method]:
        """Return several shares of survivors and rates of mutation."""
        return [cls(survivors, rate) for survivors in (0.2, 0.5, 0.05) for rate in (0.8, 0.4)]


def made_feasible(setting: Setting, points: Points, otherwise: Points) -> Points:
    """Return points moved into the limits and onto the grid.

    One that this does not make feasible is replaced by its row of ``otherwise``.
    """
    constraint = setting.constraint or AllOf(setting.space, [])
    points = nearest_points(setting.space, constraint, points)
    if isinstance(setting.space, SimplexSpace) and setting.space.grid_steps is not None:
        points = setting.space.on_grid(points)
    fine = inside(setting.space, constraint, points)
    return torch.where(fine[:, None], points, otherwise)


def _check_budget(name: str, budget: int) -> None:
    if budget < 1:
        raise BudgetError(name, 1, budget)


def _best(setting: Setting, archive: EliteArchive, designs: int, spent: float) -> Outcome:
    """Return the best distinct designs, repeated where there are too few."""
    chosen: Designs = archive.designs[torch.arange(designs) % len(archive)]
    return Outcome(chosen, setting.score(chosen), spent)
