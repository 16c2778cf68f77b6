"""Which of several known modes the designs of a run reach."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from designlib.types import InputError, Letters

__all__ = ["ModeCoverage", "mode_coverage"]


class ModeCoverage(NamedTuple):
    """Which modes were reached.

    Attributes
    ----------
    share
        Share of the modes that at least one design reaches, 0 to 1.
    counts
        Number of designs that reach each mode, int64.
    """

    share: float
    counts: Int[Tensor, "modes"]


def mode_coverage(
    designs: Letters, modes: Int[Tensor, "modes mode_sites"] | Bool[Tensor, "rows modes"]
) -> ModeCoverage:
    """Return the share of ``modes`` that at least one of ``designs`` reaches.

    Parameters
    ----------
    designs
        The designs of a run, as letter indices.
    modes
        Either whole designs as letter indices, one a row: a mode is reached by that very
        design. Or, for modes of another kind such as motifs, a flag for every design and
        mode: whether that design reaches that mode.

    Raises
    ------
    InputError
        No modes, modes of another length, or flags for another number of designs.

    Examples
    --------
    >>> designs = torch.tensor([[0, 1], [0, 1], [1, 1]])
    >>> mode_coverage(designs, torch.tensor([[0, 1], [0, 0]]))
    ModeCoverage(share=0.5, counts=tensor([2, 0]))
    """
    hits = modes if modes.dtype == torch.bool else _identical(designs, modes)
    if len(hits) != len(designs):
        raise InputError(f"there are flags for {len(hits)} designs, but {len(designs)} designs")
    if hits.shape[1] == 0:
        raise InputError("there are no modes to be reached")
    counts = hits.sum(0)
    return ModeCoverage(float((counts > 0).double().mean()), counts)


def _identical(
    designs: Letters, modes: Int[Tensor, "modes mode_sites"]
) -> Bool[Tensor, "designs modes"]:
    if modes.shape[1] != designs.shape[1]:
        raise InputError(
            f"the modes have {modes.shape[1]} sites, but the designs have {designs.shape[1]}"
        )
    # A mode at a time: all at once would need designs x modes x sites.
    hits = [(designs == mode).all(1) for mode in modes]
    return torch.stack(hits, 1) if hits else designs.new_zeros(len(designs), 0, dtype=torch.bool)
