r"""DNA that must carry the sites of several transcription factors, with real binding motifs.

Truth: a site of factor m with the log odds s (see `position_weights`) is bound with probability

.. math:: o_m = 1 / (1 + \exp(\theta_m - s)),

the binding isotherm in units of kT, half at the threshold theta_m that a random window reaches
with probability 1e-4. Factors act in modules of two. A module is worth what its strongest sites
are, and more where a site of each lie side by side, g letters apart, in either order:

.. math:: v(x) = \max_p o_A(p) + \max_q o_B(q)
    + J \max_{p, q: 0 \le g \le 30} o_A(p) o_B(q) e^{-|g - g_0| / \lambda}.

The value of a design is the sum over modules divided by its largest possible value, which is known:
in a design with both consensus sites of every module at the gap g_0, every term is at its maximum.

All factors act together in liver. The arrangement and its numbers are ours; they are no model of
a measured enhancer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from designlib.analysis import Motif
from designlib.benchmarks.problems.base import ValuedProblem
from designlib.config import NetworkConfig, TrainingConfig
from designlib.constraints import Constraint, HammingBall
from designlib.notation import DNA
from designlib.randomness import torch_generator
from designlib.selection import true_percentile
from designlib.spaces import SequenceSpace
from designlib.types import InputError, Letters, Scores

HIT_P_VALUE = 1e-4
"""A site counts as present where a random window scores as high with this probability."""

_SYNERGY = 2.0
_BEST_GAP = 5
_LARGEST_GAP = 30
_DECAY = 20.0
_CHUNK = 512
_CANDIDATES = 2048


class Module(NamedTuple):
    """Two factors that act together."""

    first: Motif
    second: Motif

    @property
    def best(self) -> float:
        """Value of both consensus sites at the best gap."""
        a, b = (float(occupancy(m, m.log_odds.amax(1).sum())) for m in self)
        return a + b + _SYNERGY * a * b

    def value(self, designs: Letters) -> Scores:
        """Return what the module adds to each design, at most `best`."""
        first, second = (occupancy(motif, motif.scores(designs)) for motif in self)
        pair = torch.zeros(len(designs), dtype=torch.float64)
        for gap in range(_LARGEST_GAP + 1):
            decay = math.exp(-abs(gap - _BEST_GAP) / _DECAY)
            for left, right, offset in (
                (first, second, self.first.length + gap),
                (second, first, self.second.length + gap),
            ):
                places = min(left.shape[1], right.shape[1] - offset)
                if places > 0:
                    both = left[:, :places] * right[:, offset : offset + places]
                    pair = pair.maximum(decay * both.amax(1))
        return first.amax(1) + second.amax(1) + _SYNERGY * pair


@dataclass(frozen=True, eq=False)
class MotifTask(ValuedProblem):
    """The design of a DNA sequence in which all modules are strong.

    Attributes
    ----------
    modules
        What counts.
    length
        Letters of a design.
    rows
        Designs of the library that are measured for the predictor.
    planted
        Probability that a design of the library has a site of a given factor put into it.
    noise
        Standard deviation of the measurement that the predictor learns from.
    shown
        Share of the library that the predictor may learn from: the worst, by true value.
    library_size
        Designs that percentiles are worked out from.
    radius
        Radius of the Hamming ball around `reference_design`; None for no constraint.

    Raises
    ------
    InputError
        A module does not fit into the length.
    """

    name: str
    modules: tuple[Module, ...]
    length: int
    rows: int
    planted: float
    noise: float = 0.02
    shown: float = 0.99
    library_size: int = 200_000
    radius: int | None = None
    training: TrainingConfig = field(default=TrainingConfig(), repr=False)

    def __post_init__(self) -> None:
        needed = sum(a.length + _BEST_GAP + b.length for a, b in self.modules)
        if needed > self.length:
            raise InputError(f"the modules need {needed} letters; designs have {self.length}")

    @property
    def space(self) -> SequenceSpace:
        """All sequences of the length."""
        return SequenceSpace(DNA, self.length)

    @property
    def constraint(self) -> Constraint | None:
        """The Hamming ball, or None."""
        if self.radius is None:
            return None
        return HammingBall(self.space, self.reference_design, self.radius)

    @property
    def motifs(self) -> tuple[Motif, ...]:
        """The distinct motifs of all modules."""
        return tuple(dict.fromkeys(motif for module in self.modules for motif in module))

    optimum = 1.0

    def value(self, designs: Letters) -> Scores:
        """Return the true values, at most 1, of designs inside or outside the ball."""
        total = sum(module.best for module in self.modules)
        parts = [
            torch.stack([module.value(part) for module in self.modules]).sum(0)
            for part in designs.split(_CHUNK)
        ]
        return torch.cat(parts) / total

    def hits(self, designs: Letters) -> Bool[Tensor, "designs motifs"]:
        """Return which motifs have a site with a p-value of at most 1e-4 in each design."""
        found = [m.scores(designs).amax(1) >= hit_score(m) for m in self.motifs]
        return torch.stack(found, 1)

    def success(self, designs: Letters) -> Bool[Tensor, "designs"]:
        """Return which designs have a site of every motif: the motif hit."""
        return self.hits(designs).all(1)

    def library(self, n: int, seed: int) -> Letters:
        """Return ``n`` designs as a library would have them.

        Random letters; each factor, in random order, with probability ``planted`` gets a site
        drawn from its motif at a random place, which may overwrite part of an earlier one.
        """
        generator = torch_generator(seed, "library", self.name)
        designs = self.space.random(n, generator)
        # The order of the factors decides what is overwritten, so it differs between designs.
        order = torch.rand((n, len(self.motifs)), generator=generator).argsort(1)
        for turn in range(len(self.motifs)):
            for number, motif in enumerate(self.motifs):
                chosen = order[:, turn] == number
                chosen &= torch.rand(n, generator=generator) < self.planted
                rows = chosen.nonzero()[:, 0]
                sites = _draw_sites(motif, len(rows), generator)
                last = self.length - motif.length + 1
                start = torch.randint(last, (len(rows), 1), generator=generator)
                designs[rows[:, None], start + torch.arange(motif.length)] = sites
        return designs

    @cached_property
    def library_values(self) -> Float[np.ndarray, "library"]:
        """True values of a library of its own, that percentiles refer to."""
        return self.value(self.library(self.library_size, _LIBRARY_SEED)).numpy()

    @cached_property
    def ceiling(self) -> float:
        """Largest true value that the predictor may see: a quantile of the library."""
        return float(np.quantile(self.library_values, self.shown))

    def percentiles(self, designs: Letters) -> Float[np.ndarray, "designs"]:
        """Return where designs stand in the library; 100 is above all of it."""
        return true_percentile(self.library_values, self.oracle(designs).numpy())

    def training_data(self, seed: int) -> tuple[Letters, Scores]:
        """Return measured designs, ``rows`` of a library less those above `ceiling`."""
        designs = self.library(self.rows, seed)
        values = self.value(designs)
        shown = values <= self.ceiling
        generator = torch_generator(seed, "measurement", self.name)
        noise = torch.randn(len(values), generator=generator, dtype=torch.float64)
        return designs[shown], (values + self.noise * noise)[shown]

    @cached_property
    def reference_design(self) -> str:
        """The centre of the ball: no site at all, but weak ones of all motifs.

        Of the first 2,048 designs of the library without a site that counts, the one whose
        weakest motif comes closest to it.
        """
        designs = self.library(_CANDIDATES, _LIBRARY_SEED)
        short = [m.scores(designs).amax(1) - hit_score(m) for m in self.motifs]
        nearest, weakest = (torch.stack(short).amax(0), torch.stack(short).amin(0))
        best = int(weakest.where(nearest < 0, -torch.inf).argmax())
        return self.space.decode(designs[best : best + 1])[0]


_LIBRARY_SEED = 2026


def two_motif(motifs: Mapping[str, Motif], radius: int | None = None) -> MotifTask:
    """Return the two-motif task: HNF1A and HNF4A within 60 letters, free or in a Hamming ball.

    The predictor takes the strongest response of a filter over all places, so it does not see how
    far apart two sites are: in the ball it scores designs with a value of 0.5 and of 1.0 alike,
    and which of them a search ends in differs between seeds. (Filters of 36 letters, which hold
    both sites, ranked designs that have both no better: 0.56 against 0.58.)

    Raises InputError where a motif is missing.
    """
    name = "two_motif" if radius is None else f"two_motif_ball{radius}"
    training = _training(NetworkConfig(width=96, filter_length=13), 3000)
    modules = _modules(motifs, ("HNF1A", "HNF4A"))
    return MotifTask(name, modules, 60, 20_000, 0.2, radius=radius, training=training)


def enhancer(motifs: Mapping[str, Motif]) -> MotifTask:
    """Return the enhancer task: three modules of five liver factors within 200 letters.

    The predictor sees 1,000 designs only and is weak.

    Raises InputError where a motif is missing.
    """
    pairs = (("HNF1A", "HNF4A"), ("FOXA2", "CEBPA"), ("ONECUT1", "FOXA2"))
    training = _training(NetworkConfig(width=64, filter_length=9), 1000)
    measured = {"noise": 0.1, "library_size": 50_000}
    modules = _modules(motifs, *pairs)
    return MotifTask("enhancer", modules, 200, 1000, 0.4, **measured, training=training)


def _training(network: NetworkConfig, steps: int) -> TrainingConfig:
    return TrainingConfig(network=network, members=1, emphasis=0.0, steps=steps)


@cache
def hit_score(motif: Motif) -> float:
    """Return the score in nats from which a site counts as present, and is half bound."""
    return motif.threshold(HIT_P_VALUE)


def occupancy(motif: Motif, score: Tensor) -> Tensor:
    """Return the probability that a site with this score, in nats, is bound."""
    return (score.double() - hit_score(motif)).sigmoid()


def _draw_sites(motif: Motif, n: int, generator: torch.Generator) -> Letters:
    uniform = torch.rand((n, motif.length, 1), generator=generator, dtype=torch.float64)
    return (motif.probabilities.cumsum(1)[:, :-1] <= uniform).sum(2)


def _modules(motifs: Mapping[str, Motif], *pairs: tuple[str, str]) -> tuple[Module, ...]:
    for name in (name for pair in pairs for name in pair):
        if name not in motifs:
            raise InputError(f"there is no motif of {name}; given are {', '.join(sorted(motifs))}")
    return tuple(Module(motifs[a], motifs[b]) for a, b in pairs)
