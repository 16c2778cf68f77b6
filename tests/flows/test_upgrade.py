"""A campaign of release 0.1 after an upgrade: its candidates are explained, its rounds go on.

``release_0_1.zip`` is from commit 1e3e39f: the ledger of one round of four candidates, the table,
the predictors, and the manifests of the other stages.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from designlib.config import SplitConfig, TrainingConfig
from flows.campaign import main
from tasks.inputs.config import DataConfig, TableFile
from tasks.inputs.tables import ingest, split
from tasks.record.ledger import load_ledger
from tasks.record.progress import rounds_to_run
from tasks.reports import lineage
from tasks.rounds import importing
from tasks.rounds.importing import import_results
from tasks.rounds.measuring import recall
from tasks.rounds.rounds import last_predictors
from tasks.stages.ensemble import Ensemble
from tasks.stages.table_facts import load_folds

COMMIT = "1e3e39f0493e719e0ec3560776bee6cdf07de2d0"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The installation of a campaign that release 0.1 began."""
    with zipfile.ZipFile(Path(__file__).with_name("release_0_1.zip")) as archive:
        archive.extractall(tmp_path)
    monkeypatch.setenv("DESIGN_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def candidate(home: Path) -> str:
    return str(load_ledger("old").candidates()["candidate_id"].iloc[0])


def test_a_candidate_of_release_0_1_is_explained_with_the_commit_that_can_replay_it(
    home: Path, candidate: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", candidate]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"{candidate}: proposed"
    shown = {line[2:24].strip(): line[24:] for line in printed[1:-1]}
    assert shown["commit"] == COMMIT
    assert "(as now)" not in shown["code"]
    assert json.loads(shown["settings"])["constraints"]["forbidden_motifs"] == ["GATC"]
    assert shown["ledger"].startswith("event 1 in ")
    assert printed[-1] == (
        f"not replayed: other code sampled this design; commit {COMMIT} can replay it in this "
        "DESIGN_HOME"
    )


def test_a_candidate_is_explained_without_its_stages(
    home: Path, candidate: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for manifest in home.glob("stages/score/*/manifest.json"):
        manifest.unlink()
    assert main(["explain", candidate]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1].startswith(
        "not replayed: the scored pool of this candidate is no longer in "
    )


def test_a_stage_of_the_same_code_is_replayed_only_from_all_of_its_files(
    home: Path, candidate: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The samples of that release name no code; here it counts as the present one.
    monkeypatch.setattr(lineage, "code_fingerprint", lambda *makers: None)
    assert main(["explain", candidate]) == 0
    assert "not replayed: the plan of this candidate is no longer in " in capsys.readouterr().out


def test_a_campaign_of_release_0_1_goes_on_with_its_next_round(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "mirror_results", lambda campaign, record: None)
    start = ingest.fn(DataConfig(source=TableFile(path=str(home / "table.csv"), unit="E-score")))
    assert rounds_to_run("old", 1, start) == range(1, 2)
    results = load_ledger("old").candidates()[["candidate_id"]].assign(value=0.4)
    results.to_csv(home / "results.csv", index=False)
    assert import_results.fn("old", home / "results.csv").added == 4
    assert rounds_to_run("old", 1, start) == range(2, 3)
    measured = recall.fn("old", 2, start, load_ledger("old").known_before(2))
    folds = load_folds(split.fn(measured, SplitConfig(), 0))
    assert int((folds["round"] > 0).sum()) == 4
    warm = TrainingConfig(members=1, start="warm")
    (member,) = Ensemble(last_predictors.fn("old", 2, warm)).trajectories
    assert member.steps == (0, 4, 20)
