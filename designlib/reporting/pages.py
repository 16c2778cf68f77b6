"""Pages from templates: everything inside, user text escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from designlib.reporting.style import Picture

__all__ = ["embedded", "render"]


def render(template: str, **content: Any) -> str:
    """Return a page made from one of this folder's templates."""
    return _environment().get_template(template).render(**content)


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
    return files("designlib.reporting").joinpath(template).read_text(encoding="utf-8")
