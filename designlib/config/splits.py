"""Which measurements are learned from and which only judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, model_validator

from designlib.config.base import Config


class SplitConfig(Config):
    """Shares of the measured designs; what is left over trains the predictors.

    Designs are ordered by a hash of the seed and the molecule and cut by these shares, so the two
    strands of one molecule never part and a share is exact to one design.
    """

    renamed: ClassVar[Mapping[str, str]] = {"scorer": "validation_model"}

    validation_model: float = Field(
        default=0.15,
        gt=0,
        lt=1,
        description="Share of the designs that train only the validation model, which checks the "
        "candidates.",
    )
    validation: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="Share of the designs on which each checkpoint is measured.",
    )
    test: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="Share of the designs that nothing is trained or chosen on.",
    )

    @model_validator(mode="after")
    def _leave_some(self) -> SplitConfig:
        if self.validation_model + self.validation + self.test > 0.9:
            raise ValueError(
                "validation_model + validation + test must leave at least 0.1 for the predictor"
            )
        return self
