"""Exact distances between designs, and the closest measured design.

Distances of sequences are Hamming distances in letters; with ``both_strands`` a design and its
reverse complement are the same molecule and the smaller of the two distances counts. Distances of
compositions of a grid are the steps that have to be moved from some components to others. Distances
of mixed designs are Gower's (Biometrics 27, 857, 1971), summed instead of averaged, in hundredths
and rounded up: the share of a composition that differs, the difference of a quantity in terms of
its range, and 1 for another option.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from designlib.spaces.boxes import BoxSpace
from designlib.spaces.description import DesignSpace
from designlib.spaces.mixed import MixedSpace
from designlib.spaces.sequences import SequenceSpace
from designlib.spaces.simplex import SimplexSpace
from designlib.types import Designs, InputError

_DESIGN_ROWS = 1024
_HUNDREDTHS = 100
_ROUNDING = 1e-2  # hundredths; sums of float32 are off by less
_BLOCK = 2**23  # floats in the largest temporary: 32 MiB


class Nearest(NamedTuple):
    """The closest row of a table to each design."""

    row: Int[np.ndarray, "designs"]
    """Row of the table, the lowest one among equals."""
    distance: Int[np.ndarray, "designs"]
    """Distance in letters, in steps of a composition, or in hundredths for mixed designs."""


def nearest_measured(
    space: DesignSpace,
    designs: Shaped[Tensor, "designs columns"],
    measured: Shaped[Tensor, "measured columns"],
    *,
    both_strands: bool = False,
) -> Nearest:
    """Return the measured design closest to each design.

    Matching letters are counted as the product of one-hot rows, block by block,
    so that memory stays near 100 MB whatever the size of the table.

    Raises InputError when nothing was measured.

    >>> from designlib.spaces import DNA
    >>> space = SequenceSpace(DNA, 4)
    >>> found = nearest_measured(space, space.encode(["AAAA"]), space.encode(["CCCC", "AATT"]))
    >>> int(found.row[0]), int(found.distance[0])
    (1, 2)
    """
    if len(measured) == 0:
        raise InputError("the distance to measured designs needs at least one measured design")
    row = torch.zeros(len(designs), dtype=torch.int64)
    matches = torch.full((len(designs),), -1.0)
    rows = max(1, _BLOCK // max(_flat(space, measured[:1]).shape[1], _DESIGN_ROWS))
    for first in range(0, len(measured), rows):
        table = _flat(space, measured[first : first + rows]).T
        for top in range(0, len(designs), _DESIGN_ROWS):
            part = slice(top, top + _DESIGN_ROWS)
            best = _matches(space, designs[part], table, both_strands).max(dim=1)
            # Strictly more, and max() names the first of equals: the lowest row wins.
            better = best.values > matches[part]
            row[part] = torch.where(better, best.indices + first, row[part])
            matches[part] = torch.where(better, best.values, matches[part])
    return Nearest(row.numpy(), span(space) - matches.to(torch.int64).numpy())


def span(space: DesignSpace) -> int:
    """Return the largest distance of two designs: letters, parts of a grid, or hundredths.

    Raises InputError for compositions without a grid, whose distances are no whole steps.
    """
    if isinstance(space, SequenceSpace):
        return space.length
    if isinstance(space, MixedSpace):
        return _HUNDREDTHS * (len(space.variable_names) + (space.composition is not None))
    if space.grid_steps is None:
        raise InputError("compositions are compared in the steps of a grid, and these have none")
    return space.grid_steps


def pairwise_distances(
    space: DesignSpace, designs: Designs, *, both_strands: bool = False
) -> Int[np.ndarray, "designs designs"]:
    """Return the distance of every design to every other, int32; for some thousand designs."""
    if len(designs) == 0:
        return np.zeros((0, 0), dtype=np.int32)
    return distances_to(space, designs, designs, both_strands=both_strands)


def distances_to(
    space: DesignSpace,
    designs: Designs,
    others: Shaped[Tensor, "others columns"],
    *,
    both_strands: bool = False,
) -> Int[np.ndarray, "designs others"]:
    """Return the distance of a few designs to each of many others, int32, by blocks of them."""
    blocks = [
        _matches(space, designs, _flat(space, part).T, both_strands).to(torch.int32)
        for part in others.split(_DESIGN_ROWS)
    ]
    return span(space) - torch.cat(blocks, dim=1).numpy()


def orient(
    space: SequenceSpace,
    designs: Int[Tensor, "designs sites"],
    towards: Int[Tensor, "1 sites"],
) -> Int[Tensor, "designs sites"]:
    """Return each design on the strand that reads closer to ``towards``; as given when equal."""
    other = space.reverse_complement(designs)
    turned = (other != towards).sum(1) < (designs != towards).sum(1)
    return torch.where(turned[:, None], other, designs)


def _flat(space: DesignSpace, designs: Designs) -> Float[Tensor, "designs features"]:
    """Return one-hot rows with sites and letters in one dimension, or the parts of components.

    Of mixed designs, what differs by the distance of two designs when absolute values are summed.
    """
    if isinstance(space, MixedSpace):
        return _scaled(space, designs).float()
    if isinstance(space, SimplexSpace):
        return space.amounts(designs).float()
    return space.relax(designs).flatten(1)


def _scaled(space: MixedSpace, designs: Designs) -> Float[Tensor, "designs features"]:
    ranges = {quantity.name: quantity.high - quantity.low for quantity in space.quantities}
    columns: list[Tensor] = []
    for part in space.subspaces:
        relaxed = part.space.relax(designs[:, part.columns], torch.float64)
        if isinstance(part.space, SimplexSpace):
            scale = [0.5] * part.space.columns
        elif isinstance(part.space, BoxSpace):
            scale = [1 / ranges[name] for name in part.space.labels]
        else:
            scale = [
                one
                for v in part.space.variables
                for one in ([1 / ranges[v.name]] if v.numbers else [0.5] * v.width)
            ]
        columns.append(_HUNDREDTHS * relaxed * torch.tensor(scale, dtype=torch.float64))
    return torch.cat(columns, 1)


def _matches(
    space: DesignSpace,
    designs: Shaped[Tensor, "designs columns"],
    table: Float[Tensor, "features rows"],
    both_strands: bool,
) -> Float[Tensor, "designs rows"]:
    """Return how many letters or parts each design shares with each column of ``table``."""
    flat = _flat(space, designs)
    if isinstance(space, MixedSpace):
        apart = torch.cdist(flat, table.T.contiguous(), p=1)
        return span(space) - (apart - _ROUNDING).ceil()
    if isinstance(space, SimplexSpace):
        # Sums of small whole numbers, exact in float32.
        return span(space) - torch.cdist(flat, table.T.contiguous(), p=1) / 2
    shared = flat @ table
    if both_strands:
        other = _flat(space, space.reverse_complement(designs)) @ table
        torch.maximum(shared, other, out=shared)
    return shared
