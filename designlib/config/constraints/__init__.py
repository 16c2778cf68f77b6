"""Settings of constraints on designs; a file of this folder with a rule is a setting of its own."""

from __future__ import annotations

from typing import TypeAlias

from designlib.config.constraints.compositions import (
    ChemistryRules,
    ComponentPair,
    ComponentRange,
    CompositionConstraints,
    GroupRange,
    NearBest,
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
    "ChemistryRules",
    "ComponentPair",
    "ComponentRange",
    "CompositionConstraints",
    "CompositionRule",
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
    "Rule",
    "SequenceRule",
]

DesignConstraints: TypeAlias = ConstraintConfig | CompositionConstraints
"""Constraints on designs of either kind."""
