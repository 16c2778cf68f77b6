"""Settings of the constraints on compositions, in percent, and on process variables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from pydantic import ConfigDict, Field

from designlib.config.base import Config
from designlib.config.constraints.rules import CompositionRule, rule_settings
from designlib.notation import compound_verdict

__all__ = [
    "ChemistryRules",
    "ComponentPair",
    "ComponentRange",
    "CompositionConstraints",
    "GroupRange",
    "NearBest",
    "OptionChoice",
    "QuantityRange",
    "RatioRange",
]


class QuantityRange(Config):
    """Limits of one quantity, inside those of the table."""

    quantity: str = Field(description="Name of the quantity, such as temperature.")
    low: float | None = Field(
        default=None,
        ge=-1e30,
        le=1e30,
        description="Smallest value, in the quantity's unit; empty: that of the table.",
    )
    high: float | None = Field(
        default=None,
        ge=-1e30,
        le=1e30,
        description="Largest value, in the quantity's unit; empty: that of the table.",
    )

    @property
    def limits(self) -> tuple[float, float]:
        """The smallest and the largest value, infinite where none is given."""
        low = -math.inf if self.low is None else self.low
        return low, math.inf if self.high is None else self.high


class OptionChoice(Config):
    """Allowed options of one choice."""

    choice: str = Field(description="Name of the choice, such as solvent.")
    options: tuple[str, ...] = Field(min_length=1, description="Options that are allowed.")


class ComponentRange(Config):
    """Limits of one component; equal ones fix it."""

    component: str = Field(description="Name of the component, such as Fe.")
    low: float = Field(default=0.0, ge=0, le=100, description="Smallest amount, in %.")
    high: float = Field(default=100.0, ge=0, le=100, description="Largest amount, in %.")


class GroupRange(Config):
    """Limits of the sum of several components."""

    members: tuple[str, ...] = Field(
        min_length=1, description="Names of the components of the group."
    )
    low: float = Field(default=0.0, ge=0, le=100, description="Smallest sum, in %.")
    high: float = Field(default=100.0, ge=0, le=100, description="Largest sum, in %.")


class RatioRange(Config):
    """Limits of the ratio of two components."""

    component: str = Field(description="Component in the numerator.")
    to: str = Field(description="Component in the denominator.")
    low: float = Field(default=0.0, ge=0, le=1e6, description="Smallest ratio, without unit.")
    high: float = Field(default=1e6, ge=0, le=1e6, description="Largest ratio, without unit.")


class ComponentPair(Config):
    """Two components that exclude each other."""

    first: str = Field(description="Name of one component.")
    second: str = Field(description="Name of the other one.")


class NearBest(Config):
    """Stay near good measured compositions."""

    retired: ClassVar[Mapping[str, str]] = {"best": "the best 256 measured compositions count"}

    percent: float = Field(
        default=10.0,
        gt=0,
        le=100,
        description="Largest difference from the nearest of them, in % of the design.",
    )


class ChemistryRules(Config):
    """Conditions under which a composition of elements is a compound; needs the extra smact."""

    retired: ClassVar[Mapping[str, str]] = {
        "charge_neutral": "always on",
        "tolerance": "0.01 elementary charges per atom may be left",
    }

    electronegativity: bool = Field(
        default=True,
        description="Whether every anion has to be more electronegative than every cation.",
    )
    alloys: bool = Field(
        default=True, description="Whether compositions of metals alone pass, as alloys."
    )

    def verdict(self, shares: Mapping[str, float]) -> str:
        """Return ``ok`` or a reason; see `designlib.notation.compound_verdict`."""
        return compound_verdict(
            shares, electronegativity=self.electronegativity, alloys=self.alloys
        )


class CompositionConstraints(rule_settings(CompositionRule)):
    """Constraints on every composition and its variables; empty fields do not restrict."""

    model_config = ConfigDict(title="Compositions")

    component_ranges: tuple[ComponentRange, ...] = Field(
        default=(), description="Smallest and largest amounts of single components."
    )
    group_ranges: tuple[GroupRange, ...] = Field(
        default=(), description="Smallest and largest sums of several components."
    )
    most_components: int | None = Field(
        default=None, ge=1, le=118, description="Largest number of components in a design."
    )
    fewest_components: int | None = Field(
        default=None, ge=1, le=118, description="Smallest number of components in a design."
    )
    never_together: tuple[ComponentPair, ...] = Field(
        default=(), description="Pairs of components that exclude each other."
    )
    ratios: tuple[RatioRange, ...] = Field(
        default=(), description="Limits of the ratio of two components; 0 : 0 is allowed."
    )
    near_measured: NearBest | None = Field(
        default=None,
        description="Stay near the best measured compositions, where data support predictions; "
        "needed with many components, most of whose mixtures resemble nothing measured.",
    )
    quantity_ranges: tuple[QuantityRange, ...] = Field(
        default=(), description="Smallest and largest values of quantities beside a composition."
    )
    allowed_options: tuple[OptionChoice, ...] = Field(
        default=(), description="Allowed options, such as the solvents in stock."
    )

    chemistry: ChemistryRules | None = Field(
        default=None,
        description="Charge neutrality and electronegativity of compositions of elements, amounts "
        "as shares of the atoms, by SMACT; designs that fail are filtered out with the reason. "
        "Empty: not checked. Needs the extra smact.",
    )

    @property
    def on_composition(self) -> CompositionConstraints:
        """The constraints without those on variables."""
        return self.model_copy(update={"quantity_ranges": (), "allowed_options": ()})
