"""Predictors of compositions: smooth networks on the shares of their components."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from designlib.config import NetworkConfig
from designlib.notation import PROPERTIES
from designlib.predictors.point_network import PointNetwork
from designlib.spaces import SimplexSpace
from designlib.types import InputError, Points

__all__ = ["FACTOR", "ElementFeatures", "build_composition_network"]

FACTOR = 10.0
"""What shares are multiplied with: a step of 10 % is then 1, about the scale of one unit."""

_SMALLEST_VARIANCE = 1e-4
"""Added to variances of standardised properties, so that their roots have a gradient at 0."""


class ElementFeatures(nn.Module):
    r"""Mean and deviation of the properties of elements, weighted with their shares.

    With z_ip the property p of element i, standardised over all elements of
    `designlib.notation.elements`, and shares x_i,

    .. math:: m_p = \sum_i x_i z_{ip}, \qquad s_p = \sqrt{\sum_i x_i (z_{ip} - m_p)^2 + 10^{-4}},

    smooth functions of the shares. Such statistics are common features of compositions (Ward et
    al., npj Computational Materials 2, 16028, 2016).

    Parameters
    ----------
    components
        Symbols of the elements.

    Raises
    ------
    InputError
        A component that is no element of the table.
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


class _WithFeatures(nn.Module):
    """A network on shares and on the features of elements."""

    def __init__(self, features: ElementFeatures, network: PointNetwork) -> None:
        super().__init__()
        self.features, self.network = features, network

    def forward(self, shares: Tensor) -> Tensor:
        return self.network(torch.cat([FACTOR * shares, self.features(shares)], 1))


def build_composition_network(
    config: NetworkConfig, space: SimplexSpace, *, seed: int
) -> nn.Module:
    """Return a freshly initialised network from shares to one score per composition.

    Two hidden layers of SiLU units, whatever architecture the configuration names: its gradient
    by the shares does not jump, as Langevin and transfer proposals need. The last layer starts
    near zero, so that f_0 is close to a constant.

    Raises InputError for features of elements where a component is none.
    """
    if config.composition_features == "shares":
        return PointNetwork(space.columns, config.width, FACTOR, seed)
    features = ElementFeatures(space.components)
    return _WithFeatures(
        features, PointNetwork(space.columns + features.columns, config.width, 1.0, seed)
    )
