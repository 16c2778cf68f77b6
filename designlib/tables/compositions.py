"""A table of measured compositions, or settings of variables: formulas or a column for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Bool, Float64

from designlib.config import CompositionReading, TableColumns
from designlib.notation import ELEMENTS, element_shares
from designlib.spaces import MixedSpace, SimplexSpace
from designlib.tables.cells import is_text, numbers
from designlib.tables.guessing import resolve_columns
from designlib.tables.measured import MeasuredTable, measured_table
from designlib.tables.raw import RawTable, listed
from designlib.tables.reading import read_raw
from designlib.tables.variables import read_variables, variable_columns
from designlib.types import InputError

_SUM_TOLERANCE = 1e-3
_GRID_TOLERANCE = 1e-6


def parse_compositions(
    content: bytes,
    name: str,
    reading: CompositionReading = CompositionReading(),
    columns: TableColumns = TableColumns(),
    *,
    positive: bool = False,
) -> MeasuredTable:
    r"""Return the measured compositions of a user's table, in whole steps.

    With variables each row has these as well, or these alone where neither a design column, which
    holds formulas, nor component columns are named; the space is then a `MixedSpace`.

    ``name`` is the file's name, whose suffix tells the format as for `parse_table`; replicates are
    averaged as there. With formulas the components are the elements that occur, in the order of
    their atomic numbers. With ``positive`` every value has to be above zero, for their logarithm.

    Raises InputError, with file, row, column and value, for an unknown element, a charge, a
    negative amount, a total of zero, a row that does not sum to the whole, columns that are not
    there, or a table of too few distinct compositions.

    >>> rows = [f"{a / 10},{b / 10},{(10 - a - b) / 10},{a * b}"
    ...         for a in range(11) for b in range(11 - a)]
    >>> reading = CompositionReading(components=("Fe", "Ni", "Co"), step=10)
    >>> table = parse_compositions("\n".join(["Fe,Ni,Co,y", *rows]).encode(), "t.csv", reading)
    >>> len(table), table.space.grid_steps, table.frame["design"][0]
    (66, 10, 'Co=1')
    """
    raw = read_raw(content, name)
    weight, has_composition = columns.weight, _has_composition(reading, columns)
    columns, guessed = _resolve(raw, reading, columns)
    value = columns.values[0]
    kept = np.ones(len(raw), dtype=bool)
    if reading.not_reported is not None:
        kept = numbers(raw, value) != reading.not_reported
        if not kept.any():
            raise InputError(
                f"{name}, column {value!r}: every value is {reading.not_reported:g}, which stands "
                "for none reported"
            )
        if not kept.all():
            guessed["rows left out"] = f"{(~kept).sum()} without a reported value"
    raw = _rows(raw, kept)
    if not has_composition:
        composition, texts = None, [""] * len(raw)
    else:
        raw, composition, texts = _compositions(raw, columns, reading, guessed)
    advice = " (for its logarithm)" * positive
    values = {name: numbers(raw, name, positive=positive, advice=advice) for name in columns.values}
    error, weights = (
        None if name is None else numbers(raw, name, positive=True)
        for name in (columns.error, weight)
    )
    if composition is None or reading.quantities or reading.choices:
        variables = read_variables(raw, reading.quantities, reading.choices)
        guessed |= variables.notes
        space = MixedSpace(composition, variables.quantities, variables.choices)
        pairs = zip(texts, variables.texts, strict=True)
        texts = space.decode(space.encode([", ".join(filter(None, pair)) for pair in pairs]))
    else:
        space = composition
    return measured_table(
        raw,
        pa.array(texts, type=pa.large_string()),
        values,
        error,
        weights,
        space,
        {**guessed, **raw.notes},
        "compositions" if isinstance(space, SimplexSpace) else "designs",
    )


def _compositions(
    raw: RawTable, columns: TableColumns, reading: CompositionReading, guessed: dict[str, str]
) -> tuple[RawTable, SimplexSpace, list[str]]:
    """Return the rows whose composition can be read, their space, and the compositions as text.

    What is left out or rounded is added to ``guessed``.
    """
    if reading.components:
        components, shares = reading.components, _component_shares(raw, reading)
    else:
        components, shares, readable = _formula_shares(
            raw, columns.design or "", skip=reading.skip_unreadable
        )
        if not readable.all():
            guessed["formulas left out"] = f"{(~readable).sum()} that cannot be read"
        raw = _rows(raw, readable)
    space = SimplexSpace(components, reading.parts)
    exact = torch.from_numpy(shares)
    rounded = space.on_grid(exact)
    moved = float((rounded - exact).abs().max())
    if moved > _GRID_TOLERANCE:
        guessed["compositions"] = (
            f"rounded to steps of {reading.step:g} %, by at most {100 * moved:.2g} %"
        )
    return raw, space, space.decode(rounded)


def _has_composition(reading: CompositionReading, columns: TableColumns) -> bool:
    """Return whether there is a composition; without one there are only variables."""
    named = columns.design is not None or bool(reading.components)
    return named or not (reading.quantities or reading.choices)


def _resolve(
    raw: RawTable, reading: CompositionReading, columns: TableColumns
) -> tuple[TableColumns, dict[str, str]]:
    """Return the columns of formulas (or the first component), values and error, and guesses."""
    if columns.design and reading.components:
        raise InputError(
            f"{raw.name}: a design column of formulas ({columns.design!r}) and component columns "
            "are given; one of them is needed"
        )
    absent = [column for column in reading.components if column not in raw.columns]
    if absent:
        raise InputError(
            f"{raw.name}: there is no component column {absent[0]!r}; the columns are "
            f"{listed(list(raw.columns))}"
        )
    if len(reading.components) == 1:
        raise InputError(
            f"{raw.name}: one component column, {reading.components[0]!r}; at least two are needed"
        )
    notes: dict[str, str] = {}
    variables = variable_columns(raw, reading.quantities, reading.choices)
    design = reading.components[0] if reading.components else columns.design
    if not _has_composition(reading, columns):
        design = next(iter(variables.values()))
    if design is None:
        texts = [column for column in raw.columns if is_text(raw.columns[column])]
        formulas = [column for column in texts if _looks_like_formulas(raw, column)]
        if len(formulas) != 1:
            said = "several columns look" if formulas else "no column looks"
            raise InputError(
                f"{raw.name}: {said} like formulas. Columns: {listed(list(raw.columns))}. Name "
                "the design column, or the component columns"
            )
        design = formulas[0]
        notes["formula"] = f"column {design!r}, by its cells"
    taken = {*reading.components, *variables.values()} - {design}
    others = {c: cells for c, cells in raw.columns.items() if c not in taken}
    resolved, guessed = resolve_columns(
        RawTable(raw.name, others, raw.places, raw.place, raw.notes),
        columns.model_copy(update={"design": design}),
    )
    return resolved, {**notes, **guessed}


def _looks_like_formulas(raw: RawTable, column: str) -> bool:
    """Return whether most of the first cells can be read as formulas of elements."""
    cells = raw.columns[column].slice(0, 100).to_pylist()
    return sum(_is_formula(cell) for cell in cells) > len(cells) / 2


def _is_formula(cell: str) -> bool:
    try:
        element_shares(cell.strip())
    except InputError:
        return False
    return True


def _rows(raw: RawTable, kept: Bool[np.ndarray, "rows"]) -> RawTable:
    """Return the rows that are kept, which know their places in the file."""
    if kept.all():
        return raw
    mask = pa.array(kept)
    columns = {column: cells.filter(mask) for column, cells in raw.columns.items()}
    return RawTable(raw.name, columns, raw.places[kept], raw.place, raw.notes)


def _component_shares(
    raw: RawTable, reading: CompositionReading
) -> Float64[np.ndarray, "rows components"]:
    columns = [numbers(raw, component) for component in reading.components]
    amounts = np.stack(columns, axis=1)
    if (amounts < 0).any():
        row, column = (int(place) for place in np.argwhere(amounts < 0)[0])
        component = reading.components[column]
        raise raw.fault(
            row, component, f"{raw.cell(row, component)} is negative; amounts from 0 are accepted"
        )
    total = amounts.sum(1)
    named = f"{reading.components[0]} to {reading.components[-1]}"
    if (total == 0).any():
        raise raw.fault(int(np.flatnonzero(total == 0)[0]), named, "all amounts are 0")
    whole = 100.0 if reading.amounts == "percent" else 1.0
    uneven = np.abs(total / whole - 1) > _SUM_TOLERANCE
    if uneven.any() and reading.amounts != "any":
        row = int(np.flatnonzero(uneven)[0])
        other = "percent" if whole == 1 else "fractions"
        looks = np.abs(total[row] * whole / 100 - 1) <= 100 * _SUM_TOLERANCE
        hint = f"they look like {other}: set amounts to that" if looks else "or set amounts to any"
        raise raw.fault(
            row,
            named,
            f"the amounts sum to {total[row]:.6g}; {whole:g} is needed, to one part in a thousand "
            f"({hint})",
        )
    return amounts / total[:, None]


def _formula_shares(
    raw: RawTable, column: str, *, skip: bool
) -> tuple[tuple[str, ...], Float64[np.ndarray, "readable components"], Bool[np.ndarray, "rows"]]:
    """Return the elements, their shares in each formula that can be read, and which those are."""
    if not is_text(raw.columns[column]):
        raise InputError(f"{raw.name}, column {column!r}: formulas are text")
    found: list[dict[str, float]] = []
    readable = np.ones(len(raw), dtype=bool)
    for row, formula in enumerate(raw.columns[column].to_pylist()):
        try:
            found.append(element_shares(formula.strip()))
        except InputError as error:
            if not skip:
                raise raw.fault(row, column, str(error)) from None
            readable[row] = False
    if not found:
        raise InputError(f"{raw.name}, column {column!r}: no cell is a formula that can be read")
    present = {element for shares in found for element in shares}
    elements = tuple(element for element in ELEMENTS if element in present)
    if len(elements) < 2:
        raise InputError(
            f"{raw.name}, column {column!r}: only {', '.join(elements)} occurs; compositions have "
            "at least two components"
        )
    return elements, _table(found, elements), readable


def _table(
    found: Sequence[dict[str, float]], elements: Sequence[str]
) -> Float64[np.ndarray, "rows components"]:
    place = {element: at for at, element in enumerate(elements)}
    shares = np.zeros((len(found), len(elements)))
    for row, amounts in enumerate(found):
        for element, share in amounts.items():
            shares[row, place[element]] = share
    return shares
