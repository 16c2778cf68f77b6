r"""Ehrlich functions: closed-form test functions of sequence design with hard feasibility.

Stanton, Alberstein, Frey, Watkins and Cho, "Closed-form test functions for biophysical sequence
design", arXiv:2407.00236 (2024). A design x of L letters is feasible if no two neighbours are a
banned transition of a Markov chain over the letters. There are c motifs :math:`a^{(i)}` of k
letters with offsets :math:`s^{(i)}`, which a design has to the degree

.. math:: h_q(x, a, s) = \max_{l} \; \frac{1}{q} \Big\lfloor \frac{q}{k}
          \sum_{j=1}^{k} 1\{x_{l + s_j} = a_j\} \Big\rfloor

over the places l where the spaced motif fits, in q steps. The value of a feasible design is
:math:`f(x) = \prod_{i=1}^{c} h_q(x, a^{(i)}, s^{(i)})`, from 0 to 1; that of another is -inf.

How an instance is drawn, so that a feasible design of value 1 exists: a letter may always follow
itself; all motifs together, one after the other, are one path of the Markov chain, in which no
letter follows itself; and no spaced motif is longer than L // c. So the motifs fit behind each
other, each letter repeated until the next one. The numbers differ from those of other
implementations for the same seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from designlib.benchmarks.problems.base import ValuedProblem
from designlib.config import NetworkConfig, TrainingConfig
from designlib.constraints import ForbiddenTransitions
from designlib.notation import Alphabet
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace
from designlib.types import InputError, Letters, Scores

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

_Some: TypeAlias = Int[Tensor, "some sites"]
"""Some of the designs that a function is given."""

_TEMPERATURE = 0.5
"""Of the softmax that makes transition probabilities out of standard normal numbers."""


@dataclass(frozen=True, eq=False)
class EhrlichFunction:
    """One Ehrlich function.

    Attributes
    ----------
    transitions
        Probability that the column's letter follows the row's, float64; 0 where it is banned.
    motifs
        Letters of each motif, shape (motifs, elements).
    offsets
        How far behind its first letter each letter of a motif stands, from 0, rising.
    quantisation
        Steps q in which a motif counts, a divisor of the number of elements.

    Raises
    ------
    InputError
        A quantisation that does not divide the motif length.
    """

    transitions: Float[Tensor, "letters letters"] = field(repr=False)
    motifs: Int[Tensor, "motifs elements"]
    offsets: Int[Tensor, "motifs elements"]
    quantisation: int

    def __post_init__(self) -> None:
        elements = self.motifs.shape[1]
        if self.quantisation < 1 or elements % self.quantisation:
            raise InputError(
                f"a motif of {elements} letters cannot count in {self.quantisation} equal steps"
            )

    @property
    def allowed(self) -> Bool[Tensor, "letters letters"]:
        """True where the column's letter may follow the row's."""
        return self.transitions > 0

    def presence(self, designs: Letters) -> Float[Tensor, "designs motifs"]:
        """Return to which degree h_q each design has each motif, feasible or not."""
        elements = self.motifs.shape[1]
        columns = []
        for motif, offsets in zip(self.motifs, self.offsets, strict=True):
            places = designs.shape[1] - int(offsets[-1])
            # One slice per letter of the motif: much faster than gathering all windows.
            found = sum(
                (designs[:, offset : offset + places] == letter).long()
                for letter, offset in zip(motif.tolist(), offsets.tolist(), strict=True)
            )
            columns.append(torch.as_tensor(found).amax(1) * self.quantisation // elements)
        return torch.stack(columns, 1).double() / self.quantisation

    def value(self, designs: Letters) -> Scores:
        """Return the value of each design, float64; -inf for infeasible ones."""
        feasible = self.allowed[designs[:, :-1], designs[:, 1:]].all(1)
        return self.presence(designs).prod(1).where(feasible, -math.inf)

    def sample(self, n: int, length: int, generator: torch.Generator) -> Letters:
        """Return feasible designs: paths of the Markov chain from a uniform first letter."""
        return _paths(self.transitions, n, length, generator)


def draw_function(
    letters: int, length: int, motifs: int, motif_length: int, quantisation: int, seed: int
) -> EhrlichFunction:
    """Return a random Ehrlich function for designs of ``length`` letters out of ``letters``.

    About a fifth of all transitions is banned. Those of a random cycle through all letters, and
    those of a letter to itself, never are, so that the Markov chain is ergodic.

    Raises InputError for fewer than three letters, motifs that cannot fit, or a quantisation
    that does not divide the motif length.
    """
    if letters < 3:
        raise InputError(f"an Ehrlich function needs at least three letters, not {letters}")
    if motif_length < 2 or motifs < 1 or length // motifs < motif_length:
        raise InputError(
            f"{motifs} motifs of {motif_length} letters do not fit into {length}; at least one "
            "motif of two letters that does is needed"
        )
    generator = torch_generator(seed, "ehrlich")
    transitions = _draw_transitions(letters, generator)
    # Weights of another letter: a motif of one letter repeated would be there by chance.
    onward = transitions * (1 - torch.eye(letters, dtype=torch.float64))
    path = _paths(onward, 1, motifs * motif_length, generator)
    # Any set of places behind the first one is as likely as any other.
    order = torch.rand((motifs, length // motifs - 1), generator=generator).argsort(1)
    behind = (order[:, : motif_length - 1] + 1).sort(1).values
    offsets = torch.cat([torch.zeros(motifs, 1, dtype=torch.int64), behind], 1)
    return EhrlichFunction(transitions, path.view(motifs, motif_length), offsets, quantisation)


@dataclass(frozen=True, eq=False)
class Ehrlich(ValuedProblem):
    """The maximisation of an Ehrlich function, learned from an earlier campaign.

    What the predictor may see is drawn from all designs that a simple evolution of several
    separate lines has tried. Each line starts from paths of the Markov chain; in each
    generation, its best designs so far (ties in random order) get two children each with one to
    three letters changed at random. Infeasible children are thrown away, and so are those above
    the ceiling, so that there is something to find. Of a single line, a predictor learns where
    its ancestors had their motifs, not what a motif is.

    Attributes
    ----------
    function
        The truth.
    length
        Letters of a design.
    rows
        Most designs that the predictor may see.
    lines, generations, population
        Extent of the evolution: a population is what a line starts from and the number of its
        children in a generation.
    ceiling
        Largest value that is shown.
    """

    name: str
    function: EhrlichFunction
    length: int
    rows: int = 8000
    lines: int = 40
    generations: int = 40
    population: int = 50
    ceiling: float = 0.35
    training: TrainingConfig = field(default=TrainingConfig(), repr=False)

    @property
    def space(self) -> SequenceSpace:
        """All sequences, feasible or not."""
        letters = len(self.function.transitions)
        return SequenceSpace(Alphabet(f"first {letters}", LETTERS[:letters]), self.length)

    @property
    def constraint(self) -> ForbiddenTransitions:
        """No banned transition between neighbours."""
        return ForbiddenTransitions(self.space, self.function.allowed)

    optimum = 1.0

    def value(self, designs: Letters) -> Scores:
        """Return the true values from 0 to 1; -inf for infeasible designs."""
        return self.function.value(designs)

    def success(self, designs: Letters) -> Bool[Tensor, "designs"]:
        """Return which designs are feasible and have every motif in full."""
        return self.oracle(designs) == self.optimum

    def training_data(self, seed: int) -> tuple[Letters, Scores]:
        """Return distinct feasible designs that the evolution has tried, in random order."""
        generator = torch_generator(seed, "evolution", self.name)
        tried = torch.cat([self._evolve(generator) for _ in range(self.lines)]).unique(dim=0)
        shown = tried[torch.randperm(len(tried), generator=generator)[: self.rows]]
        return shown, self.value(shown)

    def _evolve(self, generator: torch.Generator) -> Letters:
        """Return all designs up to the ceiling that one line has tried."""
        alive = self._shown(self.function.sample(self.population, self.length, generator))
        everyone = [alive]
        for _ in range(self.generations):
            parents = self._best(alive, generator).repeat(2, 1)
            children = _mutated(parents, len(self.function.transitions), generator)
            everyone.append(self._shown(children))
            alive = torch.cat([parents, everyone[-1]]).unique(dim=0)
        return torch.cat(everyone)

    def _best(self, designs: Letters, generator: torch.Generator) -> _Some:
        """Return the best designs, half a population of them."""
        designs = designs[torch.randperm(len(designs), generator=generator)]
        order = self.value(designs).argsort(descending=True, stable=True)
        return designs[order[: self.population // 2]]

    def _shown(self, designs: Letters) -> _Some:
        """Return the feasible designs up to the ceiling."""
        values = self.value(designs)
        return designs[(values > -math.inf) & (values <= self.ceiling)]


def ehrlich(length: int) -> Ehrlich:
    """Return the standard instance of 32, 64 or 128 letters out of 32.

    Four motifs of four letters, each counting in as many steps as it has letters.

    Raises InputError for another length.
    """
    if length not in (32, 64, 128):
        raise InputError(
            f"there is no standard Ehrlich function of length {length}; lengths 32, 64 and 128 are "
            "accepted"
        )
    # A filter sees a whole spaced motif.
    network = NetworkConfig(width=64, filter_length=length // 4)
    training = TrainingConfig(network=network, members=1, steps=1500, batch_size=64)
    function = draw_function(len(LETTERS), length, 4, 4, 4, 0)
    return Ehrlich(f"ehrlich{length}_32_0", function, length, training=training)


def _draw_transitions(letters: int, generator: torch.Generator) -> Float[Tensor, "letters letters"]:
    cycle = torch.randperm(letters, generator=generator)
    kept = torch.eye(letters, dtype=torch.bool)
    kept[cycle, cycle.roll(-1)] = True
    # Among the other transitions of a letter, those with the highest number are banned.
    rank = torch.rand((letters, letters), generator=generator).masked_fill(kept, -1.0)
    banned = rank.argsort(1, descending=True)[:, : max(1, letters // 5)]
    logits = torch.randn((letters, letters), generator=generator, dtype=torch.float64)
    return (logits / _TEMPERATURE).scatter(1, banned, -math.inf).softmax(1)


def _paths(
    transitions: Float[Tensor, "letters letters"], n: int, length: int, generator: torch.Generator
) -> Letters:
    """Return paths from a uniform first letter; rows of weights need not sum to 1."""
    path = [torch.randint(len(transitions), (n,), generator=generator)]
    for _ in range(length - 1):
        following = torch.multinomial(transitions[path[-1]], 1, generator=generator)
        path.append(following.squeeze(1))
    return torch.stack(path, 1)


def _mutated(designs: Letters, letters: int, generator: torch.Generator) -> Letters:
    """Return each design with one to three sites set to uniform letters."""
    n, length = designs.shape
    sites = torch.rand((n, length), generator=generator).argsort(1)[:, :3]
    changed = torch.randint(letters, (n, 3), generator=generator)
    beyond = torch.arange(3) > torch.randint(3, (n, 1), generator=generator)
    return designs.scatter(1, sites, changed.where(~beyond, designs.gather(1, sites)))
