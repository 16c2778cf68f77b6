"""GC content, over the whole design or in every window of it."""

from __future__ import annotations

import math

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.functional import pad

from designlib.constraints.base import Rowwise
from designlib.spaces import SequenceSpace
from designlib.types import DeviceTensors, InputError, Letters, Moves

_ROUNDING = 1e-9


class GCWindow(Rowwise):
    """Designs whose share of G and C lies in a range in every window.

    Parameters
    ----------
    space
        The space of the designs, DNA or RNA.
    low, high
        Smallest and largest share, as fractions from 0 to 1, both included.
    window
        Window length in letters; None for the whole design.

    Raises
    ------
    InputError
        An alphabet without G and C, a range that is empty or outside 0 to 1 or
        between two possible counts, or a window that does not fit.
    """

    name = "gc"

    def __init__(
        self, space: SequenceSpace, low: float, high: float, window: int | None = None
    ) -> None:
        if not {"G", "C"} <= set(space.alphabet.letters):
            raise InputError(f"{space.alphabet.name} has no GC content: it lacks G or C")
        if not 0 <= low <= high <= 1:
            raise InputError(
                f"GC content from {low:g} to {high:g} is not a range; "
                "fractions with 0 <= low <= high <= 1 are needed"
            )
        width = space.length if window is None else window
        if not 1 <= width <= space.length:
            raise InputError(
                f"a GC window of {width} letters does not fit; 1 to {space.length} are possible"
            )
        self.space, self.low, self.high, self.width = space, low, high, width
        self.fewest = math.ceil(low * width - _ROUNDING)
        self.most = math.floor(high * width + _ROUNDING)
        if self.fewest > self.most:
            raise InputError(
                f"no window of {width} letters has a GC content from {low:g} to {high:g}: "
                f"{self.most} of {width} is {self.most / width:.3g}, "
                f"{self.fewest} of {width} is {self.fewest / width:.3g}"
            )
        strong = torch.tensor([letter in "GC" for letter in space.alphabet.letters])
        # What a site may become: nothing, G or C, another letter, anything.
        masks = torch.stack([strong & ~strong, strong, ~strong, strong | ~strong])
        self.strong = strong
        self._tensors = DeviceTensors(strong, strong.float(), masks)

    def allowed_moves(self, letters: Letters) -> Moves:
        """Return the moves after which every window is in range."""
        _, weight, masks = self._tensors.on(letters.device)
        is_strong = weight.take(letters)
        counts = _window_sums(is_strong, self.width)
        reach = self.width - 1
        edge = torch.cat([counts >= self.most, counts <= self.fewest])
        # A window at its limit blocks every site it covers.
        blocked = _window_sums(pad(edge.float(), (reach, reach)), self.width) > 0.5
        full, poor = blocked.chunk(2)
        here = is_strong > 0.5
        kind = (here | ~full) + 2 * ~(here & poor)
        return masks.index_select(0, kind.flatten()).view(*letters.shape, masks.shape[1])

    def conflicts(self, letters: Letters) -> Int[Tensor, "designs"]:
        """Return by how many letters the windows are out of range, summed over windows."""
        counts = self._counts(letters)
        return ((counts - self.most).clamp(min=0) + (self.fewest - counts).clamp(min=0)).sum(1)

    def _sentence(self, row: list[int]) -> str:
        counts = self._counts(torch.tensor([row]))[0].tolist()
        wrong = [s for s, count in enumerate(counts) if not self.fewest <= count <= self.most]
        start = wrong[0]
        more = f" and {len(wrong) - 1} more windows" if len(wrong) > 1 else ""
        return (
            f"GC content {100 * counts[start] / self.width:.3g} % in positions "
            f"{start + 1}-{start + self.width} "
            f"(allowed {100 * self.low:.3g}-{100 * self.high:.3g} %){more}"
        )

    def _counts(self, letters: Letters) -> Int[Tensor, "designs windows"]:
        strong, *_ = self._tensors.on(letters.device)
        return _window_sums(strong[letters].to(torch.int64), self.width)


def _window_sums(values: Tensor, width: int) -> Tensor:
    """Return the sums over every window of ``width`` along the last axis."""
    total = pad(values.cumsum(1), (1, 0))
    return total[:, width:] - total[:, :-width]
