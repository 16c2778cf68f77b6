"""Compositions: shares of components that sum to one."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from designlib.types import InputError, Points

__all__ = ["SimplexSpace"]

_SUM_TOLERANCE = 1e-6


@dataclass(frozen=True)
class SimplexSpace:
    """Shares of named components, none negative, that sum to one.

    Parameters
    ----------
    components
        Names of the components, at least two and all different.

    Raises
    ------
    InputError
        Fewer than two components, or a name given twice.

    Examples
    --------
    >>> SimplexSpace(("Fe", "Ni", "Co")).decode(torch.tensor([[0.5, 0.5, 0.0]]))
    ['Fe=0.5, Ni=0.5']
    """

    components: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.components) < 2:
            raise InputError(
                f"a composition needs at least two components, not {len(self.components)}"
            )
        for name in self.components:
            if self.components.count(name) > 1:
                raise InputError(f"component {name!r} is given twice")

    @property
    def columns(self) -> int:
        """The number of components."""
        return len(self.components)

    def check(self, designs: Points) -> None:
        """Raise InputError for a wrong number of components, a negative share or another sum."""
        if designs.shape[1] != self.columns:
            raise InputError(
                f"the designs have {designs.shape[1]} components; {self.columns} are needed"
            )
        wrong = (~((designs >= 0) & designs.isfinite())).nonzero()
        if len(wrong):
            row, column = wrong[0].tolist()
            raise InputError(
                f"design {row + 1} has {self.components[column]} = "
                f"{float(designs[row, column]):g}; shares from 0 to 1 are accepted"
            )
        sums = designs.double().sum(1)
        uneven = ((sums - 1).abs() > _SUM_TOLERANCE).nonzero()[:, 0]
        if len(uneven):
            row = int(uneven[0])
            raise InputError(
                f"the shares of design {row + 1} sum to {float(sums[row]):.7g}; they must sum to 1"
            )

    def decode(self, designs: Points) -> list[str]:
        """Return each design as ``component=share`` pairs, components without a share left out."""
        return [
            ", ".join(f"{n}={v:.6g}" for n, v in zip(self.components, row, strict=True) if v > 0)
            for row in designs.tolist()
        ]

    def relax(self, designs: Points, dtype: torch.dtype = torch.float32) -> Points:
        """Return a copy of the designs in the given floating type."""
        return designs.to(dtype, copy=True)

    def random(self, n: int, generator: torch.Generator) -> Points:
        """Return ``n`` uniform compositions in float64 (Dirichlet with all parameters 1)."""
        shape = (n, self.columns)
        uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
        amounts = -torch.log1p(-uniform)
        return amounts / amounts.sum(1, keepdim=True)
