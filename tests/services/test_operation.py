"""Campaigns run by workers: what an operator sets up, and what a person submits from the page."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import torch

from tests.services.site import CAMPAIGN, NIGHTLY, TRAINING, Site, until

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def completed(site: Site, small: dict[str, Any]) -> dict[str, Any]:
    """The small campaign, submitted as the page does."""
    site.forget("small")
    run = site.submit(small)
    return site.wait_for_state(run, "COMPLETED", seconds=400)


# ---- a campaign in two pools


def test_it_makes_what_the_command_makes(
    site: Site, completed: dict[str, Any], undisturbed: Any
) -> None:
    folder = site.published("small")
    for name in ("candidates.parquet", "candidates.csv", "rejected.parquet"):
        assert (folder / name).read_bytes() == (undisturbed.folder / name).read_bytes()
    site.assert_quiet()


def test_training_and_sampling_run_in_the_gpu_pool(site: Site, completed: dict[str, Any]) -> None:
    assert completed["work_pool_name"] == "cpu"
    children = site.children(completed["id"])
    assert [child["work_pool_name"] for child in children] == ["gpu", "gpu"]
    assert [child["name"] for child in children] == ["train small", "generate small"]
    assert {child["state_type"] for child in children} == {"COMPLETED"}
    # References are handed over, not data.
    assert all(len(json.dumps(child["parameters"])) < 20_000 for child in children)


def test_links_lead_from_each_page_to_the_other(site: Site, completed: dict[str, Any]) -> None:
    runs = {str(run.info.run_name): run for run in site.mlflow_runs(campaign="small")}
    owners = {name: run.data.tags["prefect_flow_run"] for name, run in runs.items()}
    training, generating = (child["id"] for child in site.children(completed["id"]))
    assert owners == {
        "round 01": completed["id"],
        "predictor 1": training,
        "predictor 2": training,
        "validation model 1": training,
        "ensemble": training,
        "generation": generating,
    }
    page = f"http://127.0.0.1:{site.ports['PREFECT_UI_PORT']}/runs/flow-run/{completed['id']}"
    assert page in runs["round 01"].data.tags["mlflow.note.content"]
    artifacts = site.api("POST", "/artifacts/filter", {"artifacts": {"key": {"any_": ["round"]}}})
    (link,) = [a["data"] for a in artifacts if a["flow_run_id"] == completed["id"]]
    run_id = runs["round 01"].info.run_id
    assert f"http://127.0.0.1:{site.ports['MLFLOW_UI_PORT']}/#/experiments/" in link
    assert f"/runs/{run_id}" in link


def test_generation_pins_the_version_it_samples_from(site: Site, completed: dict[str, Any]) -> None:
    runs = site.mlflow_runs(campaign="small")
    (generation,) = [run for run in runs if run.info.run_name == "generation"]
    assert generation.data.params["predictor"] == "models:/small-predictor/1"
    tracking = site.tracking
    version = tracking.get_model_version("small-predictor", "1")
    assert generation.data.params["predictor_hash"] == version.tags["predictor_hash"]
    for alias in ("candidate", "champion"):
        held = tracking.get_model_version_by_alias("small-predictor", alias)
        assert held.version == "1"
    assert -1 <= float(version.tags["ensemble_rank_correlation"]) <= 1
    acceptance = tracking.get_metric_history(generation.info.run_id, "mean_acceptance")
    assert [entry.step for entry in acceptance] == list(range(len(acceptance)))
    assert len(acceptance) > 3


# ---- what is refused


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"seed": -1}, ["seed", "-1"]),
        ({"training": {"members": 0}}, ["members", "0"]),
        ({"execution": {"device": "tpu"}}, ["device", "tpu"]),
        ({"selection": {"batch_size": 5000}}, ["batch_size", "5000"]),
        ({"name": "../elsewhere"}, ["name", "../elsewhere"]),
        ({"colour": "red"}, ["colour"]),
        ({"data": {"source": {"dataset": "tfbind9"}}}, ["tfbind9"]),
    ],
)
def test_the_form_refuses_a_bad_value_and_names_the_field(
    site: Site, changed: dict[str, Any], parts: list[str]
) -> None:
    answer = site.refused({"config": {"name": "x", **changed}})
    for part in parts:
        assert part in answer, answer


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_without_a_gpu_fails_and_says_so(site: Site, small: dict[str, Any]) -> None:
    run = site.submit({**small, "name": "cuda", "execution": {"device": "cuda"}})
    failed = site.wait_for_state(run, "FAILED")
    assert "cuda is set, but this machine has no usable GPU" in failed["state"]["message"]
    assert "train-predictor" in failed["state"]["message"]
    site.assert_quiet()


def test_constraints_that_clash_fail_before_training(site: Site, small: dict[str, Any]) -> None:
    clash = {"gc": {"low": 0.9, "high": 1.0}, "forbidden_motifs": ["S"]}
    run = site.submit({**small, "name": "clash", "constraints": clash})
    failed = site.wait_for_state(run, "FAILED")
    assert "satisf" in failed["state"]["message"]
    assert site.children(run) == []


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret.csv", "~/secret.csv"])
def test_a_table_outside_the_folder_of_tables_is_not_read(
    site: Site, small: dict[str, Any], path: str
) -> None:
    (site.home / "secret.csv").write_text("sequence,value\nsecret,1\n")
    run = site.submit({**small, "name": "outside", "data": {"source": {"path": path}}})
    failed = site.wait_for_state(run, "FAILED")
    assert "tables" in failed["state"]["message"]
    assert "outside" in failed["state"]["message"]
    assert "root:" not in failed["state"]["message"]


# ---- resuming, repeating, queueing


def test_a_retry_repeats_nothing(site: Site, completed: dict[str, Any]) -> None:
    before = {p: p.stat().st_mtime_ns for p in (site.home / "stages").rglob("manifest.json")}
    candidates = (site.published("small") / "candidates.parquet").read_bytes()
    children = [child["id"] for child in site.children(completed["id"])]
    site.retry(completed["id"])
    site.wait_for_state(completed["id"], "RUNNING")
    site.wait_for_state(completed["id"], "COMPLETED")
    after = {p: p.stat().st_mtime_ns for p in (site.home / "stages").rglob("manifest.json")}
    assert after == before
    assert (site.published("small") / "candidates.parquet").read_bytes() == candidates
    # Not even the processes of the finished stages are started again.
    assert [child["id"] for child in site.children(completed["id"])] == children


def test_two_campaigns_share_one_gpu_slot_and_twice_the_same_does_no_harm(
    site: Site, small: dict[str, Any]
) -> None:
    seeds = (11, 12, 12)
    runs = [site.submit({**small, "name": "pair", "seed": seed}) for seed in seeds]
    for run in runs:
        site.wait_for_state(run, "COMPLETED", seconds=600)
    spans = sorted(
        (child["start_time"], child["end_time"]) for run in runs for child in site.children(run)
    )
    assert len(spans) == 6
    for (_, ended), (started, _) in itertools.pairwise(spans):
        assert _time(started) >= _time(ended)
    rounds = [r for r in site.mlflow_runs("FINISHED") if r.data.tags.get("campaign") == "pair"]
    assert len(rounds) == 2
    assert len(list((site.home / "campaigns" / "pair").glob("round-*"))) == 2
    site.assert_quiet()


# ---- deploying


def test_deploying_again_keeps_what_was_set_in_the_page(site: Site) -> None:
    def schedules() -> dict[str, bool]:
        return {s["slug"]: s["active"] for s in site.deployment(NIGHTLY)["schedules"]}

    first = schedules()
    assert "nightly-dna" in first
    assert not any(first.values())
    site.api("PATCH", "/work_pools/gpu", {"concurrency_limit": 3})
    _set_active(site, "nightly-dna", active=True)
    site.operate("deploy")
    assert schedules()["nightly-dna"] is True
    _set_active(site, "nightly-dna", active=False)
    site.operate("deploy")
    assert schedules() == first
    assert site.api("GET", "/work_pools/gpu")["concurrency_limit"] == 3
    assert sorted(found["name"] for found in site.api("POST", "/automations/filter", {})) == [
        "crash runs that have gone silent",
        "crash runs that never began",
    ]
    names = {d["name"] for d in site.api("POST", "/deployments/filter", {})}
    assert names == {"cpu", "gpu", "import-measurements", "nightly-dna", "weekly-materials"}
    site.api("PATCH", "/work_pools/gpu", {"concurrency_limit": 1})


def test_a_schedule_that_is_resumed_produces_runs_with_its_parameters(site: Site) -> None:
    _set_active(site, "nightly-dna", active=True)
    scheduled = until(
        lambda: [r for r in site.runs("SCHEDULED") if r["auto_scheduled"]], 120, lambda: "no runs"
    )
    assert {run["parameters"]["config"]["name"] for run in scheduled} == {"nightly-six6"}
    assert all(_time(r["expected_start_time"]) > datetime.now(UTC) for r in scheduled)
    assert {_time(run["expected_start_time"]).hour for run in scheduled} == {2}
    # Pausing and resuming it, as the page does, has cost it none of them.
    _set_active(site, "nightly-dna", active=False)
    until(lambda: not site.runs("SCHEDULED"), 60, lambda: "runs of a paused schedule stay")


def test_urgent_work_goes_first(site: Site) -> None:
    for pool in ("cpu", "gpu"):
        queues = site.api("POST", f"/work_pools/{pool}/queues/filter", {})
        priorities = {queue["name"]: queue["priority"] for queue in queues}
        assert priorities["urgent"] < priorities["default"]
    assert site.deployment(TRAINING)["work_queue_name"] == "default"
    assert site.deployment(CAMPAIGN)["work_queue_name"] == "default"


def _set_active(site: Site, slug: str, *, active: bool) -> None:
    found = site.deployment(NIGHTLY)
    (schedule,) = [s for s in found["schedules"] if s["slug"] == slug]
    site.api("PATCH", f"/deployments/{found['id']}/schedules/{schedule['id']}", {"active": active})


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
