"""Settings of constraints on designs; a file of this folder with a rule is a setting of its own."""

from __future__ import annotations

from typing import TypeAlias

from designlib.config.constraints.compositions import (
    ChemistryCheck,
    ComponentRange,
    CompositionConstraints,
    ExclusiveComponents,
    OptionChoice,
    QuantityRange,
    RatioRange,
)
from designlib.config.constraints.rules import CompositionRule, Rule, SequenceRule
from designlib.config.constraints.sequences import (
    ConstraintConfig,
    FixedSite,
    GCConfig,
    HammingBallConfig,
)

__all__ = [
    "ChemistryCheck",
    "ComponentRange",
    "CompositionConstraints",
    "CompositionRule",
    "ConstraintConfig",
    "DesignConstraints",
    "ExclusiveComponents",
    "FixedSite",
    "GCConfig",
    "HammingBallConfig",
    "OptionChoice",
    "QuantityRange",
    "RatioRange",
    "Rule",
    "SequenceRule",
]

DesignConstraints: TypeAlias = ConstraintConfig | CompositionConstraints
"""Constraints on designs of either kind."""
