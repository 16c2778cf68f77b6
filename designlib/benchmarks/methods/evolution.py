"""What people pick otherwise: evolution, simulated annealing, mutation, random designs.

All of them score designs without gradients, keep to the constraint, and see the trained predictor
only.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from designlib.benchmarks.methods.base import BudgetError, Method, Outcome, Setting
from designlib.constraints import AllOf, Masking, inside, nearest_points
from designlib.randomness import torch_generator
from designlib.sampling.drivers import EliteArchive
from designlib.spaces import SequenceSpace, SimplexSpace
from designlib.types import Designs, Letters, Points, Scores

Parents = Int[Tensor, "parents sites"]
Couples = Shaped[Tensor, "couples columns"]


class _Scorer:
    """The trained predictor with its evaluations counted, and the best designs it has seen."""

    def __init__(self, setting: Setting, limit: int, keep: int) -> None:
        self.setting, self.limit, self.spent = setting, limit, 0
        self.archive = EliteArchive(keep)

    @property
    def left(self) -> int:
        return self.limit - self.spent

    def __call__(self, designs: Designs) -> Scores:
        """Return the scores of designs; -inf for infeasible ones, which cost nothing."""
        constraint = self.setting.constraint
        feasible = torch.ones(len(designs), dtype=torch.bool)
        if constraint is not None:
            feasible = constraint.satisfied(designs)
        value = torch.full((len(designs),), -torch.inf, dtype=torch.float64)
        if bool(feasible.any()):
            kept = designs[feasible]
            value[feasible] = self.setting.score(kept).double()
            self.spent += len(kept)
            self.archive = self.archive.add(kept, value[feasible])
        return value

    def outcome(self, designs: int) -> Outcome:
        """Return the best distinct designs seen, repeated where there are too few."""
        rows = torch.arange(designs) % len(self.archive)
        value = self.archive.value[rows].to(self.setting.dtype)
        return Outcome(self.archive.designs[rows], value, self.spent)


class _Evolution(Method):
    """A loop that begins with scored starts and goes on until the budget is spent."""

    spaces = (SequenceSpace,)

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return the best designs seen for the whole budget."""
        self.require(setting)
        if budget < 1:
            raise BudgetError(self.name, 1, budget)
        generator = torch_generator(seed, self.name)
        scorer = _Scorer(setting, designs * budget, designs)
        population = setting.start(designs, torch_generator(seed, "starts"))
        value = scorer(population)
        while scorer.left > 0:
            before = scorer.spent
            population, value = self.generation(scorer, population, value, generator)
            if scorer.spent == before:
                break
        return scorer.outcome(designs)

    @abstractmethod
    def generation(
        self, scorer: _Scorer, population: Designs, value: Scores, generator: torch.Generator
    ) -> tuple[Designs, Scores]:
        """Return the next population and its scores."""


@dataclass(frozen=True)
class GeneticAlgorithm(_Evolution):
    """The best part of the population is recombined by uniform crossover and mutated."""

    name: str = field(default="genetic algorithm", init=False, repr=False)
    survivors: float = 0.2
    mutations: float = 1.0
    recombination: float = 0.5

    def generation(
        self, scorer: _Scorer, population: Letters, value: Scores, generator: torch.Generator
    ) -> tuple[Letters, Scores]:
        """Return the best of parents and children."""
        n = min(len(population), scorer.left)
        order = value.argsort(descending=True, stable=True)
        mothers, fathers = _couples(population[order], self.survivors, n, generator)
        from_mother = torch.rand(mothers.shape, generator=generator) >= self.recombination / 2
        children = torch.where(from_mother, mothers, fathers)
        children = _mutated(scorer.setting, children, self.mutations, generator)
        together = torch.cat([population, children])
        scores = torch.cat([value, scorer(children)])
        return _best_distinct(together, scores, len(population))


