"""What counts as one edit of a design, and the designs that are few edits away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from designlib.constraints import (
    AllowedLetters,
    AllowedLevels,
    Bounds,
    Constraint,
    HammingBall,
    OnPart,
)
from designlib.spaces import BoxSpace, DesignSpace, MixedSpace, Part, SequenceSpace, SimplexSpace
from designlib.types import Designs, DeviceTensors, InputError, Relaxed, Scores

__all__ = [
    "EditCount",
    "FewEdits",
    "edit_names",
    "edited",
    "near_design",
    "undone",
    "without_traces",
]

Reference: TypeAlias = Shaped[Tensor, "1 columns"]
"""The one design that edits are counted from."""

COMPOSITION = "composition"
_SAME = 0.01
"""A quantity that moved by less than this share of its range, or a composition, is unedited."""


def edit_names(space: DesignSpace) -> list[str]:
    """Return what can be edited, one name each: positions from 1, or variables.

    >>> from designlib.notation.alphabets import DNA
    >>> edit_names(SequenceSpace(DNA, 3))
    ['1', '2', '3']
    """
    if isinstance(space, SequenceSpace):
        return [str(site + 1) for site in range(space.length)]
    return [name for name, _ in _groups(space)]


def edited(
    space: DesignSpace, designs: Designs, reference: Reference
) -> Bool[Tensor, "designs names"]:
    """Return which of `edit_names` differ from those of one reference, shape (1, columns)."""
    if isinstance(space, SequenceSpace):
        return designs != reference
    apart = (designs - reference).abs().double() * _per_range(space).to(designs.device)
    return torch.stack([apart[:, columns].sum(1) > _SAME for _, columns in _groups(space)], 1)


def without_traces(space: DesignSpace, designs: Designs, reference: Reference) -> Designs:
    """Return designs with what counts as unedited just as it is in the reference."""
    if isinstance(space, SequenceSpace):
        return designs
    which, cleaned = edited(space, designs, reference), designs.clone()
    for number, (_, columns) in enumerate(_groups(space)):
        rows = ~which[:, number]
        cleaned[rows.nonzero(), torch.tensor(columns)] = reference[:, columns].to(cleaned)
    return cleaned


def undone(
    space: DesignSpace, designs: Designs, reference: Reference, which: Int[Tensor, "designs"]
) -> Designs:
    """Return each design with one of its edits undone."""
    if isinstance(space, SequenceSpace):
        columns = [slice(site, site + 1) for site in range(space.length)]
    else:
        columns = [own for _, own in _groups(space)]
    changed = designs.clone()
    for row, name in enumerate(which.tolist()):
        changed[row, columns[name]] = reference[0, columns[name]].to(changed)
    return changed


class EditCount:
    """How many edits a relaxed design is from a reference, with a gradient.

    Letters and options that differ count 1, a quantity its difference as a share of its range, a
    composition the share of it that differs.
    """

    def __init__(self, space: DesignSpace, reference: Reference) -> None:
        relaxed = space.relax(reference).flatten(1)
        choices, weights = _inputs(space)
        self._tensors = DeviceTensors(relaxed, choices, weights)

    def __call__(self, relaxed: Relaxed) -> Scores:
        """Return the number for each design."""
        reference, choices, weights = self._tensors.on(relaxed.device)
        flat = relaxed.flatten(1)
        # Linear in one-hot rows, so that the gradient at the reference itself tells of an edit.
        same = (flat * reference * choices).sum(1)
        moved = ((flat - reference).abs() * weights * (1 - choices)).sum(1)
        return (reference * choices).sum() - same + moved


class FewEdits:
    """Designs of variables with at most so many edits of one reference; others are refused."""

    name = "hamming_ball"

    def __init__(self, space: DesignSpace, reference: Reference, radius: int) -> None:
        self.space, self.radius = space, radius
        self._tensors = DeviceTensors(reference)

    def conflicts(self, designs: Designs) -> Int[Tensor, "designs"]:
        """Return by how many edits there are too many."""
        (reference,) = self._tensors.on(designs.device)
        return (edited(self.space, designs, reference).sum(1) - self.radius).clamp(min=0)

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

    Raises InputError for what there is not to keep, and where nothing is left to edit.
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
        for number, part in enumerate(space.parts):
            own = _kept_part(part, reference[:, part.columns], kept)
            members += [OnPart(space, number, own)] if own else []
    return members


def _kept_part(part: Part, at: Reference, kept: Sequence[str]) -> Constraint | None:
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


def _groups(space: SimplexSpace | MixedSpace) -> list[tuple[str, list[int]]]:
    """Return the columns of each thing that can be edited."""
    if isinstance(space, SimplexSpace):
        return [(COMPOSITION, list(range(space.columns)))]
    groups = []
    for part in space.parts:
        columns = range(part.columns.start, part.columns.stop)
        if isinstance(part.space, SimplexSpace):
            groups.append((COMPOSITION, list(columns)))
        elif isinstance(part.space, BoxSpace):
            groups += [(n, [c]) for n, c in zip(part.space.labels, columns, strict=True)]
        else:
            variables = part.space.variables
            groups += [(v.name, [c]) for v, c in zip(variables, columns, strict=True)]
    return groups


def _per_range(space: SimplexSpace | MixedSpace) -> Float[Tensor, "columns"]:
    """Return what turns a difference of a column into a share of what it can be; levels by one."""
    if isinstance(space, SimplexSpace):
        return torch.full((space.columns,), 0.5, dtype=torch.float64)
    weights: list[float] = []
    for part in space.parts:
        if isinstance(part.space, SimplexSpace):
            weights += [0.5] * part.space.columns
        elif isinstance(part.space, BoxSpace):
            limits = zip(part.space.lower, part.space.upper, strict=True)
            weights += [1 / (top - low) for low, top in limits]
        else:
            weights += [1.0] * part.space.columns
    return torch.tensor(weights, dtype=torch.float64)


def _inputs(space: DesignSpace) -> tuple[Tensor, Tensor]:
    """Return which inputs of a predictor are one-hot, and what one unit of the others counts."""
    if isinstance(space, SequenceSpace):
        ones = torch.ones(space.length * len(space.alphabet))
        return ones, ones
    if isinstance(space, SimplexSpace):
        return torch.zeros(space.columns), torch.full((space.columns,), 0.5)
    choices: list[float] = []
    weights: list[float] = []
    for part in space.parts:
        if isinstance(part.space, SimplexSpace):
            choices += [0.0] * part.space.columns
            weights += [0.5] * part.space.columns
        elif isinstance(part.space, BoxSpace):
            choices += [0.0] * part.space.columns
            limits = zip(part.space.lower, part.space.upper, strict=True)
            weights += [1 / (top - low) for low, top in limits]
        else:
            for v in part.space.variables:
                choices += [0.0] if v.numbers else [1.0] * v.width
                span = max(v.numbers) - min(v.numbers) if v.numbers else 1.0
                weights += [1 / span] * v.width
    return torch.tensor(choices), torch.tensor(weights)
