"""A smooth network on points: Langevin proposals need a gradient that does not jump."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from designlib.randomness import torch_generator

__all__ = ["PointNetwork"]

_INITIAL_OUTPUT_SCALE = 0.1


class PointNetwork(nn.Module):
    """Two hidden layers of SiLU units on points times a fixed factor.

    Parameters
    ----------
    variables
        Columns of a point.
    width
        Units of each hidden layer.
    factor
        What points are multiplied with first, so that typical differences are about 1.
    seed
        Decides the initial parameters; the last layer starts near zero, so f_0 is nearly constant.
    """

    def __init__(self, variables: int, width: int, factor: float, seed: int) -> None:
        super().__init__()
        self.factor = factor
        self.hidden = nn.Sequential(
            nn.Linear(variables, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )
        self.output = nn.Linear(width, 1)
        generator = torch_generator(seed, "initialisation")
        with torch.no_grad():
            for layer in (*self.hidden, self.output):
                if isinstance(layer, nn.Linear):
                    bound = 1 / math.sqrt(layer.in_features)
                    layer.weight.uniform_(-bound, bound, generator=generator)
                    layer.bias.uniform_(-bound, bound, generator=generator)
            self.output.weight.mul_(_INITIAL_OUTPUT_SCALE)
            self.output.bias.zero_()

    def forward(self, points: Tensor) -> Tensor:
        """Return one score per point."""
        return self.output(self.hidden(self.factor * points)).squeeze(1)