@dataclass(frozen=True)
class AdaLead(_Evolution):
    """Greedy evolution of all designs close to the best (Sinai et al. 2020).

    Parents score within a part ``kappa`` of the best; they are recombined with rate ``rho``, and
    each child is mutated again and again for as long as it beats its parent.
    """

    name: str = field(default="AdaLead", init=False, repr=False)
    kappa: float = 0.05
    rho: float = 0.2
    mutations: float = 1.0

    def generation(
        self, scorer: _Scorer, population: Letters, value: Scores, generator: torch.Generator
    ) -> tuple[Letters, Scores]:
        """Return the best distinct designs of the last population and this one's roll-outs."""
        n = len(population)
        best = value.max()
        margin = self.kappa * (best - scorer.setting.reference_scores.mean()).abs()
        near = value >= best - margin
        parents, known = population[near], value[near]
        rows = _rows(len(parents), min(n, scorer.left), generator)
        nodes, floor = _recombined(parents[rows], self.rho, generator), known[rows]
        visited, scores = [population], [value]
        while len(nodes) and scorer.left > 0:
            nodes = _mutated(scorer.setting, nodes[: scorer.left], self.mutations, generator)
            floor = floor[: len(nodes)]
            gained = scorer(nodes)
            visited.append(nodes)
            scores.append(gained)
            better = gained >= floor
            nodes, floor = nodes[better], gained[better]
        return _best_distinct(torch.cat(visited), torch.cat(scores), n)


@dataclass(frozen=True)
class SimulatedAnnealing(_Evolution):
    """Each design mutated at one site at a time, worse ones accepted less and less."""

    name: str = field(default="simulated annealing", init=False, repr=False)
    hottest: float = 1.0
    coldest: float = 0.02

    def generation(
        self, scorer: _Scorer, population: Letters, value: Scores, generator: torch.Generator
    ) -> tuple[Letters, Scores]:
        """Return the chains after one proposal each; temperatures are in spreads of the score."""
        done = scorer.spent / scorer.limit
        temperature = self.hottest * (self.coldest / self.hottest) ** done * scorer.setting.spread
        proposals = _mutated(scorer.setting, population, 1.0, generator, always=True)
        gained = scorer(proposals)
        uniform = torch.rand(len(population), generator=generator, dtype=torch.float64)
        accepted = uniform.log() < (gained - value) / temperature
        population = torch.where(accepted[:, None], proposals, population)
        return population, torch.where(accepted, gained, value)


@dataclass(frozen=True)
class RandomMutation(_Evolution):
    """Random mutants of the best designs seen."""

    name: str = field(default="random mutation of the best", init=False, repr=False)
    mutations: float = 1.0

    def generation(
        self, scorer: _Scorer, population: Letters, value: Scores, generator: torch.Generator
    ) -> tuple[Letters, Scores]:
        """Return the best distinct designs of the population and one mutant of each."""
        mutants = _mutated(
            scorer.setting, population[: scorer.left], self.mutations, generator, always=True
        )
        scores = torch.cat([value, scorer(mutants)])
        return _best_distinct(torch.cat([population, mutants]), scores, len(population))


@dataclass(frozen=True)
class MixtureGenetic(_Evolution):
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

    name: str = field(default="genetic algorithm on compositions", init=False, repr=False)
    spaces = (SimplexSpace,)
    survivors: float = 0.2
    mutation: float = 0.8

    def generation(
        self, scorer: _Scorer, population: Points, value: Scores, generator: torch.Generator
    ) -> tuple[Points, Scores]:
        """Return the same number of feasible children; an infeasible one is its mother instead."""
        del value
        best = scorer.archive.designs
        mothers, fathers = _couples(best, self.survivors, len(population), generator)
        share = torch.rand((len(mothers), 1), generator=generator, dtype=torch.float64)
        children = self._moved(share * mothers + (1 - share) * fathers, generator)
        children = made_feasible(scorer.setting, children, mothers)
        return children, scorer(children)

    def _moved(self, shares: Points, generator: torch.Generator) -> Points:
        """Return compositions in some of which a part of a component is moved to another."""
        n, components = shares.shape
        noise = torch.rand((n, 3), generator=generator, dtype=torch.float64)
        source = torch.multinomial(shares, 1, generator=generator)
        receiver = (noise[:, :1] * components).long().clamp(max=components - 1)
        part = noise[:, 1:2] * (noise[:, 2:] < self.mutation)
        amount = part * shares.gather(1, source)
        return shares.scatter_add(1, source, -amount).scatter_add(1, receiver, amount)


