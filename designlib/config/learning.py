"""What is asked about the learning of a campaign's predictors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from designlib.config.base import Config


class LearningConfig(Config):
    """What the learning-order report looks into beside the order of learning."""

    retired: ClassVar[Mapping[str, str]] = {"repeats": "each size is trained on 3 times"}

    motifs: str = Field(default="", description="File of motifs to look for, in the JASPAR format.")
    core: int = Field(
        default=0,
        ge=0,
        le=10_000_000,
        title="Core set",
        description="Rows of a core set that is chosen, trained on and compared with as many "
        "random rows; 0 chooses none.",
    )
    curve: bool = Field(
        default=False,
        title="Learning curve",
        description="Whether predictors are trained on parts of the data, to say what more "
        "measurements are worth.",
    )
