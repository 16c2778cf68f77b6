"""What a round's run shows, also after a process was killed while it was logged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow.artifacts import download_artifacts

from tasks.installation.settings import Settings
from tasks.reports.publish import _log
from tasks.stages.results import Round
from tasks.tracking.tracking import artifact_names, client, experiment_id, log_bytes

FIGURES: dict[str, Any] = {
    "batch": {"candidates": 2, "true_percentile": {"best": 99.5}, "note": "text"},
    "predictor": {"rmse": 0.5},
    "confidence": {"level": 0.9},
    "walk": {"rungs": 8},
}
TABLE = pd.DataFrame({"rank": [1, 2], "design": ["ACGT", "GGGG"]})


@pytest.fixture
def round_(home: Path) -> Round:
    experiment = experiment_id(Settings(), "campaign")
    run_id = client().create_run(experiment).info.run_id
    return Round(
        campaign="campaign", number=1, key="key", config_hash="hash",
        experiment_id=experiment, run_id=run_id,
    )  # fmt: skip


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
    _log(round_, files, TABLE, FIGURES)
    assert artifact_names(round_.run_id) == {"report.html", "candidates.json"}
    assert client().get_run(round_.run_id).data.metrics == {
        "batch.candidates": 2,
        "batch.true_percentile.best": 99.5,
        "predictor.rmse": 0.5,
        "confidence.level": 0.9,
        "walk.rungs": 8,
    }
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
