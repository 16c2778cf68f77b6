"""Whether a DNA sequence can be made: rules of a vendor or of one's own."""

from designlib.constraints.synthesis.checks import breaches
from designlib.config.synthesis import DesignRules, OwnRules, SynthesisConfig, VendorRules
from designlib.constraints.synthesis.rules import PRESETS, GCLimit, RuleSet

__all__ = [
    "PRESETS",
    "DesignRules",
    "GCLimit",
    "OwnRules",
    "RuleSet",
    "SynthesisConfig",
    "VendorRules",
    "breaches",
]
