"""Walking down a ranked list and taking designs that are far enough from those already taken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

__all__ = ["Quota", "Walk"]

Quota = tuple[Sequence[object], int]
"""A label for each row, None for none, and how many rows of one label may be taken."""


class Walk:
    """Rows taken so far, and which others are still admissible.

    Attributes
    ----------
    taken
        Rows in the order in which they were taken.
    taken_at
        The distance that was asked for when each was taken.
    """

    def __init__(
        self, distances: Int[np.ndarray, "designs designs"], quotas: Sequence[Quota] = ()
    ) -> None:
        self.taken: list[int] = []
        self.taken_at: list[int] = []
        self._distances = distances
        self._nearest = np.full(len(distances), np.iinfo(np.int32).max, dtype=np.int32)
        self._quotas = [(np.array(labels, dtype=object), most) for labels, most in quotas]

    def take(self, order: Int[np.ndarray, "listed"], wanted: int, min_distance: int) -> None:
        """Take up to ``wanted`` further rows from a list of rows, best first.

        When the list ends before enough are taken, the distance is lowered by one letter and the
        walk begins anew, down to 1. The first admissible row is the one that a walk down the list
        takes next, since taking a design only ever makes others inadmissible.
        """
        level, until = min_distance, len(self.taken) + wanted
        while len(self.taken) < until and level >= 1:
            admissible = self._nearest[order] >= level
            if not admissible.any():
                level -= 1
                continue
            self._add(int(order[admissible.argmax()]), level)

    def _add(self, row: int, level: int) -> None:
        self.taken.append(row)
        self.taken_at.append(level)
        np.minimum(self._nearest, self._distances[row], out=self._nearest)
        for labels, most in self._quotas:
            if labels[row] is not None and (labels[self.taken] == labels[row]).sum() >= most:
                self._nearest[labels == labels[row]] = 0