@dataclass(frozen=True)
class RandomDesigns(Method):
    """Random feasible designs, whatever the predictor says: what any method has to beat."""

    name: str = field(default="random", init=False, repr=False)
    spaces = (SimplexSpace,)

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return random feasible designs, which cost nothing."""
        del budget
        drawn = setting.start(designs, torch_generator(seed, self.name))
        return Outcome(drawn, setting.score(drawn), 0.0)


@dataclass(frozen=True)
class RandomSearch(Method):
    """The best by the predictor of as many random feasible designs as the budget allows."""

    name: str = field(default="random search", init=False, repr=False)
    spaces = (SimplexSpace,)

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return the best distinct designs of random ones."""
        if budget < 1:
            raise BudgetError(self.name, 1, budget)
        scorer = _Scorer(setting, designs * budget, designs)
        scorer(setting.start(designs * budget, torch_generator(seed, self.name)))
        return scorer.outcome(designs)


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


def _rows(size: int, n: int, generator: torch.Generator) -> Int[Tensor, "n"]:
    return torch.randint(size, (n,), generator=generator)


def _couples(
    ranked: Designs, survivors: float, n: int, generator: torch.Generator
) -> tuple[Couples, Couples]:
    """Return ``n`` mothers and fathers, random ones of the best share of ranked designs."""
    top = ranked[: max(2, int(survivors * len(ranked)))]
    mothers, fathers = (top[_rows(len(top), n, generator)] for _ in range(2))
    return mothers, fathers


def _recombined(parents: Parents, rate: float, generator: torch.Generator) -> Parents:
    """Return each parent with sites switched to a partner's at random crossing points."""
    partners = parents[torch.randperm(len(parents), generator=generator)]
    crossings = torch.rand(parents.shape, generator=generator) < rate
    return torch.where(crossings.cumsum(1) % 2 == 1, partners, parents)


def _best_distinct(
    designs: Parents, value: Float[Tensor, "parents"], n: int
) -> tuple[Tensor, Tensor]:
    archive = EliteArchive(n).add(designs, value)
    rows = torch.arange(n) % len(archive)
    return archive.designs[rows], archive.value[rows]


def _mutated(
    setting: Setting,
    designs: Letters,
    mean: float,
    generator: torch.Generator,
    *,
    always: bool = False,
) -> Letters:
    """Return designs with ``mean`` changes each on average, one after another inside the mask."""
    count = torch.poisson(torch.full((len(designs),), mean), generator=generator)
    if always:
        count = count.clamp(min=1)
    for change in range(int(count.max()) if len(count) else 0):
        moved = _one_change(setting, designs, generator)
        designs = torch.where((count > change)[:, None], moved, designs)
    return designs


def _one_change(setting: Setting, designs: Letters, generator: torch.Generator) -> Letters:
    """Return designs with one site changed, uniform among the allowed changes."""
    space, constraint = setting.space, setting.constraint
    letters = len(space.alphabet) if isinstance(space, SequenceSpace) else 0
    uniform = torch.rand((len(designs), 1), generator=generator, dtype=torch.float64)
    if not isinstance(constraint, Masking):
        rank = (uniform * designs.shape[1] * (letters - 1)).long()
        site, further = rank // (letters - 1), rank % (letters - 1) + 1
        return designs.scatter(1, site, (designs.gather(1, site) + further) % letters)
    # A recombined design may be infeasible, where a mask says nothing.
    moves = constraint.allowed_moves(designs) | ~constraint.satisfied(designs)[:, None, None]
    moves = moves.scatter(2, designs.unsqueeze(-1), False)
    places = moves.flatten(1).cumsum(1)
    stuck = places[:, -1:] == 0
    # The place of the allowed change with a uniform rank; a stuck design's is not used.
    rank = (uniform * places[:, -1:]).long() + 1
    index = torch.searchsorted(places, rank).clamp(max=places.shape[1] - 1)
    return torch.where(stuck, designs, designs.scatter(1, index // letters, index % letters))
