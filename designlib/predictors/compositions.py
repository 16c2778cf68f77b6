"""Predictors of compositions: smooth networks on the shares of their components."""

from __future__ import annotations

from torch import nn

from designlib.predictors.networks import NetworkConfig
from designlib.predictors.point_network import PointNetwork
from designlib.spaces import SimplexSpace

__all__ = ["build_composition_network"]

_FACTOR = 10.0
"""What shares are multiplied with: a step of 10 % is then 1, about the scale of one unit."""


def build_composition_network(
    config: NetworkConfig, space: SimplexSpace, *, seed: int
) -> nn.Module:
    """Return a freshly initialised network from shares to one score per composition.

    Two hidden layers of SiLU units, whatever architecture the configuration names: its gradient
    by the shares does not jump, as Langevin and transfer proposals need. The last layer starts
    near zero, so that f_0 is close to a constant.
    """
    return PointNetwork(space.columns, config.width, _FACTOR, seed)
