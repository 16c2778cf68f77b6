"""Pages from templates: everything inside, user text escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from jinja2 import Environment, FunctionLoader, StrictUndefined

from designlib.reports.style import Picture

__all__ = ["PageTable", "embedded", "render", "tables_page"]


def render(template: str, **content: Any) -> str:
    """Return a page made from one of this folder's templates."""
    return _environment().get_template(template).render(**content)


class PageTable(NamedTuple):
    """One table of a page, its cells as they are printed."""

    title: str
    text: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables_page(
    title: str,
    lead: str,
    tables: Sequence[PageTable],
    pictures: Sequence[Picture] = (),
    advice: Sequence[str] = (),
    classes: Mapping[str, str] | None = None,
) -> str:
    """Return a page of tables with what they mean, below the advice and above the figures.

    Tables without rows are left out. ``classes`` are those of columns that are no numbers, by
    their heading.
    """
    return render(
        "tables.html", title=title, lead=lead, tables=[table for table in tables if table.rows],
        pictures=embedded(pictures), advice=advice, classes=classes or {},
    )  # fmt: skip


def embedded(pictures: Iterable[Picture]) -> list[tuple[Picture, str]]:
    """Return each picture with its PNG in base64, as a page holds it."""
    return [(picture, base64.b64encode(picture.png).decode()) for picture in pictures]


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(_source), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def _source(template: str) -> str:
    return files("designlib.reports").joinpath(template).read_text(encoding="utf-8")
