"""A ball around a reference: at most so many sites differ from it."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor

from designlib.constraints.base import Rowwise
from designlib.spaces import SequenceSpace
from designlib.types import DeviceTensors, InputError, Letters, Moves

_LISTED = 5


class HammingBall(Rowwise):
    """Designs that differ from a reference at no more than ``radius`` sites.

    Parameters
    ----------
    space
        The space of the designs.
    reference
        The centre, a sequence of the space.
    radius
        Largest number of changed sites, from 0 to the length.

    Raises
    ------
    InputError
        The reference is not of the space, or the radius is out of range.
    """

    name = "hamming_ball"

    def __init__(self, space: SequenceSpace, reference: str, radius: int) -> None:
        try:
            centre = space.encode([reference])[0]
        except InputError as error:
            raise InputError(f"the reference is not of this space: {error}") from error
        if not 0 <= radius <= space.length:
            raise InputError(
                f"radius {radius} is out of range: 0 to {space.length} changed sites are possible"
            )
        self.space = space
        self.reference = centre
        self.radius = radius
        changed = centre[:, None] != torch.arange(len(space.alphabet))
        self._tensors = DeviceTensors(centre, changed.to(torch.int64))

    def allowed_moves(self, letters: Letters) -> Moves:
        """Return the moves after which the distance is at most the radius."""
        centre, changed = self._tensors.on(letters.device)
        differs = letters != centre
        # How many changes the site may hold, given all the others.
        room = self.radius - differs.sum(1, keepdim=True) + differs
        return changed <= room.unsqueeze(-1)

    def conflicts(self, letters: Letters) -> Int[Tensor, "designs"]:
        """Return by how many sites the distance exceeds the radius."""
        (centre, _) = self._tensors.on(letters.device)
        return ((letters != centre).sum(1) - self.radius).clamp(min=0)

    def _sentence(self, row: list[int]) -> str:
        names = self.space.alphabet.letters
        pairs = enumerate(zip(self.reference.tolist(), row, strict=True), start=1)
        edits = [f"{site}{names[old]}>{names[new]}" for site, (old, new) in pairs if old != new]
        more = ", ..." if len(edits) > _LISTED else ""
        return (
            f"{len(edits)} changes from the reference (at most {self.radius}): "
            f"{', '.join(edits[:_LISTED])}{more}"
        )
