"""The best designs seen so far, each once, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from designlib.types import Designs, InputError, Scores


@dataclass(frozen=True)
class EliteArchive:
    """Distinct designs with their scores, best first; ties in the order of the designs.

    Examples
    --------
    >>> archive = EliteArchive(2).add(torch.tensor([[0], [1], [0]]), torch.tensor([3.0, 5.0, 3.0]))
    >>> archive = archive.add(torch.tensor([[2]]), torch.tensor([4.0]))
    >>> archive.designs.tolist(), archive.value.tolist()
    ([[1], [2]], [5.0, 4.0])
    """

    capacity: int
    """Largest number of designs kept, at least 1."""
    designs: Designs = field(default_factory=lambda: torch.zeros(0, 0))
    value: Scores = field(default_factory=lambda: torch.zeros(0))
    """What is kept; nothing in a new archive."""

    def __post_init__(self) -> None:
        if self.capacity < 1:
            raise InputError(f"an archive holds at least one design, not {self.capacity}")

    def __len__(self) -> int:
        return len(self.designs)

    def best(self, n: int) -> Designs:
        """Return ``n`` designs, the best first; all of them again where there are fewer."""
        return self.designs[torch.arange(n, device=self.designs.device) % len(self)]

    def add(self, designs: Designs, value: Scores) -> EliteArchive:
        """Return the archive with more designs; of equal ones the best score is kept.

        Raises InputError for a score that is NaN.
        """
        if bool(value.isnan().any()):
            raise InputError("a score is NaN; archived designs need a score")
        if len(self) == self.capacity:
            # What is below the worst cannot enter, and sorting designs is what costs.
            able = value >= self.value[-1]
            if not bool(able.any()):
                return self
            designs, value = designs[able], value[able]
        if len(self):
            designs, value = torch.cat([self.designs, designs]), torch.cat([self.value, value])
        # Distinct designs come sorted, and the stable sort keeps that order among ties.
        distinct, row = designs.unique(dim=0, return_inverse=True)
        lowest = torch.full((len(distinct),), -torch.inf, dtype=value.dtype, device=value.device)
        best = lowest.scatter_reduce(0, row, value, "amax")
        order = best.argsort(descending=True, stable=True)[: self.capacity]
        return EliteArchive(self.capacity, distinct[order], best[order])
