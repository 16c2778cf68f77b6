"""The base of everything a person can set: frozen, checked, and lenient with former names."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator

__all__ = ["Config"]

_LOG = logging.getLogger(__name__)


class Config(BaseModel):
    """Settings that reject unknown names and cannot be changed after they were checked.

    A settings file of the last release is still read. Its names that have changed are listed in
    ``renamed``, its settings that became constants in ``retired``; each is accepted with a
    one-line notice in the log. Entries go with the release after.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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
