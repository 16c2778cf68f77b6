r"""Choosing a batch that is good and diverse at once, by greedy gains; for long lists by blocks.

Designs have a quality :math:`q_i \ge 0`, more is better, and a similarity :math:`s_{ij}` from 0 to
1 that falls with their distance. Two set functions, both taken greedily:

facility_location
    :math:`\sum_i q_i \max_{j \in S} s_{ij} + \sum_{j \in S} q_j`, how well the batch S
    represents the good designs of the list. Monotone and submodular, so greedy is within 1 - 1/e
    of the best (Nemhauser, Wolsey and Fisher 1978).
determinantal
    :math:`\log \det L_S` with :math:`L_{ij} = e^{(a_i + a_j) / 2} s_{ij}`, the mode of a
    determinantal point process (Kulesza and Taskar 2012) in standardised acquisitions a, with the
    incremental Cholesky factor of Chen, Zhang and Zhou (NeurIPS 2018).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int

Quota: TypeAlias = tuple[Sequence[object], int]
"""A label for each row, None for none, and how many rows of one label may be taken."""

Similarity: TypeAlias = Callable[[Sequence[int]], Float[np.ndarray, "rows designs"]]
"""The similarity of a few rows of the list to all of it, from 0 to 1, 1 for the same design."""

_BLOCK = 512
_SCREENED = 256


def choose_representative(
    quality: Float[np.ndarray, "designs"],
    similarity: Similarity,
    wanted: int,
    quotas: Sequence[Quota] = (),
) -> list[int]:
    """Return rows in the order in which they are taken by facility location.

    ``quality`` is standardised acquisition. A long list is represented by 256 designs, evenly
    along it, so memory stays near 200 MB for 100,000 designs. A gain only ever shrinks, so only
    rows whose old gain could still be the largest are counted again, by blocks (Minoux 1978).
    """
    value = np.exp(np.clip(quality, -20, 20))
    shown = np.unique(np.linspace(0, len(quality) - 1, min(_SCREENED, len(quality))).astype(int))
    # float32 halves the memory and the time.
    towards = np.ascontiguousarray(similarity(shown.tolist()).T, dtype=np.float32)
    importance = (value[shown] / value[shown].sum()).astype(np.float32)
    bonus = value / value.max() / max(1, wanted)
    covered = np.zeros(len(shown), dtype=np.float32)
    limits = _Limits(quotas, len(quality))
    bounds = towards @ importance + bonus
    while len(limits.taken) < wanted:
        row = limits.best(bounds)
        while row is not None:
            # The rows that could be best, a block of them, and what each gains by now.
            block = limits.largest(bounds, _BLOCK)
            rows = sorted(block)
            bounds[rows] = np.maximum(towards[rows] - covered, 0) @ importance + bonus[rows]
            row = limits.best(bounds)
            if row in block:
                break
        if row is None:
            break
        limits.take(row)
        covered = np.maximum(covered, towards[row])
    return limits.taken


def choose_determinantal(
    quality: Float[np.ndarray, "designs"],
    similarity: Similarity,
    wanted: int,
    quotas: Sequence[Quota] = (),
) -> list[int]:
    """Return rows in the order in which greedy maximisation of log det L takes them.

    ``quality`` is standardised acquisition. It ends early where no further row adds volume: where
    all that is left is like something taken.
    """
    root = np.exp(np.clip(quality, -40, 40) / 2)
    left = root**2
    factors = np.zeros((0, len(quality)))
    limits = _Limits(quotas, len(quality))
    while len(limits.taken) < wanted:
        row = limits.best(np.where(left > _RANK_FLOOR * root**2, left, -np.inf))
        if row is None:
            break
        column = root * similarity([row])[0] * root[row]
        factor = (column - factors[:, row] @ factors) / np.sqrt(left[row])
        factors = np.vstack([factors, factor])
        left = np.maximum(left - factor**2, 0.0)
        limits.take(row)
    return limits.taken


_RANK_FLOOR = 1e-9
"""Share of a row's own volume that has to be left of it."""


class SpacedChoice:
    """Rows of ranked lists that keep a distance from each other.

    Attributes
    ----------
    taken
        Rows in the order in which they were taken.
    taken_at
        The distance required when each was taken.
    """

    def __init__(
        self, distances: Int[np.ndarray, "designs designs"], quotas: Sequence[Quota] = ()
    ) -> None:
        self._limits = _Limits(quotas, len(distances))
        self.taken, self.taken_at = self._limits.taken, list[int]()
        self._distances = distances
        self._nearest = np.full(len(distances), np.iinfo(np.int32).max, dtype=np.int32)

    def take(self, order: Int[np.ndarray, "listed"], wanted: int, min_distance: int) -> None:
        """Take up to ``wanted`` further rows of a list, best first.

        When the list ends before enough are taken, the distance is lowered by one letter, down to
        1. Taking a row only ever makes others inadmissible, so no row is passed over for good.
        """
        level, until = min_distance, len(self.taken) + wanted
        while len(self.taken) < until and level >= 1:
            admissible = self._limits.open[order] & (self._nearest[order] >= level)
            if not admissible.any():
                level -= 1
                continue
            row = int(order[admissible.argmax()])
            self._limits.take(row)
            self.taken_at.append(level)
            np.minimum(self._nearest, self._distances[row], out=self._nearest)


class _Limits:
    """The rows taken, and which others may still be: ``open``."""

    def __init__(self, quotas: Sequence[Quota], designs: int) -> None:
        self.open = np.ones(designs, dtype=bool)
        self.taken: list[int] = []
        self._quotas = [(np.array(labels, dtype=object), most) for labels, most in quotas]

    def best(self, gains: Float[np.ndarray, "designs"]) -> int | None:
        """Return the admissible row of the largest finite gain, the first of equals."""
        admissible = np.where(self.open, gains, -np.inf)
        row = int(admissible.argmax())
        return row if np.isfinite(admissible[row]) else None

    def largest(self, gains: Float[np.ndarray, "designs"], count: int) -> set[int]:
        """Return so many admissible rows of the largest gains."""
        admissible = np.where(self.open, gains, -np.inf)
        rows = np.argpartition(-admissible, min(count, len(gains)) - 1)[:count]
        return set(rows[np.isfinite(admissible[rows])].tolist())

    def take(self, row: int) -> None:
        """Take a row, and close the group whose quota it fills."""
        self.open[row] = False
        self.taken.append(row)
        for labels, most in self._quotas:
            group = labels == labels[row]
            if labels[row] is not None and group[self.taken].sum() >= most:
                self.open[group] = False
