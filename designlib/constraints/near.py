"""Compositions near good measured ones, where data support a predictor."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from designlib.constraints.base import Rowwise
from designlib.spaces import SimplexSpace
from designlib.types import DeviceTensors, InputError, Points, Scores

_ROUNDING = 1e-5


class NearMeasured(Rowwise):
    """Compositions of which at most a share differs from one of some measured compositions.

    The share that differs is half the sum of the absolute differences: 0.1 where a tenth of one
    composition has to be replaced to get the other. It is to compositions what a Hamming ball is
    to sequences, around many references at once.

    Parameters
    ----------
    space
        The space of the designs.
    measured
        The compositions to stay near, shape (measured, components).
    share
        Largest share that may differ, above 0 and at most 1.

    Raises
    ------
    InputError
        No measured composition, compositions of another space, or a share out of range.

    Examples
    --------
    >>> space = SimplexSpace(("Fe", "Ni", "Co"))
    >>> near = NearMeasured(space, space.encode(["Fe=0.5, Ni=0.5", "Co=1"]), 0.1)
    >>> near.violations(space.encode(["Fe=0.55, Ni=0.45", "Fe=0.5, Co=0.5"]))
    ['', '50 % differ from the nearest of 2 measured compositions (at most 10 %)']
    """

    name = "near_measured"

    def __init__(
        self, space: SimplexSpace, measured: Float[Tensor, "measured components"], share: float
    ) -> None:
        if not len(measured):
            raise InputError("there is no measured composition to stay near")
        if not 0 < share <= 1:
            raise InputError(f"the share that may differ is {share:g}; above 0 to 1 is accepted")
        space.check(measured)
        self.space, self.share, self.references = space, share, len(measured)
        # Of many by many differences the sum is taken in float32, which is fast and exact enough.
        self._measured = DeviceTensors(measured.float())

    def conflicts(self, designs: Points) -> Scores:
        """Return by how much the share that differs is too large."""
        excess = self._distance(designs) - self.share
        return excess.masked_fill(excess <= _ROUNDING, 0.0)

    def _sentence(self, row: list[float]) -> str:
        distance = float(self._distance(torch.tensor([row])))
        return (
            f"{100 * distance:.3g} % differ from the nearest of {self.references} measured "
            f"compositions (at most {100 * self.share:g} %)"
        )

    def _distance(self, designs: Points) -> Scores:
        (measured,) = self._measured.on(designs.device)
        if not len(designs):
            return designs.new_zeros(0)
        return torch.cdist(designs.float(), measured, p=1).amin(1) / 2
