"""Constraints of the settings on the variables beside a composition."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from designlib.config import OptionChoice, QuantityRange
from designlib.constraints.base import Constraint
from designlib.constraints.bounds import Bounds
from designlib.constraints.subspaces import AllowedLevels, OnPart
from designlib.spaces import BoxSpace, Levels, LevelSpace, MixedSpace
from designlib.types import InputError


def variable_makers(
    space: MixedSpace, ranges: Sequence[QuantityRange], options: Sequence[OptionChoice]
) -> Iterator[tuple[str, Callable[[], Constraint]]]:
    """Yield the field and the maker of each constraint on the variables, part by part.

    A maker raises InputError for limits that leave nothing.

    Raises InputError, beginning with the name of the field, for an unknown variable or option.
    """
    _check_names(space, ranges, options)
    by_field = {
        "quantity_ranges": {one.quantity for one in ranges},
        "allowed_options": {one.choice for one in options},
    }
    for number, part in enumerate(space.subspaces):
        own = part.space
        if isinstance(own, BoxSpace) and by_field["quantity_ranges"] & set(own.labels):
            yield "quantity_ranges", partial(_bounds, space, number, own, ranges)
        if not isinstance(own, LevelSpace):
            continue
        for field, names in by_field.items():
            if names & {levels.name for levels in own.variables}:
                table = [
                    _fitting(levels, ranges, options)
                    if levels.name in names
                    else [True] * len(levels.labels)
                    for levels in own.variables
                ]
                yield field, partial(_levels, space, number, own, table, field)


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


def _bounds(
    space: MixedSpace, number: int, box: BoxSpace, ranges: Sequence[QuantityRange]
) -> OnPart:
    """Return the limits of all quantities; a quantity that is named twice keeps both."""
    lower, upper = list(box.lower), list(box.upper)
    for one in ranges:
        if one.quantity in box.labels:
            place = box.labels.index(one.quantity)
            low, high = one.limits
            lower[place], upper[place] = max(lower[place], low), min(upper[place], high)
    return OnPart(space, number, Bounds(box, lower, upper), "quantity_ranges")


def _levels(
    space: MixedSpace, number: int, own: LevelSpace, table: Sequence[Sequence[bool]], field: str
) -> OnPart:
    return OnPart(space, number, AllowedLevels(own, table), field)


def _fitting(
    levels: Levels, ranges: Sequence[QuantityRange], options: Sequence[OptionChoice]
) -> list[bool]:
    """Return which levels keep to every range, or every list of options, of their variable."""
    if levels.numbers:
        own = [one.limits for one in ranges if one.quantity == levels.name]
        return [all(low <= at <= high for low, high in own) for at in levels.numbers]
    lists = [one.options for one in options if one.choice == levels.name]
    return [all(label in allowed for allowed in lists) for label in levels.labels]
