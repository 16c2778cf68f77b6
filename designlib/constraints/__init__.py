"""Hard constraints on designs: on sequences as masks over single changes, and on points.

A sampler that follows the masks never leaves the feasible set; a file per family.
"""

from designlib.constraints.base import AllOf, Constraint, Masking
from designlib.constraints.bounds import Bounds, limits_of, members_of
from designlib.constraints.chemistry import check_chemistry, chemistry_verdicts
from designlib.constraints.components import (
    AtLeastComponents,
    AtMostComponents,
    NeverTogether,
    most_components,
)
from designlib.constraints.config import build
from designlib.constraints.continuous import inside, nearest_points
from designlib.constraints.flanks import WithFlanks
from designlib.constraints.gc import GCWindow
from designlib.constraints.hamming import HammingBall
from designlib.constraints.homopolymer import HomopolymerLimit
from designlib.constraints.initialisation import feasible_starts
from designlib.constraints.mixtures import GroupBounds, RatioBounds
from designlib.constraints.motifs import ForbiddenMotifs
from designlib.constraints.near import NearMeasured
from designlib.constraints.rejection import Rejection
from designlib.constraints.required import RequiredMotifs
from designlib.constraints.rules import RuleConstraint
from designlib.constraints.sites import AllowedLetters
from designlib.constraints.subspaces import AllowedLevels, OnPart, of_part
from designlib.constraints.transitions import ForbiddenTransitions

__all__ = [
    "AllOf",
    "AllowedLetters",
    "AllowedLevels",
    "AtLeastComponents",
    "AtMostComponents",
    "Bounds",
    "Constraint",
    "ForbiddenMotifs",
    "ForbiddenTransitions",
    "GCWindow",
    "GroupBounds",
    "HammingBall",
    "HomopolymerLimit",
    "Masking",
    "NearMeasured",
    "NeverTogether",
    "OnPart",
    "RatioBounds",
    "Rejection",
    "RequiredMotifs",
    "RuleConstraint",
    "WithFlanks",
    "build",
    "check_chemistry",
    "chemistry_verdicts",
    "feasible_starts",
    "inside",
    "limits_of",
    "members_of",
    "most_components",
    "nearest_points",
    "of_part",
]
