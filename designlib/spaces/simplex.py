"""Compositions: shares of components that sum to one, any real ones or those of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from designlib.spaces.base import require_columns, require_each
from designlib.types import InputError, Points

MOST_GRID_STEPS = 10_000
"""Parts of the finest grid; its shares are told apart in text of six digits."""

_SUM_TOLERANCE = 1e-6
_GRID_TOLERANCE = 1e-6
_READ_TOLERANCE = 1e-4
_RESERVED = set("=,;")


@dataclass(frozen=True)
class SimplexSpace:
    """Shares of named components, none negative, that sum to one.

    Raises InputError for fewer than two components, a name given twice or with one of the
    characters ``=,;``, or grid steps that are not 1 to MOST_GRID_STEPS.

    Examples
    --------
    >>> SimplexSpace(("Fe", "Ni", "Co")).decode(torch.tensor([[0.5, 0.5, 0.0]]))
    ['Fe=0.5, Ni=0.5']
    >>> grid = SimplexSpace(("Fe", "Ni", "Co"), grid_steps=10)
    >>> grid.decode(grid.on_grid(torch.tensor([[0.52, 0.34, 0.14]], dtype=torch.float64)))
    ['Fe=0.5, Ni=0.4, Co=0.1']
    """

    components: tuple[str, ...]
    """Names of the components, at least two and all different."""
    grid_steps: int | None = None
    """Shares are whole multiples of 1 / ``grid_steps``, as they can be weighed out: 10 for steps of
    10 %. None for any real shares.
    """

    def __post_init__(self) -> None:
        if len(self.components) < 2:
            raise InputError(
                f"a composition needs at least two components, not {len(self.components)}"
            )
        for name in self.components:
            if self.components.count(name) > 1:
                raise InputError(f"component {name!r} is given twice")
            if not name or _RESERVED & set(name) or name != name.strip():
                raise InputError(
                    f"component {name!r} cannot be called so: a name has at least one character, "
                    "none of = , ; and no blank at its ends"
                )
        if self.grid_steps is not None and not 1 <= self.grid_steps <= MOST_GRID_STEPS:
            raise InputError(f"a grid has 1 to {MOST_GRID_STEPS} steps, not {self.grid_steps}")

    @property
    def name(self) -> str:
        """What designs of this kind are called."""
        return "composition"

    @property
    def columns(self) -> int:
        """The number of components."""
        return len(self.components)

    def check(self, designs: Points) -> None:
        """Raise InputError unless shares are not negative, sum to 1 and are on the grid."""
        require_columns(designs, self.columns, "components")

        def share(row: int, column: int) -> str:
            return f"{self.components[column]} = {float(designs[row, column]):g}"

        require_each(
            (designs >= 0) & designs.isfinite(),
            lambda *at: f"{share(*at)}; shares from 0 to 1 are accepted",
        )
        sums = designs.double().sum(1)
        uneven = ((sums - 1).abs() > _SUM_TOLERANCE).nonzero()[:, 0]
        if len(uneven):
            row = int(uneven[0])
            raise InputError(
                f"the shares of design {row + 1} sum to {float(sums[row]):.7g}; they must sum to 1"
            )
        if (steps := self.grid_steps) is None:
            return
        between = designs.double() * steps
        require_each(
            (between - between.round()).abs() <= _GRID_TOLERANCE * steps,
            lambda *at: (
                f"{share(*at)}, which is not on the grid; whole multiples of {1 / steps:g} are "
                "accepted"
            ),
        )

    def encode(self, designs: Sequence[str]) -> Points:
        """Return the shares, float64, of compositions written as ``decode`` writes them.

        Raises InputError naming the first composition that is not of this space.
        """
        place = {name: column for column, name in enumerate(self.components)}
        shares = torch.zeros(len(designs), self.columns, dtype=torch.float64)
        for row, design in enumerate(designs):
            for pair in design.split(","):
                name, _, text = pair.strip().rpartition("=")
                if name not in place:
                    raise InputError(
                        f"composition {row + 1} ({design!r}): {pair.strip()!r} is no share of a "
                        f"component; pairs such as {self.components[0]}=0.5 are accepted, of "
                        f"{', '.join(self.components)}"
                    )
                try:
                    shares[row, place[name]] = float(text)
                except ValueError:
                    raise InputError(
                        f"composition {row + 1} ({design!r}): {text!r} is not a number"
                    ) from None
        sums = shares.sum(1, keepdim=True)
        # What is written in six digits sums to 1 only nearly.
        even = (sums - 1).abs() <= _READ_TOLERANCE
        shares = torch.where(even, shares / sums, shares)
        if self.grid_steps is not None:
            near = (shares * self.grid_steps).round() / self.grid_steps
            shares = near.where((near - shares).abs() <= _GRID_TOLERANCE, shares)
        self.check(shares)
        return shares

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
        """Return ``n`` uniform compositions in float64.

        Real ones are Dirichlet with all parameters 1; on a grid each composition of the grid is as
        likely: between the parts, columns - 1 dividers are put at random (stars and bars).
        """
        if self.grid_steps is not None:
            places = self.grid_steps + self.columns - 1
            noise = torch.rand((n, places), generator=generator, dtype=torch.float64)
            dividers = noise.argsort(1)[:, : self.columns - 1].sort(1).values
            ends = torch.nn.functional.pad(dividers, (1, 0), value=-1)
            ends = torch.nn.functional.pad(ends, (0, 1), value=places)
            return (ends.diff(dim=1) - 1).double() / self.grid_steps
        shape = (n, self.columns)
        uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
        amounts = -torch.log1p(-uniform)
        return amounts / amounts.sum(1, keepdim=True)

    def amounts(self, designs: Points) -> Int[Tensor, "designs components"]:
        """Return the shares of designs of the grid in parts, int64; raise InputError without one.

        >>> SimplexSpace(("Fe", "Ni"), grid_steps=10).amounts(torch.tensor([[0.3, 0.7]])).tolist()
        [[3, 7]]
        """
        return (designs.double() * self._grid).round().long()

    def on_grid(self, designs: Points) -> Points:
        """Return each composition rounded to the grid, float64, its shares still summing to one.

        By largest remainders: all shares are rounded down, and the parts that are left go to those
        that lost most, the first of equals. A component without a share gets none.
        """
        exact = designs.double() * self._grid
        # What is on the grid but for rounding stays where it is.
        whole = (exact + _GRID_TOLERANCE).floor()
        left = (self._grid - whole.sum(1, keepdim=True)).round()
        order = (exact - whole).argsort(dim=1, descending=True, stable=True)
        counting = torch.arange(order.shape[1], device=order.device).expand_as(order)
        place = torch.zeros_like(order).scatter(1, order, counting)
        return (whole + (place < left)) / self._grid

    @property
    def _grid(self) -> int:
        if self.grid_steps is None:
            raise InputError("these compositions have any real shares; a grid is needed")
        return self.grid_steps
