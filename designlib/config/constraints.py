"""Constraints on designs, with amounts in percent and units as a lab writes them."""

from __future__ import annotations

import math
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from designlib.notation import ChemistryRules

__all__ = [
    "ComponentPair",
    "ComponentRange",
    "CompositionConstraints",
    "ConstraintConfig",
    "DesignConstraints",
    "FixedSite",
    "GCConfig",
    "GroupRange",
    "HammingBallConfig",
    "NearBest",
    "OptionChoice",
    "QuantityRange",
    "RatioRange",
]

_STRICT = ConfigDict(extra="forbid", frozen=True)


class QuantityRange(BaseModel):
    """Limits of one quantity, inside those of the table."""

    model_config = _STRICT

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


class OptionChoice(BaseModel):
    """Options of one choice that may be taken."""

    model_config = _STRICT

    choice: str = Field(description="Name of the choice, such as solvent.")
    options: tuple[str, ...] = Field(min_length=1, description="Options that are allowed.")


class ComponentRange(BaseModel):
    """Limits of one component; equal ones fix it."""

    model_config = _STRICT

    component: str = Field(description="Name of the component, such as Fe.")
    low: float = Field(default=0.0, ge=0, le=100, description="Smallest amount, in %.")
    high: float = Field(default=100.0, ge=0, le=100, description="Largest amount, in %.")


class GroupRange(BaseModel):
    """Limits of what several components sum to."""

    model_config = _STRICT

    members: tuple[str, ...] = Field(
        min_length=1, description="Names of the components of the group."
    )
    low: float = Field(default=0.0, ge=0, le=100, description="Smallest sum, in %.")
    high: float = Field(default=100.0, ge=0, le=100, description="Largest sum, in %.")


class RatioRange(BaseModel):
    """Limits of how many times more there is of one component than of another."""

    model_config = _STRICT

    component: str = Field(description="Name of the component whose amount is divided.")
    to: str = Field(description="Name of the component whose amount it is divided by.")
    low: float = Field(default=0.0, ge=0, le=1e6, description="Smallest ratio, without unit.")
    high: float = Field(default=1e6, ge=0, le=1e6, description="Largest ratio, without unit.")


class ComponentPair(BaseModel):
    """Two components that may not be together."""

    model_config = _STRICT

    first: str = Field(description="Name of one component.")
    second: str = Field(description="Name of the other one.")


class NearBest(BaseModel):
    """Stay near good measured compositions."""

    model_config = _STRICT

    percent: float = Field(
        default=10.0,
        gt=0,
        le=100,
        description="Largest part of a design that may differ from the nearest of them, in %.",
    )
    best: int = Field(
        default=256,
        ge=1,
        le=10_000,
        description="How many of the best measured compositions, among those that meet the other "
        "constraints.",
    )


class CompositionConstraints(BaseModel):
    """What every composition and its variables must satisfy; empty does not restrict."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Compositions")

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
        default=(), description="Pairs of components that may not be in one design."
    )
    ratios: tuple[RatioRange, ...] = Field(
        default=(), description="Limits of the ratio of two components; 0 : 0 is allowed."
    )
    near_measured: NearBest | None = Field(
        default=None,
        description="Stay near the best measured compositions, where data support predictions; "
        "needed where there are many components, of which most mixtures are like nothing measured.",
    )
    quantity_ranges: tuple[QuantityRange, ...] = Field(
        default=(), description="Smallest and largest values of quantities beside a composition."
    )
    allowed_options: tuple[OptionChoice, ...] = Field(
        default=(), description="Options that may be chosen, such as the solvents in stock."
    )

    chemistry: ChemistryRules | None = Field(
        default=None,
        description="Charge neutrality and electronegativity of compositions of elements, amounts "
        "as shares of the atoms, by SMACT; designs that fail are filtered out with the reason. "
        "Empty: not asked. Needs the extra smact.",
    )

    @property
    def on_composition(self) -> CompositionConstraints:
        """The constraints without those on variables."""
        return self.model_copy(update={"quantity_ranges": (), "allowed_options": ()})


class HammingBallConfig(BaseModel):
    """Stay close to one sequence."""

    model_config = _STRICT

    reference: str = Field(description="Sequence that designs stay close to, as long as they are.")
    radius: int = Field(
        default=3,
        ge=0,
        description="Largest number of positions that may differ from the reference.",
    )


class FixedSite(BaseModel):
    """Allow only some letters at one position."""

    model_config = _STRICT

    position: int = Field(ge=1, description="Position in the design, counted from 1.")
    letters: str = Field(
        min_length=1,
        description="Letters allowed at the position, as in A or AG; IUPAC codes such as R are "
        "accepted. One letter fixes the position.",
    )


class GCConfig(BaseModel):
    """Keep the share of G and C in a range."""

    model_config = _STRICT

    low: float = Field(
        default=0.3, ge=0, le=1, description="Smallest GC content, a fraction from 0 to 1."
    )
    high: float = Field(
        default=0.7, ge=0, le=1, description="Largest GC content, a fraction from 0 to 1."
    )
    window: int | None = Field(
        default=None,
        ge=1,
        description="Length in letters of the windows that must all be in range; empty for the "
        "whole design.",
    )


class ConstraintConfig(BaseModel):
    """What every sequence must satisfy; what is left empty does not restrict."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Sequences")

    hamming_ball: HammingBallConfig | None = Field(
        default=None,
        title="Hamming ball",
        description="Largest number of changes from a reference sequence.",
    )
    fixed_sites: tuple[FixedSite, ...] = Field(
        default=(), description="Positions with a fixed letter or a choice of letters."
    )
    forbidden_motifs: tuple[str, ...] = Field(
        default=(),
        description="Sequences that no design may contain, such as the restriction site GGTCTC; "
        "IUPAC codes are accepted.",
    )
    motifs_on_both_strands: bool = Field(
        default=True,
        description="Forbid the reverse complements of the motifs too; for DNA, whose second "
        "strand is read as well.",
    )
    required_motifs: tuple[str, ...] = Field(
        default=(),
        description="Sequences that every design must contain, such as the binding site TGACTCA; "
        "IUPAC codes are accepted.",
    )
    required_on_either_strand: bool = Field(
        default=True,
        description="Let a required motif be on the second strand instead, as its reverse "
        "complement; for DNA.",
    )
    forbidden_pairs: tuple[str, ...] = Field(
        default=(),
        description="Pairs of letters that may not follow each other: CG means no C followed by "
        "G; IUPAC codes are accepted.",
    )
    gc: GCConfig | None = Field(
        default=None, title="GC content", description="Range of the GC content."
    )
    max_homopolymer: int | None = Field(
        default=None, ge=1, description="Longest allowed run of one letter, in letters."
    )


DesignConstraints: TypeAlias = ConstraintConfig | CompositionConstraints
"""Constraints on designs of either kind."""
