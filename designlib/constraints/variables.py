"""The constraints that settings ask for, on the variables beside a composition."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from designlib.config import OptionChoice, QuantityRange
from designlib.constraints.base import Constraint
from designlib.constraints.bounds import Bounds
from designlib.constraints.parts import AllowedLevels, OnPart
from designlib.spaces import BoxSpace, Levels, LevelSpace, MixedSpace
from designlib.types import InputError

__all__ = ["variable_members"]


def variable_members(
    space: MixedSpace, ranges: Sequence[QuantityRange], options: Sequence[OptionChoice]
) -> list[Constraint]:
    """Return the constraints on the variables of a space, part by part.

    Raises InputError, beginning with the name of the field, for a variable or an option that there
    is none of, and for limits that leave nothing.
    """
    _check_names(space, ranges, options)
    by_field = (
        ("quantity_ranges", {one.quantity for one in ranges}),
        ("allowed_options", {one.choice for one in options}),
    )
    members: list[Constraint] = []

    def add(field: str, number: int, make: Callable[[], Constraint]) -> None:
        try:
            members.append(OnPart(space, number, make(), field))
        except InputError as error:
            raise InputError(f"{field}: {error}") from error

    for number, part in enumerate(space.parts):
        own = part.space
        if isinstance(own, BoxSpace) and by_field[0][1] & set(own.labels):
            add("quantity_ranges", number, lambda box=own: _bounds(box, ranges))
        if not isinstance(own, LevelSpace):
            continue
        for field, asked in by_field:
            if asked & {levels.name for levels in own.variables}:
                table = [
                    _fitting(levels, ranges, options) if levels.name in asked
                    else [True] * len(levels.labels)
                    for levels in own.variables
                ]  # fmt: skip
                add(field, number, lambda levels=own, table=table: AllowedLevels(levels, table))
    return members


def _check_names(
    space: MixedSpace, ranges: Sequence[QuantityRange], options: Sequence[OptionChoice]
) -> None:
    quantities = [quantity.name for quantity in space.quantities]
    choices = {choice.name: choice.options for choice in space.choices}
    for one in ranges:
        if one.quantity not in quantities:
            raise InputError(
                f"quantity_ranges: there is no quantity {one.quantity!r}; known are "
                f"{', '.join(quantities) or 'none'}"
            )
    for one in options:
        if one.choice not in choices:
            raise InputError(
                f"allowed_options: there is no choice {one.choice!r}; known are "
                f"{', '.join(choices) or 'none'}"
            )
        unknown = [option for option in one.options if option not in choices[one.choice]]
        if unknown:
            raise InputError(
                f"allowed_options: {unknown[0]!r} is no option of {one.choice}; known are "
                f"{', '.join(choices[one.choice])}"
            )


def _bounds(box: BoxSpace, ranges: Sequence[QuantityRange]) -> Bounds:
    """Return the limits of all quantities; one that is named twice must keep to both."""
    lower, upper = list(box.lower), list(box.upper)
    for one in ranges:
        if one.quantity in box.labels:
            place = box.labels.index(one.quantity)
            low, high = one.limits
            lower[place], upper[place] = max(lower[place], low), min(upper[place], high)
    return Bounds(box, lower, upper)


def _fitting(
    levels: Levels, ranges: Sequence[QuantityRange], options: Sequence[OptionChoice]
) -> list[bool]:
    """Return which levels keep to every range, or every list of options, of their variable."""
    if levels.numbers:
        own = [one.limits for one in ranges if one.quantity == levels.name]
        return [all(low <= at <= high for low, high in own) for at in levels.numbers]
    lists = [one.options for one in options if one.choice == levels.name]
    return [all(label in allowed for allowed in lists) for label in levels.labels]
