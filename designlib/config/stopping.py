"""When a campaign ends."""

from __future__ import annotations

from pydantic import Field

from designlib.config.base import Config


class StoppingConfig(Config):
    """Rules that end a campaign before its last round; those left empty do not count."""

    budget: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="Stop once so many measurements have been made, failed ones included.",
    )
    target: float | None = Field(
        default=None,
        ge=-1e30,
        le=1e30,
        description="Stop once a candidate is measured at least as good as this, in units of the "
        "objective.",
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Stop after so many rounds in a row without a better best candidate.",
    )
    least_gain: float | None = Field(
        default=None,
        ge=0,
        le=1e30,
        description="Stop once the best prediction of a round is ahead of the best measured "
        "candidate by less than this, in units of the objective.",
    )
