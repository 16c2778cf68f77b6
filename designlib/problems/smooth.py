"""A smooth network on points: continuous kernels follow its gradient."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from designlib.randomness import torch_generator
from designlib.spaces import BoxSpace, Space
from designlib.types import Points, Scores

__all__ = ["SmoothMlp"]

_INITIAL_OUTPUT_SCALE = 0.1


class SmoothMlp(nn.Module):
    """Two hidden layers of sigmoid-weighted linear units on points.

    The variables of a bounded box are scaled to -1 to 1. The last layer starts near zero, so
    that f_0 is close to constant.

    Parameters
    ----------
    space
        The space of the points.
    width
        Units in each hidden layer.
    seed
        Decides the initial weights.
    """

    middle: Tensor
    half_width: Tensor

    def __init__(self, space: Space, width: int, seed: int) -> None:
        super().__init__()
        middle, half_width = _frame(space)
        self.register_buffer("middle", middle, persistent=False)
        self.register_buffer("half_width", half_width, persistent=False)
        layers = [nn.Linear(space.columns, width), nn.Linear(width, width), nn.Linear(width, 1)]
        generator = torch_generator(seed, "initialisation")
        for layer in layers:
            # As torch would, but from an explicit generator.
            bound = 1 / math.sqrt(layer.in_features)
            with torch.no_grad():
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.uniform_(-bound, bound, generator=generator)
        self.hidden = nn.Sequential(layers[0], nn.SiLU(), layers[1], nn.SiLU())
        self.output = layers[2]
        with torch.no_grad():
            self.output.weight.mul_(_INITIAL_OUTPUT_SCALE)
            self.output.bias.zero_()

    def forward(self, points: Points) -> Scores:
        """Return one score per point."""
        scaled = (points - self.middle) / self.half_width
        return self.output(self.hidden(scaled)).squeeze(1)


def _frame(space: Space) -> tuple[Tensor, Tensor]:
    """Return the middle and half the width of each variable; 0 and 1 where it is not bounded."""
    if not isinstance(space, BoxSpace):
        return torch.zeros(space.columns), torch.ones(space.columns)
    lower, upper = space.limits()
    bounded = lower.isfinite() & upper.isfinite()
    middle = ((lower + upper) / 2).where(bounded, 0.0)
    half_width = ((upper - lower) / 2).where(bounded, 1.0)
    return middle.float(), half_width.float()
