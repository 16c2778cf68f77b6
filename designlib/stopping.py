"""When a campaign ends: rules over what its rounds have brought."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from designlib.record import Record

__all__ = ["StoppingConfig", "reason_to_stop"]


class StoppingConfig(BaseModel):
    """Rules that end a campaign before its last round; those left empty do not count."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    budget: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        title="Budget",
        description="Stop once so many measurements have been made, failed ones included.",
    )
    target: float | None = Field(
        default=None,
        ge=-1e30,
        le=1e30,
        title="Target",
        description="Stop once a candidate is measured at least as good as this, in units of the "
        "objective.",
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        title="Patience",
        description="Stop after so many rounds in a row without a better best candidate.",
    )
    least_gain: float | None = Field(
        default=None,
        ge=0,
        le=1e30,
        title="Least gain",
        description="Stop once the best prediction of a round is ahead of the best measured "
        "candidate by less than this, in units of the objective.",
    )


def reason_to_stop(record: Record, config: StoppingConfig) -> str:
    """Return which rule ends the campaign, in words; empty where it goes on."""
    rounds = record.overview()
    if rounds.empty or rounds["best"].isna().all():
        return ""
    sign = 1.0 if record.proposals[-1].about["maximise"] else -1.0
    done = int((record.measurements["objective"] == "").sum())
    best = sign * np.fmax.accumulate(sign * rounds["best"].to_numpy())
    if config.budget is not None and done >= config.budget:
        return f"budget: {done} of {config.budget} measurements are made"
    if config.target is not None and sign * best[-1] >= sign * config.target:
        return f"target: the best measured is {best[-1]:.6g}, {config.target:g} was wanted"
    if config.patience is not None and len(best) > config.patience:
        before = best[-1 - config.patience]
        if sign * best[-1] <= sign * before:
            return f"patience: no better candidate than {before:.6g} in {config.patience} rounds"
    if config.least_gain is not None:
        last = record.proposals[-1]
        known = record.first(record.known_before(last.round)).results()["value"]
        if len(known):
            gain = (sign * last.rows["predicted_mean"]).max() - (sign * known).max()
            if gain < config.least_gain:
                return (
                    f"least gain: the best prediction of round {last.round} is ahead of the best "
                    f"measured by {gain:.4g}, less than {config.least_gain:g}"
                )
    return ""
