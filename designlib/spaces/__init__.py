"""Design spaces: what a design is, and how it looks to a person and to a predictor."""

from designlib.notation.alphabets import ALPHABETS, BINARY, DNA, PROTEIN, RNA, Alphabet
from designlib.notation.variables import Choice, Quantity
from designlib.spaces.base import Space
from designlib.spaces.boxes import BoxSpace
from designlib.spaces.description import (
    DescribedSpace,
    DesignSpace,
    describe_space,
    described,
    encode_table,
    widened,
)
from designlib.spaces.distances import (
    distances_to,
    nearest_measured,
    orient,
    pairwise_distances,
    span,
)
from designlib.spaces.edits import changes, edits
from designlib.spaces.levels import Levels, LevelSpace
from designlib.spaces.mixed import MixedSpace, Subspace
from designlib.spaces.sequences import SequenceSpace
from designlib.spaces.simplex import SimplexSpace

__all__ = [
    "ALPHABETS",
    "BINARY",
    "DNA",
    "PROTEIN",
    "RNA",
    "Alphabet",
    "BoxSpace",
    "Choice",
    "DescribedSpace",
    "DesignSpace",
    "LevelSpace",
    "Levels",
    "MixedSpace",
    "Quantity",
    "SequenceSpace",
    "SimplexSpace",
    "Space",
    "Subspace",
    "changes",
    "describe_space",
    "described",
    "distances_to",
    "edits",
    "encode_table",
    "nearest_measured",
    "orient",
    "pairwise_distances",
    "span",
    "widened",
]
