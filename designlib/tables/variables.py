"""Columns of processing variables: quantities in their units, and choices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from designlib.notation import Choice, Quantity, as_text
from designlib.tables.cells import numbers
from designlib.tables.raw import RawTable, listed
from designlib.types import InputError

_WITH_UNIT = re.compile(r"^(?P<name>.*?)\s*[(\[](?P<unit>[^()\[\]]*)[)\]]$")


class VariableCells(NamedTuple):
    """The variables of a table, checked."""

    quantities: tuple[Quantity, ...]
    """With the units of their columns."""
    choices: tuple[Choice, ...]
    """With the options that occur, where none were given."""
    texts: list[str]
    """The variables of each row, as in ``T=350, solvent=DMF``."""
    notes: dict[str, str]


def variable_columns(
    raw: RawTable, quantities: Sequence[Quantity], choices: Sequence[Choice]
) -> dict[str, str]:
    """Return the column of each variable: of its name, or of its name with a unit in brackets.

    Raises InputError for a variable without a column, a column of another unit than the one that
    is declared, and a name that two variables have.
    """
    units = {quantity.name: quantity.unit for quantity in quantities}
    named = [variable.name for variable in (*quantities, *choices)]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{raw.name}: two variables are called {twice!r}")
    return {name: _column(raw, name, units.get(name, "")) for name in named}


def read_variables(
    raw: RawTable, quantities: Sequence[Quantity], choices: Sequence[Choice]
) -> VariableCells:
    """Return the variables of every row, rounded as they are set.

    Raises InputError, with file, row, column and value, for a cell that is no number or no option,
    and for a value out of the limits.
    """
    columns = variable_columns(raw, quantities, choices)
    notes: dict[str, str] = {}
    read = [_quantity(raw, columns[one.name], one, notes) for one in quantities]
    chosen = [_choice(raw, columns[one.name], one, notes) for one in choices]
    cells = [[f"{q.name}={as_text(v)}" for v in values] for q, values in read]
    cells += [[f"{c.name}={option}" for option in options] for c, options in chosen]
    texts = [", ".join(row) for row in zip(*cells, strict=True)]
    return VariableCells(tuple(q for q, _ in read), tuple(c for c, _ in chosen), texts, notes)


def _column(raw: RawTable, name: str, unit: str) -> str:
    if name in raw.columns:
        return name
    for column in raw.columns:
        found = _WITH_UNIT.match(column)
        if found is None or found["name"] != name:
            continue
        if unit and found["unit"].strip() != unit:
            raise InputError(
                f"{raw.name}, column {column!r}: its values are in {found['unit'].strip()}, and "
                f"{unit} is declared for {name}; convert the column, or declare its unit"
            )
        return column
    raise InputError(
        f"{raw.name}: there is no column {name!r} of a variable; the columns are "
        f"{listed(list(raw.columns))}"
    )


def _quantity(
    raw: RawTable, column: str, quantity: Quantity, notes: dict[str, str]
) -> tuple[Quantity, list[float]]:
    found = _WITH_UNIT.match(column)
    if not quantity.unit and found is not None and column != quantity.name:
        quantity = quantity.model_copy(update={"unit": found["unit"].strip()})
        notes[quantity.name] = f"in {quantity.unit}, by the name of its column"
    unit = f" {quantity.unit}" if quantity.unit else ""
    values = numbers(raw, column, advice=f" (in{unit}, without the unit)" if unit else "")
    raw.refuse(
        (values < quantity.low) | (values > quantity.high),
        column,
        f"is out of the limits of {quantity.name}; {quantity.low:g} to {quantity.high:g}{unit} is "
        "accepted",
    )
    rounded = [quantity.rounded(value) for value in values.tolist()]
    moved = float(np.abs(np.array(rounded) - values).max())
    if moved > 1e-9 * (quantity.high - quantity.low):
        notes[f"{quantity.name}, rounded"] = f"by at most {moved:.3g}{unit}"
    return quantity, rounded


def _choice(
    raw: RawTable, column: str, choice: Choice, notes: dict[str, str]
) -> tuple[Choice, list[str]]:
    cells = raw.columns[column].to_pylist()
    texts = [" ".join(_option(cell).split()) for cell in cells]
    for row, text in enumerate(texts):
        if not text:
            raise raw.fault(row, column, "the cell is empty; an option is needed")
        if set(text) & set("=,;"):
            raise raw.fault(
                row, column, f"{raw.cell(row, column)} has one of = , ; in it, which no option may"
            )
        if choice.options and text not in choice.options:
            problem = f"is no option of {choice.name}; accepted are {', '.join(choice.options)}"
            raise raw.fault(row, column, f"{raw.cell(row, column)} {problem}")
    if not choice.options:
        options = tuple(sorted(set(texts)))
        if len(options) < 2:
            raise InputError(
                f"{raw.name}, column {column!r}: only {', '.join(options)} occurs; a choice has at "
                "least two options"
            )
        choice = choice.model_copy(update={"options": options})
        notes[choice.name] = f"one of {', '.join(options)}, which occur"
    return choice, texts


def _option(cell: object) -> str:
    """Return a cell of any type as an option."""
    if cell is None:
        return ""
    return f"{cell:g}" if isinstance(cell, float) else str(cell)
