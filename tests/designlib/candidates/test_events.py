"""Entries of a campaign's record as files, of this version and of earlier ones."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from designlib.candidates import to_parquet_bytes
from designlib.candidates.events import (
    LEDGER_VERSION,
    MEASUREMENT_COLUMNS,
    event_bytes,
    measurement_table,
    read_event,
)
from designlib.candidates.ledger import Ledger
from designlib.types import InputError
from tests.designlib.candidates.recorded import ABOUT, candidates, row

RELEASE_0_1 = Path(__file__).parent / "released" / "proposed-0.1.parquet"


def test_an_entry_comes_back_as_it_was_and_the_same_is_the_same_bytes() -> None:
    first = event_bytes("proposed", 3, ABOUT, candidates(3, "ACGT", "CCGT"))
    assert first == event_bytes("proposed", 3, ABOUT, candidates(3, "ACGT", "CCGT"))
    entry = read_event(first, 7, "entry")
    assert (entry.number, entry.kind, entry.round, entry.about) == (7, "proposed", 3, ABOUT)
    assert entry.rows["design"].tolist() == ["ACGT", "CCGT"]


def test_measurements_have_one_schema() -> None:
    table = measurement_table(pd.DataFrame([row("ACGT", 1.0), row("CCGT", None, note="bubble")]))
    assert dict(zip(table.column_names, table.schema.types, strict=True)) == MEASUREMENT_COLUMNS
    assert table["value"].to_pylist() == [1.0, None]


def test_version_1_a_candidate_table_alone_is_read_as_a_proposal() -> None:
    entry = read_event(to_parquet_bytes(candidates(2, "ACGT", "CCGT")), 1, "old")
    assert (entry.kind, entry.round) == ("proposed", 2)
    assert entry.about["alphabet"] == "dna"
    assert entry.about["length"] == 4
    assert entry.about["maximise"] is True
    assert entry.about["value_name"] == "E-score"
    assert entry.about["simulated"] is True
    assert entry.about["round_key"] == "key2"
    assert Ledger((entry,)).pending() == ["ACGT", "CCGT"]


def test_version_2_measured_one_objective() -> None:
    now = measurement_table(pd.DataFrame([row("ACGT", 1.0)]))
    head = {"version": 2, "kind": "measured", "round": 1, "about": {}}
    old = now.drop_columns("objective").replace_schema_metadata(
        {b"campaign_record": json.dumps(head).encode()}
    )
    sink = io.BytesIO()
    pq.write_table(old, sink)
    read = read_event(sink.getvalue(), 1, "old")
    assert read.rows.columns.tolist() == list(MEASUREMENT_COLUMNS)
    assert read.rows["objective"].tolist() == [""]


def test_version_3_knew_no_intervals() -> None:
    later = ["interval_low", "interval_high", "applicability", "feature_distance", "family_energy"]
    head = {"version": 3, "kind": "proposed", "round": 1, "about": ABOUT}
    old = candidates(1, "ACGT", "CCGT").drop_columns(later)
    sink = io.BytesIO()
    named = old.replace_schema_metadata({b"campaign_record": json.dumps(head).encode()})
    pq.write_table(named, sink)
    entry = read_event(sink.getvalue(), 1, "entry")
    assert list(entry.rows) == candidates(1, "ACGT").column_names
    assert entry.rows[later].isna().all(axis=None)
    new = read_event(event_bytes("proposed", 2, ABOUT, candidates(2, "GGGT")), 2, "entry")
    assert len(Ledger((entry, new)).candidates()) == 3


def test_a_proposal_of_release_0_1_is_read_under_present_names() -> None:
    """Ledger version 4: columns and validation models had former names."""
    event = read_event(RELEASE_0_1.read_bytes(), 1, RELEASE_0_1.name)
    assert event.rows["predicted_std"].tolist() == [0.1, 0.2]
    assert event.rows["validation_score"].tolist() == [0.9, 0.4]
    assert event.rows["std_crx"].tolist() == [0.03, 0.02]
    assert event.about["validation_models"] == [{"name": "train", "key": "s"}]
    assert "scorers" not in event.about
    new = read_event(event_bytes("proposed", 2, ABOUT, candidates(2, "GGGT")), 2, "event")
    assert not [name for name in Ledger((event, new)).candidates() if "spread" in str(name)]


def test_a_later_version_is_refused() -> None:
    table = pq.read_table(io.BytesIO(event_bytes("proposed", 1, ABOUT, candidates(1, "ACGT"))))
    head = (table.schema.metadata or {})[b"campaign_record"]
    newer = head.replace(
        f'"version": {LEDGER_VERSION}'.encode(), f'"version": {LEDGER_VERSION + 1}'.encode()
    )
    assert newer != head
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({b"campaign_record": newer}), sink)
    with pytest.raises(InputError, match="version 6; this release reads up to 5"):
        read_event(sink.getvalue(), 1, "x.parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more"])
def test_what_is_no_parquet_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match=r"x\.parquet: not a readable entry"):
        read_event(content, 1, "x.parquet")


def test_other_parquet_is_refused() -> None:
    sink = io.BytesIO()
    pd.DataFrame({"a": [1]}).to_parquet(sink)
    with pytest.raises(InputError, match="neither an entry of a record nor a candidate table"):
        read_event(sink.getvalue(), 1, "x.parquet")
