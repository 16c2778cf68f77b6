"""What counts as one edit of a design, and the designs that are few edits away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from designlib.constraints import (
    AllowedLetters,
    AllowedLevels,
    Bounds,
    Constraint,
    HammingBall,
    OnPart,
)
from designlib.spaces import (
    BoxSpace,
    DesignSpace,
    MixedSpace,
    SequenceSpace,
    SimplexSpace,
    Subspace,
)
from designlib.types import Designs, DeviceTensors, InputError, Relaxed, Scores

Reference: TypeAlias = Shaped[Tensor, "1 columns"]
"""The one design that edits are counted from."""

COMPOSITION = "composition"
_SAME = 0.01
"""A quantity that moved by less than this share of its range, or a composition, is unedited."""


class _Item(NamedTuple):
    """Something that can be edited: a site, a variable or a composition."""

    name: str
    columns: int
    """Columns of a design."""
    per_column: float
    """Share of its range that a difference of 1 in a column is; at least 1 for other letters."""
    inputs: int
    """Inputs of a predictor."""
    one_hot: bool
    per_input: float
    """The same for a difference of 1 in an input that is not one-hot."""


def _items(space: DesignSpace) -> list[_Item]:
    if isinstance(space, SequenceSpace):
        letters = len(space.alphabet)
        return [_Item(str(n + 1), 1, 1.0, letters, True, 1.0) for n in range(space.length)]
    if isinstance(space, SimplexSpace):
        return [_Item(COMPOSITION, space.columns, 0.5, space.columns, False, 0.5)]
    items = []
    for part in space.subspaces:
        if isinstance(part.space, SimplexSpace):
            items += _items(part.space)
        elif isinstance(part.space, BoxSpace):
            limits = zip(part.space.labels, part.space.lower, part.space.upper, strict=True)
            shares = [(name, 1 / (top - low)) for name, low, top in limits]
            items += [_Item(name, 1, share, 1, False, share) for name, share in shares]
        else:
            for variable in part.space.variables:
                numbers = variable.numbers
                share = 1 / (max(numbers) - min(numbers)) if numbers else 1.0
                items.append(_Item(variable.name, 1, 1.0, variable.width, not numbers, share))
    return items


def edit_names(space: DesignSpace) -> list[str]:
    """Return what can be edited, one name each: positions from 1, or variables.

    >>> from designlib.notation.alphabets import DNA
    >>> edit_names(SequenceSpace(DNA, 3))
    ['1', '2', '3']
    """
    return [item.name for item in _items(space)]


class Edits:
    """The edits that turn a reference into other designs."""

    def __init__(self, space: DesignSpace, reference: Reference) -> None:
        items = _items(space)
        self.reference, self.names = reference, [item.name for item in items]
        columns = torch.tensor([item.columns for item in items])
        per_column = torch.tensor([item.per_column for item in items], dtype=torch.float64)
        groups = torch.arange(len(items)).repeat_interleave(columns)
        self._columns = DeviceTensors(reference, groups, per_column[groups])
        inputs = torch.tensor([item.inputs for item in items])
        one_hot = torch.tensor([float(item.one_hot) for item in items])
        per_input = torch.tensor([item.per_input for item in items])
        relaxed = space.relax(reference).flatten(1)
        self._inputs = DeviceTensors(
            relaxed, one_hot.repeat_interleave(inputs), per_input.repeat_interleave(inputs)
        )

    def edited(self, designs: Designs) -> Bool[Tensor, "designs names"]:
        """Return which of the names differ from those of the reference."""
        reference, groups, shares = self._columns.on(designs.device)
        apart = (designs - reference).abs().double() * shares
        empty = apart.new_zeros(len(designs), len(self.names))
        return empty.index_add(1, groups, apart) > _SAME

    def without_traces(self, designs: Designs) -> Designs:
        """Return designs with what counts as unedited just as it is in the reference."""
        reference, groups, _ = self._columns.on(designs.device)
        return torch.where(self.edited(designs)[:, groups], designs, reference.to(designs))

    def undone(self, designs: Designs, which: Int[Tensor, "designs"]) -> Designs:
        """Return each design with one of its edits undone."""
        reference, groups, _ = self._columns.on(designs.device)
        return torch.where(groups == which[:, None], reference.to(designs), designs)

    def count(self, relaxed: Relaxed) -> Scores:
        """Return how many edits each relaxed design has, with a gradient.

        Letters and options that differ count 1, a quantity its difference as a share of its range,
        a composition the share of it that differs.
        """
        reference, choices, weights = self._inputs.on(relaxed.device)
        flat = relaxed.flatten(1)
        # Linear in one-hot rows, so that the gradient at the reference itself tells of an edit.
        same = (flat * reference * choices).sum(1)
        moved = ((flat - reference).abs() * weights * (1 - choices)).sum(1)
        return (reference * choices).sum() - same + moved


class FewEdits:
    """Constraint: designs with at most so many edits of one reference."""

    name = "hamming_ball"

    def __init__(self, space: DesignSpace, reference: Reference, radius: int) -> None:
        self.space, self.radius = space, radius
        self._edits = Edits(space, reference)

    def conflicts(self, designs: Designs) -> Int[Tensor, "designs"]:
        """Return by how many edits there are too many."""
        return (self._edits.edited(designs).sum(1) - self.radius).clamp(min=0)

    def satisfied(self, designs: Designs) -> Bool[Tensor, "designs"]:
        """Return which designs have few enough."""
        return self.conflicts(designs) == 0

    def violations(self, designs: Designs) -> list[str]:
        """Return a sentence where there are too many."""
        return [
            f"{excess + self.radius} edits (at most {self.radius})" if excess else ""
            for excess in self.conflicts(designs).tolist()
        ]


def near_design(
    space: DesignSpace, reference: Reference, radius: int, keep: Sequence[str]
) -> list[Constraint]:
    """Return the constraints that leave at most so many edits, and none of what is kept.

    Raises InputError for an unknown name in ``keep``, and where nothing is left to edit.
    """
    names = edit_names(space)
    kept = [name for entry in keep for name in _expanded(entry, names)]
    if len(set(kept)) == len(names):
        raise InputError("everything is kept; nothing is left to edit")
    if isinstance(space, SequenceSpace):
        table = torch.ones(space.length, len(space.alphabet), dtype=torch.bool)
        for name in kept:
            site = int(name) - 1
            table[site] = torch.arange(len(space.alphabet)) == reference[0, site]
        ball = HammingBall(space, space.decode(reference)[0], min(radius, space.length))
        return [ball, AllowedLetters(space, table)]
    members: list[Constraint] = [FewEdits(space, reference, radius)]
    if isinstance(space, MixedSpace):
        for number, part in enumerate(space.subspaces):
            own = _kept_part(part, reference[:, part.columns], kept)
            members += [OnPart(space, number, own)] if own else []
    return members


def _kept_part(part: Subspace, at: Reference, kept: Sequence[str]) -> Constraint | None:
    """Return what keeps the named variables of a part where they are."""
    space, values = part.space, at[0].tolist()
    if isinstance(space, SimplexSpace):
        return Bounds(space, values, values) if COMPOSITION in kept else None
    if isinstance(space, BoxSpace):
        if not set(space.labels) & set(kept):
            return None
        stays = [name in kept for name in space.labels]
        lower = [v if own else low for v, own, low in zip(values, stays, space.lower, strict=True)]
        upper = [v if own else top for v, own, top in zip(values, stays, space.upper, strict=True)]
        return Bounds(space, lower, upper)
    if not {levels.name for levels in space.variables} & set(kept):
        return None
    return AllowedLevels(
        space,
        [
            [levels.name not in kept or place == int(value) for place in range(len(levels.labels))]
            for levels, value in zip(space.variables, values, strict=True)
        ],
    )


def _expanded(entry: str, names: Sequence[str]) -> list[str]:
    if entry in names:
        return [entry]
    first, dash, last = entry.partition("-")
    if dash and first in names and last in names and first.isdigit():
        return names[names.index(first) : names.index(last) + 1]  # pyright: ignore[reportReturnType]
    shown = f"1 to {names[-1]}" if names[0] == "1" else ", ".join(names)
    raise InputError(f"keep: {entry!r} is nothing that can be edited; there are {shown}")
