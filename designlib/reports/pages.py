"""Pages from templates: everything inside, user text escaped."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from designlib.reports.style import Picture


class PageTable(NamedTuple):
    """One table of a page and what it means."""

    title: str
    text: str
    frame: pd.DataFrame | None
    """Left out where None or empty."""


def render(template: str, **content: Any) -> str:
    """Return a page made from one of this folder's templates."""
    return _environment().get_template(template).render(**content)


def tables_page(
    title: str,
    lead: str,
    tables: Sequence[PageTable],
    pictures: Sequence[Picture] = (),
    advice: Sequence[str] = (),
    classes: Mapping[str, str] | None = None,
) -> str:
    """Return a page of tables with what they mean, below the advice and above the figures.

    ``classes`` are the CSS classes of the columns that are no numbers.
    """
    return render(
        "tables.html",
        title=title,
        lead=lead,
        tables=[
            (table, table.frame.columns, table_cells(table.frame))
            for table in tables
            if table.frame is not None and len(table.frame)
        ],
        pictures=embedded(pictures),
        advice=advice,
        classes=classes or {},
    )


def table_cells(frame: pd.DataFrame) -> list[list[str]]:
    """Return the rows of a table as they are printed."""
    return [[_cell(value) for value in row] for row in frame.astype(object).to_numpy()]


def embedded(pictures: Iterable[Picture]) -> list[tuple[Picture, str]]:
    """Return each picture with its PNG in base64, as a page holds it."""
    return [(picture, base64.b64encode(picture.png).decode()) for picture in pictures]


def heading(column: str) -> str:
    """Return what a page calls a column."""
    return column.replace("_", " ")


def _cell(value: object) -> str:
    """Return a table cell: nothing where unknown, yes or no, at most four digits.

    >>> _cell(0.123456), _cell(float("nan")), _cell(True), _cell(12)
    ('0.1235', '', 'yes', '12')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4g}"
    return str(value).replace(";", "; ")  # so that a long list of edits can be broken


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("designlib", "reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["heading"] = heading
    return environment
