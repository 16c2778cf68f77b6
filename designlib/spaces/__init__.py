"""Design spaces: what a design is, and how it looks to a person and to a predictor."""

from designlib.spaces.base import Space
from designlib.spaces.boxes import BoxSpace
from designlib.spaces.description import (
    DescribedSpace,
    DesignSpace,
    describe_space,
    described,
)
from designlib.spaces.sequences import ALPHABETS, BINARY, DNA, PROTEIN, RNA, Alphabet, SequenceSpace
from designlib.spaces.simplex import SimplexSpace

__all__ = [
    "ALPHABETS",
    "BINARY",
    "DNA",
    "PROTEIN",
    "RNA",
    "Alphabet",
    "BoxSpace",
    "DescribedSpace",
    "DesignSpace",
    "SequenceSpace",
    "SimplexSpace",
    "Space",
    "describe_space",
    "described",
]
