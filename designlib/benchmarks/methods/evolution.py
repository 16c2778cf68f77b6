"""What people pick otherwise: evolution, simulated annealing, mutation of the best.

All of them score designs without gradients, keep to the constraint by its mask, and see the
trained predictor only. They are for sequences.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from designlib.benchmarks.methods.base import Method, Outcome, Setting
from designlib.constraints import Masking
from designlib.randomness import torch_generator
from designlib.sampling.drivers import EliteArchive
from designlib.spaces import SequenceSpace
from designlib.types import Designs, InputError, Letters, Moves, Scores

__all__ = ["AdaLead", "GeneticAlgorithm", "RandomMutation", "SimulatedAnnealing"]

Parents = Int[Tensor, "parents sites"]


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
        best = self.archive.designs[rows]
        return Outcome(best, self.archive.value[rows].float(), self.spent)


class _Evolution(Method):
    """A loop that begins with scored starts and goes on until the budget is spent."""

    spaces = (SequenceSpace,)

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return the best designs seen for the whole budget."""
        if not isinstance(setting.space, SequenceSpace):
            raise InputError(f"{self.name} changes letters; the space has none")
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
        self, scorer: _Scorer, population: Letters, value: Scores, generator: torch.Generator
    ) -> tuple[Letters, Scores]:
        """Return the next population and its scores."""


@dataclass(frozen=True)
class GeneticAlgorithm(_Evolution):
    """The best part of the population is recombined by uniform crossover and mutated."""

    name: ClassVar[str] = "genetic algorithm"
    survivors: float = 0.2
    mutations: float = 1.0
    recombination: float = 0.5

    def generation(
        self, scorer: _Scorer, population: Letters, value: Scores, generator: torch.Generator
    ) -> tuple[Letters, Scores]:
        """Return the best of parents and children."""
        n = min(len(population), scorer.left)
        top = population[value.argsort(descending=True, stable=True)][
            : max(2, int(self.survivors * len(population)))
        ]
        mothers, fathers = (top[_rows(len(top), n, generator)] for _ in range(2))
        from_mother = torch.rand(mothers.shape, generator=generator) >= self.recombination / 2
        children = torch.where(from_mother, mothers, fathers)
        children = _mutated(scorer.setting, children, self.mutations, generator)
        together = torch.cat([population, children])
        scores = torch.cat([value, scorer(children)])
        return _best_distinct(together, scores, len(population))

    @classmethod
    def choices(cls) -> Sequence[Method]:
        """Return several pressures and mutation rates."""
        return [cls(s, m) for s in (0.2, 0.05, 0.5) for m in (1.0, 3.0)]


@dataclass(frozen=True)
class AdaLead(_Evolution):
    """Greedy evolution of all designs close to the best (Sinai et al. 2020).

    Parents score within a part ``kappa`` of the best; they are recombined with rate ``rho``, and
    each child is mutated again and again for as long as it beats its parent.
    """

    name: ClassVar[str] = "AdaLead"
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
        found, scores = [population], [value]
        while len(nodes) and scorer.left > 0:
            nodes = _mutated(scorer.setting, nodes[: scorer.left], self.mutations, generator)
            floor = floor[: len(nodes)]
            gained = scorer(nodes)
            found.append(nodes)
            scores.append(gained)
            better = gained >= floor
            nodes, floor = nodes[better], gained[better]
        return _best_distinct(torch.cat(found), torch.cat(scores), n)

    @classmethod
    def choices(cls) -> Sequence[Method]:
        """Return several margins, recombination and mutation rates."""
        return [cls(k, r, m) for k, r in ((0.05, 0.2), (0.2, 0.2), (0.05, 0.0)) for m in (1.0, 3.0)]


@dataclass(frozen=True)
class SimulatedAnnealing(_Evolution):
    """Each design mutated at one site at a time, worse ones accepted less and less."""

    name: ClassVar[str] = "simulated annealing"
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

    @classmethod
    def choices(cls) -> Sequence[Method]:
        """Return several temperatures."""
        return [cls(h, c) for h in (1.0, 0.3) for c in (0.02, 0.1, 0.005)]


@dataclass(frozen=True)
class RandomMutation(_Evolution):
    """Random mutants of the best designs seen."""

    name: ClassVar[str] = "random mutation of the best"
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

    @classmethod
    def choices(cls) -> Sequence[Method]:
        """Return several mutation rates."""
        return [cls(m) for m in (1.0, 2.0, 4.0)]


def _rows(size: int, n: int, generator: torch.Generator) -> Int[Tensor, "n"]:
    return torch.randint(size, (n,), generator=generator)


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
    letters = _letters(setting)
    uniform = torch.rand((len(designs), 1), generator=generator, dtype=torch.float64)
    if not isinstance(setting.constraint, Masking):
        rank = (uniform * designs.shape[1] * (letters - 1)).long()
        site, further = rank // (letters - 1), rank % (letters - 1) + 1
        return designs.scatter(1, site, (designs.gather(1, site) + further) % letters)
    moves = _allowed(setting.constraint, designs).scatter(2, designs.unsqueeze(-1), False)
    places = moves.flatten(1).cumsum(1)
    stuck = places[:, -1:] == 0
    # The place of the allowed change with a uniform rank; a stuck design's is not used.
    rank = (uniform * places[:, -1:]).long() + 1
    index = torch.searchsorted(places, rank).clamp(max=places.shape[1] - 1)
    return torch.where(stuck, designs, designs.scatter(1, index // letters, index % letters))


def _allowed(constraint: Masking, designs: Letters) -> Moves:
    # A recombined design may be infeasible, where a mask says nothing.
    feasible = constraint.satisfied(designs)
    return constraint.allowed_moves(designs) | ~feasible[:, None, None]


def _letters(setting: Setting) -> int:
    assert isinstance(setting.space, SequenceSpace)  # noqa: S101 - asked for at the start
    return len(setting.space.alphabet)
