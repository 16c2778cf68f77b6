"""Design spaces: what a design is, and how it looks to a person and to a predictor."""

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

__all__ = [
    "BoxSpace",
    "DescribedSpace",
    "DesignSpace",
    "LevelSpace",
    "Levels",
    "MixedSpace",
    "SequenceSpace",
    "SimplexSpace",
    "Space",
    "describe_space",
    "described",
]
