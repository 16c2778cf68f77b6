"""What is asked of counterfactuals; imports nothing but pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, model_validator

from designlib.config.base import Config


class CounterfactualConfig(Config):
    """Which prediction is wanted, and which edits may lead to it."""

    retired: ClassVar[Mapping[str, str]] = {"rungs": "chains are led along 8 checkpoints"}

    above: float | None = Field(
        default=None, ge=-1e30, le=1e30, description="The prediction is to be at least this."
    )
    below: float | None = Field(
        default=None, ge=-1e30, le=1e30, description="The prediction is to be at most this."
    )
    radius: int = Field(
        default=6,
        ge=1,
        le=1000,
        description="Most edits: letters of a sequence; of other designs variables, a composition "
        "counting as one.",
    )
    keep: tuple[str, ...] = Field(
        default=(),
        description="What may not be edited: positions such as 5 or 9-12, or names of variables; "
        "'composition' for all shares.",
    )
    samples: int = Field(
        default=64, ge=1, le=100_000, description="Chains that start at each design."
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="The same seed gives the same edits.")

    @model_validator(mode="after")
    def _something_is_wanted(self) -> CounterfactualConfig:
        if self.above is None and self.below is None:
            raise ValueError(
                "give above for at least a prediction, below for at most one, both for a target"
            )
        if self.above is not None and self.below is not None and self.above > self.below:
            raise ValueError(f"above {self.above:g} and below {self.below:g} exclude each other")
        return self
