"""Compositions as a lab makes them: amounts of components in percent."""

from __future__ import annotations

from designlib.spaces import DesignSpace, SimplexSpace
from designlib.types import Designs

__all__ = ["component_columns"]


def component_columns(space: DesignSpace, designs: Designs) -> dict[str, list[float]]:
    """Return the amount of each component in %, as columns ``component_<name>``.

    Those of a design on a grid sum to 100 exactly. Nothing for sequences.

    >>> import torch
    >>> space = SimplexSpace(("Fe", "Ni"), parts=10)
    >>> component_columns(space, torch.tensor([[0.3, 0.7]]))
    {'component_Fe': [30.0], 'component_Ni': [70.0]}
    """
    if not isinstance(space, SimplexSpace):
        return {}
    if space.parts is None:
        percent = 100 * designs.double()
    else:
        percent = 100 * space.amounts(designs).double() / space.parts
    return {
        f"component_{name}": column
        for name, column in zip(space.components, percent.T.tolist(), strict=True)
    }
