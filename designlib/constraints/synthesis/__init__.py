"""Whether a DNA sequence can be made: rules of a vendor or of one's own."""

from designlib.constraints.synthesis.checks import breaches, rule_set, verdict
from designlib.constraints.synthesis.drawing import build_rules
from designlib.constraints.synthesis.rules import PRESETS, GCLimit, RuleSet

__all__ = [
    "PRESETS",
    "GCLimit",
    "RuleSet",
    "breaches",
    "build_rules",
    "rule_set",
    "verdict",
]
