r"""Binding motifs as position weight matrices: how well each window of a DNA matches.

With counts c of letter a at position j, a pseudocount of 1 shared out over the letters and
equal background letters, a window scores

.. math:: s = \sum_j \ln \frac{(c_{ja} + 1/4) / (\sum_b c_{jb} + 1)}{1/4}

in nats (Stormo, Bioinformatics 16, 16, 2000). Only the given strand is read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from designlib.notation import DNA
from designlib.types import InputError, Letters

_GRID = 1000
"""Steps per nat of the grid on which score distributions are computed."""


@dataclass(frozen=True, eq=False)
class Motif:
    """What one transcription factor binds."""

    name: str
    """The factor, such as HNF1A."""
    matrix: str
    """The matrix, such as MA0046.3."""
    probabilities: Float[Tensor, "positions 4"] = field(repr=False)
    """Of each letter at each position of a site, float64."""

    @classmethod
    def from_counts(cls, name: str, matrix: str, counts: Float[Tensor, "positions 4"]) -> Motif:
        """Return the motif of a count matrix.

        Raises InputError for counts that are negative or not finite.
        """
        if not bool((counts.isfinite() & (counts >= 0)).all()):
            raise InputError(f"matrix {matrix}: a count is negative or not a number")
        counts = counts.double() + 1 / len(DNA)
        return cls(name, matrix, counts / counts.sum(1, keepdim=True))

    @property
    def length(self) -> int:
        """The number of positions."""
        return len(self.probabilities)

    @property
    def log_odds(self) -> Float[Tensor, "positions 4"]:
        """Score of each letter at each position, in nats."""
        return (self.probabilities * len(DNA)).log()

    @property
    def consensus(self) -> Int[Tensor, "positions"]:
        """The letters of the site with the highest score, as indices."""
        return self.probabilities.argmax(1)

    @property
    def best_score(self) -> float:
        """The score of the consensus, in nats."""
        return float(self.log_odds.amax(1).sum())

    def scores(self, designs: Letters) -> Float[Tensor, "designs windows"]:
        """Return the score of the window that starts at each site, in nats, float64.

        Raises InputError for designs shorter than the motif.
        """
        windows = designs.shape[1] - self.length + 1
        if windows < 1:
            raise InputError(
                f"a motif of {self.length} positions does not fit into {designs.shape[1]} letters"
            )
        total = torch.zeros((len(designs), windows), dtype=torch.float64)
        for position, row in enumerate(self.log_odds):
            total += row[designs[:, position : position + windows]]
        return total

    def threshold(self, p_value: float) -> float:
        """Return the score that a random window reaches with at most this probability, in nats.

        Exact to 0.001 nat per position for windows of equally probable, independent letters:
        the distribution of the score is built up position by position (Staden, CABIOS 5, 89,
        1989), each contribution rounded up to the grid, so that the probability is never more.

        Raises InputError unless the probability is above 0 and at most 1.
        """
        if not 0 < p_value <= 1:
            raise InputError(f"a p-value of {p_value:g} is not above 0 and at most 1")
        steps = np.ceil(self.log_odds.numpy() * _GRID).astype(int)
        lowest = steps.min(1)
        distribution = np.ones(1)
        for row, low in zip(steps, lowest, strict=True):
            wider = np.zeros(len(distribution) + int(row.max() - low))
            for step in row - low:
                wider[step : step + len(distribution)] += distribution / len(DNA)
            distribution = wider
        reached = distribution[::-1].cumsum()[::-1]
        first = int(np.argmax(reached <= p_value * (1 + 1e-12)))
        if reached[first] > p_value * (1 + 1e-12):
            return math.inf
        return (first + int(lowest.sum())) / _GRID


def read_motifs(text: str) -> dict[str, Motif]:
    """Return the motifs of a text in the JASPAR format, by the name of the factor.

    A matrix is a line ``>matrix name`` and a line ``A [ 1 2 3 ]`` for each of A, C, G and T;
    lines that begin with ``#`` are remarks.

    Raises InputError, naming the matrix, for anything else.
    """
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    motifs: dict[str, Motif] = {}
    for first in range(0, len(lines), 5):
        header, *rows = lines[first : first + 5]
        words = header.removeprefix(">").split()
        if not header.startswith(">") or len(words) != 2:
            raise InputError(f"{header!r} is not a line '>matrix name'")
        matrix, name = words
        if name in motifs:
            raise InputError(f"two matrices are of {name}")
        motifs[name] = Motif.from_counts(name, matrix, _counts(matrix, rows))
    return motifs


def _counts(matrix: str, rows: list[str]) -> Float[Tensor, "positions 4"]:
    if [row[0] for row in rows] != list(DNA.letters):
        raise InputError(f"matrix {matrix}: one row of counts each for A, C, G and T is needed")
    try:
        counts = [[float(c) for c in row[1:].strip(" \t[]").split()] for row in rows]
    except ValueError as error:
        raise InputError(f"matrix {matrix}: {error}") from error
    if not counts[0] or len({len(row) for row in counts}) != 1:
        raise InputError(f"matrix {matrix}: the rows have {[len(row) for row in counts]} counts")
    return torch.tensor(counts, dtype=torch.float64).T.contiguous()
