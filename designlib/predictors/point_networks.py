"""Predictors of compositions and mixed designs: smooth networks on shares, quantities, choices.

Their gradient by the design does not jump, as Langevin and transfer proposals need.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from designlib.config import NetworkConfig
from designlib.notation import PROPERTIES
from designlib.predictors.networks import initialise
from designlib.spaces import BoxSpace, LevelSpace, MixedSpace, SimplexSpace
from designlib.types import InputError, Points

FACTOR = 10.0
"""What shares are multiplied with: a step of 10 % is then 1, about the scale of one unit."""

_SMALLEST_VARIANCE = 1e-4
"""Added to variances of standardised properties, so that their roots have a gradient at 0."""
_DEVIATION = 1 / math.sqrt(12)
"""Standard deviation of a number that is uniform between 0 and 1."""


def build_point_network(
    config: NetworkConfig, space: SimplexSpace | MixedSpace, *, seed: int
) -> nn.Module:
    """Return a freshly initialised network from designs as ``relax`` gives them to one score each.

    Two hidden layers of SiLU units, whatever architecture the configuration names. Shares are
    multiplied by 10; values in their units are standardised so that uniform ones between the limits
    have mean 0 and deviation 1; one-hot rows are taken as they are.

    Raises InputError for features of elements where there is no composition, or a component is no
    element.
    """
    elements = None
    if config.composition_features == "elements":
        if not space.components:
            raise InputError(
                "composition_features: features of elements are asked for, and the designs have no "
                "composition"
            )
        elements = ElementFeatures(space.components)
    if isinstance(space, MixedSpace):
        return _MixedNetwork(space, elements, config.width, seed)
    if elements is None:
        return PointNetwork(space.columns, config.width, FACTOR, seed)
    return _CompositionNetwork(space, elements, config.width, seed)


class PointNetwork(nn.Module):
    """Two hidden layers of SiLU units, ``width`` each, on points of so many ``variables``.

    Points are first multiplied by ``factor``, so that typical differences are about 1. The last
    layer starts near zero, so f_0 is nearly constant.
    """

    def __init__(self, variables: int, width: int, factor: float, seed: int) -> None:
        super().__init__()
        self.factor = factor
        self.hidden = nn.Sequential(
            nn.Linear(variables, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )
        self.output = nn.Linear(width, 1)
        initialise(self, self.output, seed)

    def forward(self, points: Tensor) -> Tensor:
        """Return one score per point."""
        return self.output(self.hidden(self.factor * points)).squeeze(1)


class ElementFeatures(nn.Module):
    r"""Mean and deviation of the properties of elements, weighted with their shares.

    With z_ip the property p of element i, standardised over all elements of
    `designlib.notation.elements`, and shares x_i,

    .. math:: m_p = \sum_i x_i z_{ip}, \qquad s_p = \sqrt{\sum_i x_i (z_{ip} - m_p)^2 + 10^{-4}},

    smooth functions of the shares. Such statistics are common features of compositions (Ward et
    al., npj Computational Materials 2, 16028, 2016).

    Raises InputError for a component that is no element of the table.
    """

    properties: Tensor

    def __init__(self, components: Sequence[str]) -> None:
        super().__init__()
        unknown = [name for name in components if name not in PROPERTIES]
        if unknown:
            raise InputError(
                f"component {unknown[0]!r} is no element with known properties; features of "
                "elements need the symbols of elements from H to Cm, other components take shares"
            )
        table = torch.tensor(list(PROPERTIES.values()), dtype=torch.float64)
        standard = (table - table.mean(0)) / table.std(0)
        rows = [list(PROPERTIES).index(name) for name in components]
        self.register_buffer("properties", standard[rows].float(), persistent=False)

    @property
    def columns(self) -> int:
        """Number of features."""
        return 2 * self.properties.shape[1]

    def forward(self, shares: Points) -> Float[Tensor, "designs features"]:
        """Return means, then deviations, of each composition."""
        properties = self.properties.to(shares)
        mean = shares @ properties
        # E[z^2] - E[z]^2 can be just below 0; the shares sum to one.
        variance = (shares @ properties.square() - mean.square()).clamp(min=0)
        return torch.cat([mean, (variance + _SMALLEST_VARIANCE).sqrt()], 1)


class _CompositionNetwork(nn.Module):
    """A network on shares and on the features of elements."""

    def __init__(
        self, space: SimplexSpace, features: ElementFeatures, width: int, seed: int
    ) -> None:
        super().__init__()
        self.features = features
        self.network = PointNetwork(space.columns + features.columns, width, 1.0, seed)

    def forward(self, shares: Tensor) -> Tensor:
        return self.network(torch.cat([FACTOR * shares, self.features(shares)], 1))


class _MixedNetwork(nn.Module):
    """A network on inputs that are shifted and scaled, and on the features of elements."""

    centre: Tensor
    scale: Tensor

    def __init__(
        self, space: MixedSpace, elements: ElementFeatures | None, width: int, seed: int
    ) -> None:
        super().__init__()
        centre, scale = _standards(space)
        self.register_buffer("centre", centre, persistent=False)
        self.register_buffer("scale", scale, persistent=False)
        self.components = len(space.components)
        self.elements = elements
        columns = len(centre) + (0 if elements is None else elements.columns)
        self.network = PointNetwork(columns, width, 1.0, seed)

    def forward(self, designs: Tensor) -> Tensor:
        columns = [(designs - self.centre) / self.scale]
        if self.elements is not None:
            columns.append(self.elements(designs[:, : self.components]))
        return self.network(torch.cat(columns, 1))


def _standards(space: MixedSpace) -> tuple[Tensor, Tensor]:
    """Return what is subtracted from each input, and what the difference is divided by."""
    uniform = {
        one.name: ((one.low + one.high) / 2, _DEVIATION * (one.high - one.low))
        for one in space.quantities
    }
    pairs: list[tuple[float, float]] = []
    for part in space.subspaces:
        if isinstance(part.space, SimplexSpace):
            pairs += [(0.0, 1 / FACTOR)] * part.space.columns
        elif isinstance(part.space, BoxSpace):
            pairs += [uniform[name] for name in part.space.labels]
        elif isinstance(part.space, LevelSpace):
            for levels in part.space.variables:
                one_hot = [(0.0, 1.0)] * levels.width
                pairs += [uniform[levels.name]] if levels.numbers else one_hot
    centre, scale = zip(*pairs, strict=True)
    return torch.tensor(centre), torch.tensor(scale)
