"""What follows from the entries of a campaign's record."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from designlib.candidates import design_id
from designlib.candidates.events import Event, event_bytes, measurement_table, read_event
from designlib.candidates.ledger import Ledger
from designlib.notation.alphabets import DNA
from tests.designlib.candidates.recorded import ABOUT, candidates, row


def record(*steps: tuple[Any, ...]) -> Ledger:
    """A record of ("proposed", round, designs...) and ("measured" or "oracle", round, rows...)."""
    entries = []
    for number, (kind, round_, *content) in enumerate(steps, start=1):
        if kind == "proposed":
            content_bytes = event_bytes("proposed", round_, ABOUT, candidates(round_, *content))
        else:
            about = {"by": "oracle"} if kind == "oracle" else {"source": "f.csv"}
            rows = measurement_table(pd.DataFrame(content))
            content_bytes = event_bytes("measured", round_, about, rows)
        entries.append(read_event(content_bytes, number, "entry"))
    return Ledger(tuple(entries))


def test_an_empty_record_knows_nothing() -> None:
    empty = Ledger()
    assert empty.rounds == 0
    assert not empty.has_news
    assert empty.pending() == []
    assert empty.results().empty
    assert empty.candidates().empty
    assert empty.known_before(1) == 0


def test_candidates_wait_until_a_value_or_a_failure_is_known() -> None:
    now = record(
        ("proposed", 1, "ACGT", "CCGT", "GGGG"),
        ("measured", 1, row("ACGT", 2.0), row("GGGG", None)),
    )
    assert now.pending() == ["CCGT"]
    assert now.has_news
    state = now.candidates().set_index("design")
    assert state["status"].to_dict() == {"ACGT": "measured", "CCGT": "proposed", "GGGG": "failed"}
    assert state.loc["ACGT", "measured_value"] == 2.0
    assert now.results()["design"].tolist() == ["ACGT"]


def test_a_failed_well_beside_a_good_one_does_not_hide_the_value() -> None:
    now = record(
        ("proposed", 1, "ACGT"),
        ("measured", 1, row("ACGT", None, well="A1"), row("ACGT", 3.0, well="A2")),
    )
    assert now.candidates()["status"].tolist() == ["measured"]


def test_a_later_row_of_the_same_well_corrects_an_earlier_one() -> None:
    now = record(
        ("proposed", 1, "ACGT"),
        ("measured", 1, row("ACGT", 2.0, well="A1")),
        ("measured", 1, row("ACGT", 5.0, well="A1"), row("ACGT", 7.0, well="A2")),
    )
    (result,) = now.results().to_dict("records")
    assert result["value"] == 6.0
    assert result["replicates"] == 2
    assert result["spread"] == pytest.approx(np.std([5.0, 7.0], ddof=1))


def test_replicates_with_errors_are_weighted_by_inverse_variance() -> None:
    now = record(
        ("proposed", 1, "ACGT"),
        ("measured", 1, row("ACGT", 1.0, error=0.1), row("ACGT", 4.0, replicate=2, error=0.2)),
    )
    (result,) = now.results().to_dict("records")
    weights = np.array([1 / 0.1**2, 1 / 0.2**2])
    assert result["value"] == pytest.approx((weights * [1.0, 4.0]).sum() / weights.sum())
    assert result["error"] == pytest.approx(1 / np.sqrt(weights.sum()))


def test_a_new_proposal_of_a_round_replaces_that_round_and_later_ones() -> None:
    now = record(
        ("proposed", 1, "ACGT"), ("oracle", 1, row("ACGT", 1.0)),
        ("proposed", 2, "CCGT"), ("oracle", 2, row("CCGT", 2.0, round=2)),
        ("proposed", 1, "GGGG"),
    )  # fmt: skip
    assert [entry.number for entry in now.current] == [5]
    assert now.rounds == 1
    assert now.pending() == ["GGGG"]
    assert now.results().empty


def test_what_was_measured_in_a_laboratory_is_never_replaced() -> None:
    now = record(
        ("proposed", 1, "ACGT", "AAGT"), ("proposed", 1, "CCGT"),
        ("measured", 1, row("ACGT", 1.0)),
    )  # fmt: skip
    assert [entry.number for entry in now.current] == [1, 2, 3]
    assert now.pending() == ["AAGT", "CCGT"]
    assert now.results()["design"].tolist() == ["ACGT"]


def test_a_round_knows_what_was_there_before_it_was_proposed() -> None:
    now = record(
        ("proposed", 1, "ACGT", "AAGT"), ("measured", 1, row("ACGT", 1.0)),
        ("proposed", 2, "CCGT"), ("measured", 2, row("AAGT", 2.0, round=2)),
    )  # fmt: skip
    first, second, third = (now.first(now.known_before(number)) for number in (1, 2, 3))
    assert first.entries == ()
    assert second.results()["design"].tolist() == ["ACGT"]
    assert second.pending() == ["AAGT"]
    assert third.results()["design"].tolist() == ["AAGT", "ACGT"]
    assert third.results()["round"].tolist() == [2, 1]


def test_results_that_come_while_a_round_is_computed_are_news_to_it() -> None:
    given = ("proposed", 1, "ACGT"), ("measured", 1, row("ACGT", 1.0)), ("proposed", 2, "CCGT")
    now = record(*given)
    assert not now.has_news
    # The second round began before the results came.
    late = now.entries[2]._replace(about={**ABOUT, "known": 1})
    now = Ledger((*now.entries[:2], late))
    assert now.has_news
    assert now.first(now.known_before(2)).results().empty
    assert now.first(now.known_before(3)).results()["design"].tolist() == ["ACGT"]


def test_a_candidate_is_found_by_its_id_also_where_it_was_replaced() -> None:
    now = record(("proposed", 1, "ACGT"), ("proposed", 1, "CCGT"))
    assert now.find(design_id("ACGT", DNA))["design"].tolist() == ["ACGT"]
    assert now.find("c-000000000000").empty
    assert isinstance(now.entries[0], Event)
