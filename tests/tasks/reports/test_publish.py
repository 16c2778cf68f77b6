"""What a round's run shows, also after a process was killed while it was logged."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from mlflow.artifacts import download_artifacts

from designlib.reports import RoundFigures
from tasks.installation.settings import Settings
from tasks.reports.publish import _log
from tasks.stages.results import Round
from tasks.tracking.tracking import artifact_names, client, experiment_id, log_bytes

_OLD = Path(__file__).with_name("summary_of_release_0_1.json")
FIGURES = RoundFigures.from_json(_OLD.read_bytes())
TABLE = pd.DataFrame({"rank": [1, 2], "design": ["ACGT", "GGGG"]})


@pytest.fixture
def round_(home: Path) -> Round:
    experiment = experiment_id(Settings(), "campaign")
    run_id = client().create_run(experiment).info.run_id
    return Round(
        campaign="campaign",
        number=1,
        key="key",
        config_hash="hash",
        experiment_id=experiment,
        run_id=run_id,
    )


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    report = tmp_path / "report.html"
    report.write_text("<!doctype html>", encoding="utf-8")
    return {"report.html": report}


def logged(round_: Round, name: str, folder: Path) -> bytes:
    run = client().get_run(round_.run_id)
    folder.mkdir()
    place = download_artifacts(f"{run.info.artifact_uri}/{name}", dst_path=str(folder))
    return Path(place).read_bytes()


def test_files_table_and_figures_are_logged(
    round_: Round, files: dict[str, Path], tmp_path: Path
) -> None:
    old = json.loads(_OLD.read_bytes())
    _log(round_, files, TABLE, FIGURES)
    assert artifact_names(round_.run_id) == {"report.html", "candidates.json"}
    metrics = client().get_run(round_.run_id).data.metrics
    assert metrics["batch.true_percentile.best"] == old["batch"]["true_percentile"]["best"]
    assert metrics["predictor.validation_model_rmse"] == old["predictor"]["heldout_scorer_rmse"]
    assert metrics["confidence.level"] == 0.9
    assert metrics["sampling.chains.random"] == old["walk"]["chains"]["random"]
    assert "batch.diversity" in metrics
    shown = client().load_table(round_.experiment_id, "candidates.json", [round_.run_id])
    assert shown.to_dict("list") == TABLE.to_dict("list")


def test_half_of_a_file_is_replaced_until_the_summary_is_there(
    round_: Round, files: dict[str, Path], tmp_path: Path
) -> None:
    log_bytes(round_.run_id, "report.html", b"<!doc")
    log_bytes(round_.run_id, "candidates.json", b'{"colu')
    _log(round_, files, TABLE, FIGURES)
    assert logged(round_, "report.html", tmp_path / "1") == b"<!doctype html>"
    shown = client().load_table(round_.experiment_id, "candidates.json", [round_.run_id])
    assert len(shown) == 2
    # With the summary all is logged, and is not logged again.
    log_bytes(round_.run_id, "summary.json", b"{}")
    files["report.html"].unlink()
    _log(round_, files, TABLE, FIGURES)
    assert logged(round_, "report.html", tmp_path / "2") == b"<!doctype html>"


def test_a_summary_of_release_0_1_is_read_and_a_written_one_is_read_back() -> None:
    assert (
        FIGURES.batch.validation_median == json.loads(_OLD.read_bytes())["batch"]["heldout_median"]
    )
    written = FIGURES.as_dict()
    assert RoundFigures.from_json(json.dumps(written).encode()) == FIGURES
    # Optional figures that are unknown stay out of the file.
    assert "ladder" not in written["sampling"]
    assert "ensemble_ndcg" not in written["predictor"]
