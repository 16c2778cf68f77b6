"""Predictors of mixed designs: smooth networks on a composition, quantities and choices."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from designlib.config import NetworkConfig
from designlib.predictors.compositions import FACTOR, ElementFeatures
from designlib.predictors.point_network import PointNetwork
from designlib.spaces import BoxSpace, LevelSpace, MixedSpace, SimplexSpace
from designlib.types import InputError

__all__ = ["build_mixed_network"]

_DEVIATION = 1 / math.sqrt(12)
"""Standard deviation of a number that is uniform between 0 and 1."""


class _Standardised(nn.Module):
    """A network on inputs that are shifted and scaled, and on the features of elements."""

    centre: Tensor
    scale: Tensor

    def __init__(self, space: MixedSpace, elements: ElementFeatures | None) -> None:
        super().__init__()
        centre, scale = _standards(space)
        self.register_buffer("centre", centre, persistent=False)
        self.register_buffer("scale", scale, persistent=False)
        self.components = len(space.components)
        self.elements = elements
        self.network: nn.Module = nn.Identity()

    @property
    def columns(self) -> int:
        """Number of inputs of the network."""
        return len(self.centre) + (0 if self.elements is None else self.elements.columns)

    def forward(self, designs: Tensor) -> Tensor:
        """Return one score per design."""
        columns = [(designs - self.centre) / self.scale]
        if self.elements is not None:
            columns.append(self.elements(designs[:, : self.components]))
        return self.network(torch.cat(columns, 1))


def build_mixed_network(config: NetworkConfig, space: MixedSpace, *, seed: int) -> nn.Module:
    """Return a freshly initialised network from mixed designs to one score each.

    It takes what `MixedSpace.relax` gives: shares, which it multiplies as networks of compositions
    do; values in their units, which it standardises so that uniform ones between the limits have
    mean 0 and deviation 1; and one-hot rows as they are. Its layers are those of compositions.

    Raises InputError for features of elements where there is no composition, or a component is no
    element.
    """
    elements = None
    if config.composition_features == "elements":
        if space.composition is None:
            raise InputError(
                "composition_features: features of elements are asked for, and the designs have no "
                "composition"
            )
        elements = ElementFeatures(space.components)
    network = _Standardised(space, elements)
    network.network = PointNetwork(network.columns, config.width, 1.0, seed)
    return network


def _standards(space: MixedSpace) -> tuple[Tensor, Tensor]:
    """Return what is taken from each input, and what it is then divided by."""
    limits = {quantity.name: (quantity.low, quantity.high) for quantity in space.quantities}
    centre: list[float] = []
    scale: list[float] = []

    def add(name: str) -> None:
        low, high = limits[name]
        centre.append((low + high) / 2)
        scale.append(_DEVIATION * (high - low))

    for part in space.parts:
        if isinstance(part.space, SimplexSpace):
            centre += [0.0] * part.space.columns
            scale += [1 / FACTOR] * part.space.columns
        elif isinstance(part.space, BoxSpace):
            for name in part.space.labels:
                add(name)
        elif isinstance(part.space, LevelSpace):
            for levels in part.space.variables:
                if levels.numbers:
                    add(levels.name)
                else:
                    centre += [0.0] * levels.width
                    scale += [1.0] * levels.width
    return torch.tensor(centre), torch.tensor(scale)
