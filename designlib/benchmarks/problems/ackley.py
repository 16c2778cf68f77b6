r"""Ackley's function in ten variables: a wide funnel covered with local optima.

For x in [-32.768, 32.768]^d,

.. math:: A(x) = -20 \exp\Big(-0.2 \sqrt{\tfrac{1}{d} \textstyle\sum_i x_i^2}\Big)
          - \exp\Big(\tfrac{1}{d} \textstyle\sum_i \cos 2 \pi x_i\Big) + 20 + e

is smallest at 0, where it is 0 (Ackley, "A Connectionist Machine for Genetic Hillclimbing", 1987).
It is to be minimised: the value of a design is -A(x).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from torch import nn

from designlib.benchmarks.problems.base import ValuedProblem
from designlib.config import TrainingConfig
from designlib.predictors import PointNetwork
from designlib.randomness import torch_generator
from designlib.spaces import BoxSpace
from designlib.types import Points, Scores

_HALF_WIDTH = 32.768
_WIDTH = 128


@dataclass(frozen=True)
class Ackley(ValuedProblem):
    """The minimum of Ackley's function, learned from uniformly random points.

    In many dimensions random points are all far from the minimum, so the predictor sees the
    outer slope of the funnel only, under ripples that it cannot resolve.

    Attributes
    ----------
    variables
        Number of variables.
    rows
        Points that the predictor may see.
    """

    variables: int = 10
    rows: int = 10_000
    training: TrainingConfig = field(
        default=TrainingConfig(
            members=1, emphasis=0.0, steps=2000, batch_size=128, weight_decay=0.01
        ),
        repr=False,
    )

    constraint = None

    @property
    def name(self) -> str:
        """What the problem is called."""
        return f"ackley{self.variables}"

    @property
    def space(self) -> BoxSpace:
        """The box."""
        return BoxSpace.cube(self.variables, -_HALF_WIDTH, _HALF_WIDTH)

    def network(self, seed: int) -> nn.Module:
        """Return the predictor before training, which is smooth, for MALA."""
        return PointNetwork(self.variables, _WIDTH, 1 / _HALF_WIDTH, seed)

    def value(self, designs: Points) -> Scores:
        """Return -A(x), float64."""
        x = designs.double()
        funnel = -20 * (-0.2 * x.square().mean(1).sqrt()).exp()
        ripples = -(2 * math.pi * x).cos().mean(1).exp()
        return -(funnel + ripples + 20 + math.e)

    def training_data(self, seed: int) -> tuple[Points, Scores]:
        """Return uniformly random points of the box with their values."""
        points = self.space.random(self.rows, torch_generator(seed, "points", self.name))
        return points, self.oracle(points)
