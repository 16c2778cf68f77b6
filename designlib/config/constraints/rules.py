"""Constraints that are their own settings: fields, validation and evaluation in one class.

A module of this folder that defines a rule adds a setting of the module's name to the constraints
of a campaign; see docs/extending.md.
"""

from __future__ import annotations

import inspect
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import Field, create_model

from designlib.config.base import Config

Design = TypeVar("Design")


class Rule(Config, ABC, Generic[Design]):
    """A constraint on single designs, written in plain Python."""

    @abstractmethod
    def excess(self, design: Design) -> float:
        """Return how far a design is from feasible, a whole number for sequences; 0 if it is."""

    @abstractmethod
    def message(self, design: Design) -> str:
        """Return a sentence on an infeasible design, with positions counted from 1."""

    def check(self, names: tuple[str, ...]) -> None:
        """Raise InputError if the rule cannot apply to these letters or components."""


class SequenceRule(Rule[str]):
    """A constraint on sequences: a design is a string of letters."""


class CompositionRule(Rule[Mapping[str, float]]):
    """A constraint on compositions: a design is the share of each component, from 0 to 1."""


class RuleSettings(Config):
    """The rules of this folder, one field each."""

    @property
    def rules(self) -> Iterator[tuple[str, Rule]]:
        """The rules that are set, with the names of their settings."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Rule):
                yield name, value


def rule_settings(kind: type[Config]) -> type[RuleSettings]:
    """Return a model with an optional field for each rule of a kind in this folder."""
    package = __name__.rpartition(".")[0]
    fields: dict[str, Any] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules([str(Path(__file__).parent)])):
        if module in {"compositions", "rules", "sequences"}:
            continue
        for rule in vars(import_module(f"{package}.{module}")).values():
            if inspect.isclass(rule) and issubclass(rule, kind) and not inspect.isabstract(rule):
                text = inspect.cleandoc(rule.__doc__ or module)
                fields[module] = rule | None, Field(default=None, description=text)
    return create_model(f"{kind.__name__}s", __base__=RuleSettings, **fields)
