"""Whether a DNA sequence can be made: rules of a vendor or of one's own, and the order sheet."""

from designlib.synthesis.checks import breaches
from designlib.synthesis.config import OwnRules, SynthesisConfig, VendorRules
from designlib.synthesis.drawing import DesignRules
from designlib.synthesis.order import fasta, order_sheet
from designlib.synthesis.rules import PRESETS, GCLimit, RuleSet

__all__ = [
    "PRESETS",
    "DesignRules",
    "GCLimit",
    "OwnRules",
    "RuleSet",
    "SynthesisConfig",
    "VendorRules",
    "breaches",
    "fasta",
    "order_sheet",
]
