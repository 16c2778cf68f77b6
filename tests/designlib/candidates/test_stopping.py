"""Which rule ends a campaign."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from designlib.candidates.events import Event
from designlib.candidates.ledger import Ledger
from designlib.candidates.stopping import reason_to_stop
from designlib.config.stopping import StoppingConfig


def campaign(best: list[float], *, maximise: bool = True, predicted: float = 0.0) -> Ledger:
    """Rounds of two candidates each, of which the better one is given."""
    entries = []
    for number, value in enumerate(best, start=1):
        names = [f"c{number}a", f"c{number}b"]
        proposed = pd.DataFrame(
            {
                "candidate_id": names, "design": names, "round": number, "status": "proposed",
                "predicted_mean": predicted,
            }
        )  # fmt: skip
        worse = value - 1 if maximise else value + 1
        measured = pd.DataFrame(
            {
                "candidate_id": names, "design": names, "plate": "", "well": "",
                "replicate": 1, "objective": "",
                "outcome": "measured", "value": [value, worse], "error": np.nan, "round": number,
            }
        )  # fmt: skip
        about = {"maximise": maximise}
        entries.append(Event(2 * number - 1, "proposed", number, about, proposed, f"p{number}"))
        entries.append(Event(2 * number, "measured", number, {}, measured, f"m{number}"))
    return Ledger(tuple(entries))


def reason(record: Ledger, **rules: float) -> str:
    return reason_to_stop(record, StoppingConfig.model_validate(rules))


def test_without_rules_or_results_it_goes_on() -> None:
    assert reason(campaign([1.0, 2.0])) == ""
    assert reason(Ledger(), budget=1, target=0.0, patience=1, least_gain=1.0) == ""


def test_budget_counts_measurements() -> None:
    assert reason(campaign([1.0, 2.0]), budget=4).startswith("budget: 4 of 4")
    assert reason(campaign([1.0, 2.0]), budget=5) == ""


@pytest.mark.parametrize(("maximise", "target"), [(True, 2.0), (False, 1.0)])
def test_target_in_either_direction(maximise: bool, target: float) -> None:
    now = campaign([1.0, 2.0], maximise=maximise)
    assert reason(now, target=target).startswith("target")
    beyond = target + 0.5 if maximise else target - 0.5
    assert reason(now, target=beyond) == ""


def test_patience_counts_rounds_without_a_better_best() -> None:
    assert reason(campaign([1.0, 3.0, 2.0, 2.5]), patience=2).startswith("patience: no better")
    assert reason(campaign([1.0, 3.0, 2.0, 2.5]), patience=3) == ""
    assert reason(campaign([3.0, 2.0, 2.5], maximise=False), patience=1).startswith("patience")
    assert reason(campaign([3.0, 2.0, 1.5], maximise=False), patience=1) == ""


def test_least_gain_compares_the_last_prediction_with_what_was_known_then() -> None:
    assert "ahead of the best measured by 0.5" in reason(
        campaign([1.0, 9.0], predicted=1.5), least_gain=0.6
    )
    assert reason(campaign([1.0, 9.0], predicted=1.5), least_gain=0.4) == ""
    assert reason(campaign([1.0], predicted=1.5), least_gain=0.6) == ""
