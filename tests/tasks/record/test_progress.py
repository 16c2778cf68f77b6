"""Which rounds a run goes through, and which rule ends it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from designlib.candidates.events import measurement_table
from designlib.config.stopping import StoppingConfig
from tasks.record import progress
from tasks.record.ledger import held_ledger
from tasks.record.progress import rounds_to_run, stopping_reason
from tests.tasks.record.test_ledger import about, propose, table

START: Any = None


def measure(round_: int, value: float, **others: Any) -> None:
    """Enter one value for each candidate of a round."""
    candidates = table(round_).to_pandas()
    rows = candidates[["candidate_id", "design"]].assign(
        plate="",
        well="",
        replicate=round_,
        objective="",
        outcome="measured",
        value=value,
        error=None,
        note="",
        round=round_,
        source="x",
        source_row=1,
    )
    with held_ledger("c") as held:
        held.append("measured", round_, others, measurement_table(pd.DataFrame(rows)))


def simulated(monkeypatch: pytest.MonkeyPatch, is_it: bool) -> None:
    monkeypatch.setattr(progress, "load_facts", lambda _: SimpleNamespace(has_oracle=is_it))


def test_a_simulated_campaign_goes_through_all_of_its_rounds(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated(monkeypatch, True)
    assert list(rounds_to_run("c", 3, START)) == [1, 2, 3]


def test_a_laboratory_has_one_round_at_a_time(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    simulated(monkeypatch, False)
    assert list(rounds_to_run("c", 1, START)) == [1]
    propose(1)
    assert list(rounds_to_run("c", 1, START)) == [1]  # nothing has come back yet
    measure(1, 1.0)
    assert list(rounds_to_run("c", 1, START)) == [2]
    propose(2)
    assert list(rounds_to_run("c", 1, START)) == [2]


def test_results_that_came_while_a_round_was_computed_start_the_next_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated(monkeypatch, False)
    propose(1)
    measure(1, 1.0)
    with held_ledger("c") as held:
        held.append("proposed", 2, about(2, known=1), table(2))
    assert list(rounds_to_run("c", 1, START)) == [3]


def test_a_rule_ends_a_campaign_after_the_same_round_whatever_followed_it_before(
    home: Path,
) -> None:
    for number, value in enumerate([1.0, 3.0, 5.0], start=1):
        propose(number, simulated=True)
        measure(number, value, by="oracle")
    rule = StoppingConfig(budget=6)
    assert stopping_reason("c", 1, rule) == ""
    assert (
        stopping_reason("c", 2, rule)
        == "ended after round 2 by budget: 6 of 6 measurements are made"
    )
    assert stopping_reason("c", 3, StoppingConfig()) == ""
