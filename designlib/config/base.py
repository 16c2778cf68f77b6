"""The base of all settings: frozen, checked, and lenient with former names."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import ComputedFieldInfo, FieldInfo

_LOG = logging.getLogger(__name__)


def notice(text: str) -> None:
    """Log a line on a setting of the last release."""
    _LOG.warning("%s", text)


def gathered(values: Any, group: str, former: Mapping[str, str]) -> Any:
    """Return settings in which former ones are inside a group, by their present names there."""
    if not isinstance(values, Mapping) or not former.keys() & values:
        return values
    moved = {new: values[old] for old, new in former.items() if values.get(old)}
    if moved:
        notice(f"{', '.join(former)} are now {', '.join(former.values())} of {group}")
    kept = {name: value for name, value in values.items() if name not in former}
    return {**kept, group: moved} if moved else kept


def _label(name: str, info: FieldInfo | ComputedFieldInfo) -> str:
    """Return what a form calls a setting without a title."""
    del info
    return name.replace("_", " ").capitalize()


class Config(BaseModel):
    """Settings that reject unknown names and cannot be changed after validation.

    A settings file of the last release is still read. Its names that have changed are listed in
    ``renamed``, its settings that became constants in ``retired``; each is accepted with a
    one-line notice in the log. Entries go with the release after.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", field_title_generator=_label)

    renamed: ClassVar[Mapping[str, str]] = {}
    """Present name of a setting, by its former name."""
    retired: ClassVar[Mapping[str, str]] = {}
    """What holds now, by the name of a setting that is gone, such as ``always on``."""

    @model_validator(mode="before")
    @classmethod
    def _former_names(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        former = [name for name in given if name in cls.renamed or name in cls.retired]
        if not former:
            return given
        values = {name: value for name, value in given.items() if name not in former}
        for name in former:
            if name in cls.retired:
                _LOG.warning("%s is no longer a setting (%s); ignored", name, cls.retired[name])
                continue
            now = cls.renamed[name]
            if now in values:
                raise ValueError(f"{name} is the former name of {now}; give only {now}")
            _LOG.warning("%s is now called %s", name, now)
            values[now] = given[name]
        return values


class Range(Config):
    """Limits of a value, both included; empty ones do not restrict."""

    widest: ClassVar[Mapping[str, float]] = {}
    """Limits that every value keeps, which release 0.1 recorded in place of empty ones."""

    low: float | None = Field(
        default=None, ge=-1e30, le=1e30, description="Smallest value; empty: any."
    )
    high: float | None = Field(
        default=None, ge=-1e30, le=1e30, description="Largest value; empty: any."
    )

    @model_validator(mode="before")
    @classmethod
    def _restricts(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {name: value for name, value in values.items() if value != cls.widest.get(name, "")}

    @property
    def limits(self) -> tuple[float, float]:
        """The smallest and the largest value, infinite where none is given."""
        low = -math.inf if self.low is None else self.low
        return low, math.inf if self.high is None else self.high


class Flanks(Config):
    """Letters on both sides of every design."""

    left: str = Field(
        default="", max_length=1_000_000, description="Letters to the left, at the 5' end."
    )
    right: str = Field(
        default="", max_length=1_000_000, description="Letters to the right, at the 3' end."
    )
