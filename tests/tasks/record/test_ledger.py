"""The record of a campaign on disk: added to once, damaged, interrupted, and from before it was."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from designlib.candidates import Provenance, build_table, design_id, to_parquet_bytes
from designlib.candidates.events import measurement_table
from designlib.notation.alphabets import DNA
from designlib.types import InputError
from tasks.installation.settings import REPOSITORY
from tasks.record import ledger as module
from tasks.record.ledger import campaign_folder, held_ledger, load_ledger
from tasks.record.status import status_text
from tasks.rounds.importing import find_result_files, import_results

DESIGNS = ["ACGT", "CCGT", "GGGT"]


def table(round_: int = 1, designs: list[str] = DESIGNS) -> pa.Table:
    frame = pd.DataFrame(
        {
            "design": designs,
            "rank": range(1, len(designs) + 1),
            "predicted_mean": 1.0,
            "predicted_std": 0.1,
            "acquisition": 1.0,
            "nearest_measured": "AAAA",
            "distance_to_measured": 1,
            "cluster": 1,
        }
    )
    given = Provenance("c", round_, 0, "p", "d", "c", f"k{round_}", "E-score", "a.u.", True)
    return build_table(frame, DNA, given)


def about(round_: int = 1, **others: Any) -> dict[str, Any]:
    usual = {
        "alphabet": "dna",
        "length": 4,
        "both_strands": False,
        "value_name": "E-score",
        "units": "a.u.",
        "maximise": True,
        "simulated": False,
        "round_key": f"k{round_}",
    }
    return {**usual, **others}


def propose(round_: int = 1, **others: Any) -> bool:
    with held_ledger("c") as held:
        done = held.append("proposed", round_, about(round_, **others), table(round_))
        held.write_overview()
    return done


@pytest.fixture
def results(home: Path, tmp_path: Path) -> Path:
    """A campaign that has proposed a round, and a file of results of it."""
    propose()
    path = tmp_path / "results.csv"
    path.write_text("design,value\nACGT,1.5\nCCGT,2.5\n")
    return path


def names() -> list[str]:
    return sorted(path.name for path in (campaign_folder("c") / "record").glob("*.parquet"))


def overview() -> dict[str, str]:
    rows = pd.read_csv(campaign_folder("c") / "all_rounds.csv")
    return dict(zip(rows["design"], rows["status"], strict=True))


def test_a_proposal_is_entered_once(home: Path) -> None:
    assert load_ledger("c").entries == ()
    assert propose()
    assert not propose()
    assert [name[:15] for name in names()] == ["000001-proposed"]
    assert overview() == dict.fromkeys(DESIGNS, "proposed")
    # The same round by another commit of the same code is the same.
    assert not propose(commit="another")
    assert propose(round_key="another")


def test_results_are_taken_once_and_the_overview_follows(results: Path) -> None:
    first = import_results.fn("c", results)
    assert (first.added, first.known, first.pending) == (2, 0, 1)
    again = import_results.fn("c", results)
    assert (again.added, again.known) == (0, 2)
    assert len(names()) == 2
    assert overview() == {"ACGT": "measured", "CCGT": "measured", "GGGT": "proposed"}
    told = status_text("c")
    assert "best so far: CCGT" in told
    assert "next: run the campaign again; it will propose round 2" in told


def test_a_file_that_is_refused_leaves_no_trace(results: Path) -> None:
    before = {path: path.read_bytes() for path in campaign_folder("c").rglob("*.*")}
    results.write_text("design,value\nACGT,1.5\nCCGT,high\n")
    with pytest.raises(InputError, match="row 3"):
        import_results.fn("c", results)
    assert {path: path.read_bytes() for path in campaign_folder("c").rglob("*.*")} == before


def test_imports_at_the_same_time_lose_and_double_nothing(results: Path) -> None:
    files = [results.with_name(f"{number}.csv") for number in range(1, 5)]
    for number, file in enumerate(files, start=1):
        file.write_text(f"design,value,replicate\nACGT,1.5,1\nGGGT,{number},{number}\n")
    together = Barrier(len(files))

    def take(file: Path) -> int:
        together.wait()
        return import_results.fn("c", file).added

    with ThreadPoolExecutor(len(files)) as pool:
        added = sorted(pool.map(take, files))
    # Whoever comes first brings the row that all of them have.
    assert added == [1, 1, 1, 2]
    assert [name[:6] for name in names()] == [f"{number:06d}" for number in range(1, 6)]
    found = load_ledger("c").results().set_index("design")
    assert found["replicates"].to_dict() == {"ACGT": 1, "GGGT": 4}
    assert found.loc["GGGT", "value"] == 2.5


@pytest.mark.parametrize("fails_at", range(3))
def test_interrupted_at_any_write_and_imported_again_nothing_is_lost_or_doubled(
    results: Path, fails_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = module.write_atomically, []

    def interrupted(path: Path, content: bytes) -> None:
        calls.append(path)
        if len(calls) == fails_at + 1:
            raise KeyboardInterrupt
        write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_atomically", interrupted)
        with pytest.raises(KeyboardInterrupt):
            import_results.fn("c", results)
    import_results.fn("c", results)
    assert len(names()) == 2
    assert load_ledger("c").results()["value"].tolist() == [1.5, 2.5]
    assert overview() == {"ACGT": "measured", "CCGT": "measured", "GGGT": "proposed"}


def test_a_simulated_campaign_takes_no_results(home: Path, tmp_path: Path) -> None:
    propose(simulated=True)
    (tmp_path / "r.csv").write_text("design,value\nACGT,1\n")
    with pytest.raises(InputError, match="is simulated"):
        import_results.fn("c", tmp_path / "r.csv")


def test_a_folder_is_read_file_by_file_in_order(results: Path) -> None:
    (results.parent / "a.csv").write_text("design,value\nGGGT,1\n")
    (results.parent / "notes.docx").write_text("")
    (results.parent / "._a.csv").write_bytes(b"\0")  # as some systems leave them on shares
    assert [p.name for p in find_result_files(str(results.parent))] == ["a.csv", "results.csv"]


@pytest.mark.parametrize("harm", ["changed", "taken away"])
def test_an_entry_that_was_changed_or_taken_away_is_told(results: Path, harm: str) -> None:
    import_results.fn("c", results)
    first = campaign_folder("c") / "record" / names()[0]
    if harm == "changed":
        first.write_bytes(first.read_bytes() + b" ")
    else:
        first.unlink()
    with pytest.raises(InputError, match="event 1 of the campaign's ledger is missing or was"):
        load_ledger("c")


def test_rounds_of_a_release_without_a_record_are_taken_into_it(home: Path) -> None:
    old = campaign_folder("c") / "round-01-abcdefgh" / "candidates.parquet"
    old.parent.mkdir(parents=True)
    old.write_bytes(to_parquet_bytes(table()))
    assert load_ledger("c").pending() == DESIGNS
    assert not (campaign_folder("c") / "record").exists()
    row = {
        "candidate_id": [design_id("ACGT", DNA)],
        "design": ["ACGT"],
        "plate": [""],
        "well": [""],
        "replicate": [1],
        "objective": [""],
        "outcome": ["measured"],
        "value": [1.0],
        "error": [None],
        "note": [""],
        "round": [1],
        "source": ["x"],
        "source_row": [1],
    }
    with held_ledger("c") as held:
        held.append("measured", 1, {"source": "x"}, measurement_table(pd.DataFrame(row)))
    assert [name[:15] for name in names()] == ["000001-proposed", "000002-measured"]
    assert load_ledger("c").pending() == ["CCGT", "GGGT"]


def test_the_query_of_the_guide_runs_on_a_record(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = (REPOSITORY / "docs" / "recipes" / "rounds.md").read_text(encoding="utf-8")
    query = guide.split("```sql\n")[1].split("```")[0]
    rows = {
        "candidate_id": [design_id(design, DNA) for design in ("ACGT", "CCGT")],
        "design": ["ACGT", "CCGT"],
        "plate": "",
        "well": "",
        "replicate": 1,
        "objective": "",
        "outcome": "measured",
        "value": [1.5, 0.0],
        "error": [None, None],
        "note": "",
        "round": 1,
        "source": "x",
        "source_row": [1, 2],
    }
    with held_ledger("c") as held:
        held.append("proposed", 1, {"round_key": "k", "maximise": True}, table())
        held.append("measured", 1, {"source": "x"}, measurement_table(pd.DataFrame(rows)))
    monkeypatch.chdir(campaign_folder("c"))
    answer = duckdb.sql(query)
    assert answer is not None
    found = answer.df()
    predicted = table().to_pandas().set_index("design")
    assert sorted(found["design"]) == ["ACGT", "CCGT"]
    for row in found.itertuples():
        of = predicted.loc[row.design]
        expected = (row.value - of["predicted_mean"]) / of["predicted_std"]
        assert row.deviations == pytest.approx(expected)
    assert found["deviations"].abs().is_monotonic_decreasing
