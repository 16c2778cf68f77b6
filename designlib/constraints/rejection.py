"""A constraint that is only known as a yes or no for whole designs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from designlib.spaces import Space
from designlib.types import Designs, InputError


class Rejection:
    """Designs of any space that a function accepts, where no mask can say which moves stay inside.

    A kernel learns only whether a proposal is accepted, and refuses it if not; that
    is exact, but each refused proposal is a step in which the chain stays.

    Parameters
    ----------
    space
        The space of the designs.
    accepts
        Map from designs (designs, columns) to bool (designs,). Rows must not depend on
        each other. Not called without designs.
    name
        What the constraint is called in messages and in the candidate table.
    reason
        What is wrong with a design that is not accepted, for messages.

    Raises
    ------
    InputError
        Only where designs are checked: the function returns another type or shape.

    Examples
    --------
    >>> from designlib.spaces import BoxSpace
    >>> space = BoxSpace.cube(2, -1.0, 1.0)
    >>> disc = Rejection(space, lambda x: x.norm(dim=1) <= 1, "disc", "out of the disc")
    >>> disc.violations(torch.tensor([[0.5, 0.5], [0.9, 0.9]]))
    ['', 'out of the disc']
    """

    def __init__(
        self,
        space: Space,
        accepts: Callable[[Designs], Bool[Tensor, "designs"]],
        name: str = "rejection",
        reason: str = "the design is not accepted",
    ) -> None:
        self.space, self.name, self.reason = space, name, reason
        self._accepts = accepts

    def conflicts(self, designs: Designs) -> Int[Tensor, "designs"]:
        """Return 1 for each design that is not accepted."""
        return (~self.satisfied(designs)).long()

    def satisfied(self, designs: Designs) -> Bool[Tensor, "designs"]:
        """Return which designs are accepted; raise InputError unless the function says so."""
        n = designs.shape[0]
        if n == 0:
            return torch.ones(0, dtype=torch.bool, device=designs.device)
        fine = self._accepts(designs)
        if not isinstance(fine, Tensor) or fine.dtype != torch.bool or fine.shape != (n,):
            raise InputError(
                f"the function of the constraint {self.name!r} returned {_kind(fine)}; a bool "
                f"tensor of shape {(n,)}, one flag per design, is needed"
            )
        return fine

    def violations(self, designs: Designs) -> list[str]:
        """Return the reason for each design that is not accepted."""
        return ["" if fine else self.reason for fine in self.satisfied(designs).tolist()]


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return f"{value.dtype} of shape {tuple(value.shape)}"
    return f"a {type(value).__name__}"
