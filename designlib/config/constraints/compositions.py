"""Settings of the constraints on compositions, in percent, and on process variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import ConfigDict, Field, field_validator, model_validator

from designlib.config.base import Config, Range, notice
from designlib.config.constraints.rules import CompositionRule, rule_settings

ChemistryCheck: TypeAlias = Literal["compounds", "alloys"]
"""Compositions that pass the check of chemistry: neutral compounds alone, or alloys too."""


class QuantityRange(Range):
    """Limits of one quantity in its unit, inside those of the table."""

    quantity: str = Field(description="Name of the quantity, such as temperature.")


class OptionChoice(Config):
    """Allowed options of one choice."""

    choice: str = Field(description="Name of the choice, such as solvent.")
    options: tuple[str, ...] = Field(min_length=1, description="Options that are allowed.")


class ComponentRange(Range):
    """Limits in % of the amount of one component, or of the sum of several."""

    widest: ClassVar[Mapping[str, float]] = {"low": 0, "high": 100}
    renamed: ClassVar[Mapping[str, str]] = {"component": "components", "members": "components"}

    components: tuple[str, ...] = Field(
        min_length=1, description="Names of the components, such as Fe."
    )

    @field_validator("components", mode="before")
    @classmethod
    def _one_is_enough(cls, names: Any) -> Any:
        return (names,) if isinstance(names, str) else names

    @property
    def is_sum(self) -> bool:
        """Whether the limits are those of a sum."""
        return len(self.components) > 1

    @property
    def shares(self) -> tuple[float, float]:
        """The limits as shares, from 0 to 1."""
        low, high = self.limits
        return max(low / 100, 0.0), min(high / 100, 1.0)


class RatioRange(Range):
    """Limits of the ratio of two components, without unit."""

    widest: ClassVar[Mapping[str, float]] = {"low": 0, "high": 1e6}

    component: str = Field(description="Component in the numerator.")
    to: str = Field(description="Component in the denominator.")


class ExclusiveComponents(Config):
    """Components of which a design has at most one."""

    components: tuple[str, ...] = Field(
        min_length=2, description="Names of the components, two or more."
    )

    @model_validator(mode="before")
    @classmethod
    def _former_pair(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and {"first", "second"} == set(values):
            notice("first and second are now called components")
            return {"components": (values["first"], values["second"])}
        return values


class CompositionConstraints(rule_settings(CompositionRule)):
    """Constraints on every composition and its variables; empty fields do not restrict."""

    model_config = ConfigDict(title="Compositions")

    component_ranges: tuple[ComponentRange, ...] = Field(
        default=(), description="Smallest and largest amounts of components, or of their sums."
    )
    most_components: int | None = Field(
        default=None, ge=1, le=118, description="Largest number of components in a design."
    )
    fewest_components: int | None = Field(
        default=None, ge=1, le=118, description="Smallest number of components in a design."
    )
    never_together: tuple[ExclusiveComponents, ...] = Field(
        default=(), description="Components that exclude each other."
    )
    ratios: tuple[RatioRange, ...] = Field(
        default=(), description="Limits of the ratio of two components; 0 : 0 is allowed."
    )
    near_measured: float | None = Field(
        default=None,
        gt=0,
        le=100,
        description="Largest difference, in % of the design, from the nearest of the best 256 "
        "measured compositions; needed with many components, most of whose mixtures resemble "
        "nothing measured. Empty: any.",
    )
    quantity_ranges: tuple[QuantityRange, ...] = Field(
        default=(), description="Smallest and largest values of quantities beside a composition."
    )
    allowed_options: tuple[OptionChoice, ...] = Field(
        default=(), description="Allowed options, such as the solvents in stock."
    )
    chemistry: ChemistryCheck | None = Field(
        default=None,
        description="SMACT's check of compositions of elements, amounts as shares of the atoms: "
        "charges balance and every anion is more electronegative than every cation. alloys: "
        "compositions of metals alone pass too. Designs that fail are filtered out with the "
        "reason. Empty: not checked. Needs the extra smact.",
    )

    @model_validator(mode="before")
    @classmethod
    def _former_shapes(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        now = dict(values)
        if "group_ranges" in now:
            notice("group_ranges are now part of component_ranges")
            now["component_ranges"] = (
                *now.get("component_ranges", ()),
                *now.pop("group_ranges"),
            )
        if isinstance(near := now.get("near_measured"), Mapping):
            notice("near_measured is now the number of its percent")
            now["near_measured"] = near.get("percent", 10.0)
        if isinstance(rules := now.get("chemistry"), Mapping):
            notice("chemistry is now compounds or alloys; its other settings are constants")
            now["chemistry"] = "alloys" if rules.get("alloys", True) else "compounds"
        return now

    @property
    def on_composition(self) -> CompositionConstraints:
        """The constraints without those on variables."""
        return self.model_copy(update={"quantity_ranges": (), "allowed_options": ()})
