"""Whole campaigns on real data: what they publish, and what a second one repeats."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from designlib.candidates import read_candidates
from designlib.predictors.training import log_spaced_steps
from tasks.installation.environment import tracking_uri
from tasks.installation.settings import REPOSITORY, Settings

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

PICTURES = {"predicted.png", "ladder.png", "distances.png", "logo.png", "training.png"}
STAGES = [
    "ingest",
    "split",
    "train predictor 1",
    "train predictor 2",
    "train validation model 1",
    "plan sampling",
    "sample shard 1",
    "sample shard 2",
    "gather shards",
    "score",
    "select",
]


@pytest.fixture(scope="module")
def batch(campaigns: dict[str, Any]) -> pd.DataFrame:
    return read_candidates(campaigns["first"].candidates).to_pandas()


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_parquet(REPOSITORY / "data" / "tfbind8_six6.parquet")


# ---- the candidates, checked with means of our own


def test_the_batch_is_full_distinct_and_ranked(batch: pd.DataFrame) -> None:
    assert len(batch) == 24
    assert batch["design"].is_unique
    assert batch["candidate_id"].is_unique
    assert batch["rank"].tolist() == list(range(1, 25))
    assert batch["acquisition"].is_monotonic_decreasing
    assert set(batch["status"]) == {"proposed"}


def test_no_candidate_is_a_molecule_that_the_campaign_has_seen(
    batch: pd.DataFrame, table: pd.DataFrame
) -> None:
    worst = table[table["e_score"].rank(pct=True) <= 0.2]
    seen = set(worst["design"]) | {_other_strand(d) for d in worst["design"]}
    assert len(seen) >= 13_000
    assert not seen & set(batch["design"])
    assert (batch["distance_to_measured"] >= 1).all()
    for design, nearest, distance in batch[
        ["design", "nearest_measured", "distance_to_measured"]
    ].itertuples(index=False):
        assert nearest in seen
        assert distance == min(_changes(design, nearest), _changes(design, _other_strand(nearest)))


def test_every_constraint_is_met(batch: pd.DataFrame) -> None:
    assert batch["feasible"].all()
    verdicts = [name for name in map(str, batch) if name.startswith("constraint_")]
    assert verdicts == [
        f"constraint_{name}"
        for name in ("fixed_sites", "forbidden_motifs", "gc", "hamming_ball", "max_homopolymer")
    ]
    for design in batch["design"]:
        assert _changes(design, "TGATACCC") <= 6
        assert design[7] in "ACG"
        for strand in (design, _other_strand(design)):
            assert not any(motif in strand for motif in ("GGTA", "TTAA", "TTGA"))
        assert 2 <= sum(letter in "GC" for letter in design) <= 6
        assert not any(letter * 4 in design for letter in "ACGT")


def test_the_truth_is_that_of_the_table(batch: pd.DataFrame, table: pd.DataFrame) -> None:
    known = table.set_index("design")["e_score"]
    np.testing.assert_array_equal(batch["true_value"], known[batch["design"]])
    below = [(known < value).mean() for value in batch["true_value"]]
    up_to = [(known <= value).mean() for value in batch["true_value"]]
    assert (batch["true_percentile"] / 100 >= np.array(below) - 1e-9).all()
    assert (batch["true_percentile"] / 100 <= np.array(up_to) + 1e-9).all()


def test_csv_holds_what_parquet_holds(campaigns: dict[str, Any], batch: pd.DataFrame) -> None:
    text = (campaigns["first"].folder / "candidates.csv").read_bytes()
    read = pd.read_csv(io.BytesIO(text))
    assert list(read) == list(batch)
    for name in batch:
        left, right = batch[name], read[name]
        known = left.notna() & (left.astype(str) != "")
        assert (right.notna() == known).all(), name
        assert left[known].tolist() == right[known].tolist(), name


# ---- what lies beside them


def test_the_summary_has_the_figures_of_the_batch(
    campaigns: dict[str, Any], batch: pd.DataFrame
) -> None:
    summary = campaigns["first"].summary
    figures = summary["batch"]
    assert figures["candidates"] == figures["distinct"] == 24
    assert figures["measured_before"] == 0
    assert figures["feasible_share"] == 1.0
    percentile = batch["true_percentile"]
    assert figures["true_percentile"]["median"] == pytest.approx(percentile.median())
    assert figures["true_percentile"]["mean"] == pytest.approx(percentile.mean())
    assert figures["true_percentile"]["best"] == pytest.approx(percentile.max())
    assert 0 <= figures["true_percentile"]["median_of_best_by_score"] <= 100
    letters = [list(design) for design in batch["design"]]
    assert 0 < figures["diversity"] <= len(letters[0])
    assert figures["novelty"] == pytest.approx(batch["distance_to_measured"].mean())
    assert summary["sampling"]["chains"] == {"elite": 300, "random": 300}
    assert summary["sampling"]["gradient_evaluations"] > 0
    assert summary["data"]["designs"] == 65_536
    assert summary["selection"]["batch"]["chosen"] == 24


def test_the_wall_time_is_split(campaigns: dict[str, Any]) -> None:
    first, again = campaigns["first"].summary["wall_time"], campaigns["again"].summary["wall_time"]
    for wall in (first, again):
        parts = ("set_up_seconds", "compute_seconds", "orchestration_seconds")
        assert sum(wall[part] for part in parts) == pytest.approx(wall["total_seconds"], abs=0.05)
        assert wall["orchestration_seconds"] > 0
    assert first["set_up_seconds"] > 1
    assert first["compute_seconds"] > 1
    assert again["set_up_seconds"] == 0
    assert again["compute_seconds"] == 0


def test_report_and_pictures_can_be_opened(campaigns: dict[str, Any]) -> None:
    folder = campaigns["first"].folder
    files = {path.name for path in folder.iterdir()}
    assert files == PICTURES | {
        "candidates.parquet",
        "candidates.csv",
        "rejected.parquet",
        "report.html",
        "summary.json",
    }
    for name in PICTURES:
        assert (folder / name).read_bytes().startswith(b"\x89PNG\r\n")
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert html.lstrip().lower().startswith("<!doctype html")
    assert 'src="http' not in html
    assert 'href="http' not in html
    rejected = pd.read_parquet(folder / "rejected.parquet")
    assert (rejected["rejected_because"] != "").all()


def test_the_screen_ends_with_the_places_and_the_figures(campaigns: dict[str, Any]) -> None:
    screen = campaigns["first"].screen
    assert screen.startswith("24 candidates, 100% feasible")
    for name in ("candidates.parquet", "report.html", "summary.json"):
        assert name in screen
    assert "0 of 11 stages reused" in screen
    assert "11 of 11 stages reused" in campaigns["again"].screen


# ---- what MLflow holds


@pytest.fixture
def tracking(campaigns: dict[str, Any]) -> MlflowClient:
    address = tracking_uri(Settings(home=campaigns["first"].home))
    # The registry follows it; set by itself it would stay so for every test of this process.
    mlflow.set_tracking_uri(address)
    return MlflowClient()


@pytest.fixture
def parent(campaigns: dict[str, Any], tracking: MlflowClient) -> Run:
    return tracking.get_run(campaigns["first"].summary["mlflow_run_id"])


def test_one_parent_run_with_a_nested_run_per_member(parent: Run, tracking: MlflowClient) -> None:
    assert parent.info.status == "FINISHED"
    assert parent.data.params["sampling.chains"] == "600"
    assert parent.data.params["seed"] == "3"
    assert parent.data.metrics["batch.candidates"] == 24
    nested = _nested(parent, tracking)
    assert sorted(str(run.info.run_name) for run in nested) == [
        "ensemble",
        "generation",
        "predictor 1",
        "predictor 2",
        "validation model 1",
    ]
    assert {run.info.status for run in nested} == {"FINISHED"}


def test_every_checkpoint_is_logged_at_its_step(parent: Run, tracking: MlflowClient) -> None:
    steps = list(log_spaced_steps(60, 8))
    members = [run for run in _nested(parent, tracking) if "number" in run.data.params]
    assert len(members) == 3
    for run in members:
        for metric in ("train_loss", "validation_loss", "validation_rank_correlation", "spread"):
            history = tracking.get_metric_history(run.info.run_id, metric)
            assert [entry.step for entry in history] == steps
        files = tracking.list_artifacts(run.info.run_id, "checkpoints")
        assert [file.path for file in files] == [
            f"checkpoints/checkpoint-{step:08d}.safetensors" for step in steps
        ]
        assert run.data.params["steps"] == "60"
        assert run.data.params["network.architecture"] == "cnn"


def test_the_data_set_is_a_logged_input(parent: Run) -> None:
    assert parent.inputs is not None
    (entry,) = parent.inputs.dataset_inputs
    assert entry.dataset.name == "tfbind8_six6.parquet"
    assert json.loads(entry.dataset.profile or "")["num_rows"] == 65_536
    assert [(tag.key, tag.value) for tag in entry.tags] == [("mlflow.data.context", "training")]


def test_the_candidate_table_can_be_read_in_mlflow(
    parent: Run, tracking: MlflowClient, batch: pd.DataFrame
) -> None:
    shown = tracking.load_table(parent.info.experiment_id, "candidates.json", [parent.info.run_id])
    assert shown["design"].tolist() == batch["design"].tolist()
    assert shown["rank"].tolist() == batch["rank"].tolist()
    np.testing.assert_allclose(shown["predicted_mean"], batch["predicted_mean"], rtol=1e-3)
    logged = {file.path for file in tracking.list_artifacts(parent.info.run_id)}
    assert logged >= PICTURES | {"candidates.parquet", "report.html", "summary.json"}


def test_the_registered_predictor_predicts_what_the_table_says(
    tracking: MlflowClient, batch: pd.DataFrame
) -> None:
    model = mlflow.pyfunc.load_model("models:/small-predictor@candidate")
    # The campaign with another seed has since registered another version; the table's is the
    # first one.
    first = mlflow.pyfunc.load_model("models:/small-predictor/1")
    predicted = first.predict(batch[["design"]])
    np.testing.assert_allclose(predicted["predicted"], batch["predicted_mean"], rtol=1e-5)
    assert not np.allclose(model.predict(batch[["design"]]), predicted)
    assert len(tracking.search_model_versions("name = 'small-predictor'")) == 2


# ---- what is repeated and what is not


def test_an_identical_campaign_reuses_every_stage(campaigns: dict[str, Any]) -> None:
    first, again = campaigns["first"], campaigns["again"]
    assert first.summary["stages"] == dict.fromkeys(STAGES, "computed")
    assert again.summary["stages"] == dict.fromkeys(STAGES, "reused")
    for path in first.folder.iterdir():
        if path.name != "summary.json":
            assert path.read_bytes() == (again.folder / path.name).read_bytes(), path.name
    assert again.summary["mlflow_run_id"] == first.summary["mlflow_run_id"]


def test_a_setting_of_the_selection_repeats_only_the_selection(campaigns: dict[str, Any]) -> None:
    changed = campaigns["selection"]
    expected = {**dict.fromkeys(STAGES, "reused"), "select": "computed"}
    assert changed.summary["stages"] == expected
    assert changed.candidates != campaigns["first"].candidates


def test_another_seed_trains_anew(campaigns: dict[str, Any]) -> None:
    changed = campaigns["seed"]
    expected = {**dict.fromkeys(STAGES, "computed"), "ingest": "reused"}
    assert changed.summary["stages"] == expected
    designs = set(read_candidates(changed.candidates)["design"].to_pylist())
    assert designs != set(read_candidates(campaigns["first"].candidates)["design"].to_pylist())


def test_a_table_of_the_users_own(campaigns: dict[str, Any], table: pd.DataFrame) -> None:
    own = campaigns["own"]
    batch = read_candidates(own.candidates).to_pandas()
    measured = set(table["design"].iloc[::160])
    assert len(batch) == 24
    assert not measured & set(batch["design"])
    assert batch["true_percentile"].isna().all()
    assert "true_percentile" not in own.summary["batch"]
    # Small values are wanted: the batch is predicted to be below what was measured.
    values = table["e_score"].iloc[::160]
    assert batch["predicted_mean"].median() < values.median()
    assert own.summary["data"]["guesses"].keys() >= {"design", "value"}
    assert own.summary["data"]["rows_read"] == len(measured) + 40
    assert "true percentile" not in own.screen


def test_each_round_and_each_member_has_one_run(
    campaigns: dict[str, Any], tracking: MlflowClient
) -> None:
    home: Path = campaigns["first"].home
    small = tracking.get_experiment_by_name("small")
    assert small is not None
    names = [str(run.info.run_name) for run in tracking.search_runs([small.experiment_id])]
    # Of three rounds, the one with another selection has the members of the first.
    assert sorted(names) == [
        *["ensemble"] * 2,
        *["generation"] * 3,
        *["predictor 1"] * 2,
        *["predictor 2"] * 2,
        *["round 01"] * 3,
        *["validation model 1"] * 2,
    ]
    assert len({campaigns[n].summary["mlflow_run_id"] for n in ("first", "selection", "seed")}) == 3
    assert list(home.rglob("*.tmp")) == []


def _nested(parent: Run, tracking: MlflowClient) -> list[Run]:
    of_parent = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    return list(tracking.search_runs([parent.info.experiment_id], of_parent))


def _other_strand(design: str) -> str:
    return design[::-1].translate(str.maketrans("ACGT", "TGCA"))


def _changes(design: str, other: str) -> int:
    return sum(a != b for a, b in zip(design, other, strict=True))
