"""When a campaign ends: rules over what its rounds have brought."""

from __future__ import annotations

import numpy as np

from designlib.candidates.ledger import Ledger
from designlib.config import StoppingConfig


def reason_to_stop(record: Ledger, config: StoppingConfig) -> str:
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
