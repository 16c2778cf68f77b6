"""Design spaces: what a design is, and how it looks to a person and to a predictor."""

from designlib.notation.alphabets import ALPHABETS, BINARY, DNA, PROTEIN, RNA, Alphabet
from designlib.spaces.base import Space
from designlib.spaces.boxes import BoxSpace
from designlib.spaces.description import (
    DescribedSpace,
    DesignSpace,
    describe_space,
    described,
)
from designlib.spaces.levels import Levels, LevelSpace
from designlib.spaces.mixed import MixedSpace
from designlib.spaces.sequences import SequenceSpace
from designlib.spaces.simplex import SimplexSpace
from designlib.notation.variables import Choice, Quantity

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
    "describe_space",
    "described",
]
