"""What goes wrong where servers and workers run for weeks, and what a campaign makes of it.

Each test begins with a campaign of which nothing has been done yet, and ends with the candidates of
an undisturbed one, whatever happened on the way.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.site import Site

pytestmark = [pytest.mark.services, pytest.mark.timeout(1200)]

_CHECKPOINTS = "stages/train/*/checkpoint-*.safetensors"
_AWAY_SECONDS = 60


class Undisturbed:
    """The candidates that every test has to end in, and the check that nothing was done twice."""

    def __init__(self, site: Site, expected: Path) -> None:
        self._site = site
        self._expected = expected
        self._done: dict[Path, int] = {}

    def remember(self) -> None:
        """Note which stages are finished now."""
        found = (self._site.home / "stages").rglob("manifest.json")
        self._done |= {path: path.stat().st_mtime_ns for path in found}

    def check(self) -> None:
        """Check the outcome against an undisturbed campaign's, and what is left behind."""
        assert self._done
        for path, written in self._done.items():
            assert path.stat().st_mtime_ns == written, f"{path} was made again"
        folder = self._site.published("small")
        for name in ("candidates.parquet", "candidates.csv", "rejected.parquet"):
            assert (folder / name).read_bytes() == (self._expected / name).read_bytes(), name
        self._site.assert_quiet()
        finished = sorted(str(r.info.run_name) for r in self._mlflow_runs("FINISHED"))
        assert finished == [
            "ensemble", "generation", "predictor 1", "predictor 2", "round 01", "scorer 1",
        ]  # fmt: skip
        assert len(self._mlflow_runs(None)) == len(finished)

    def _mlflow_runs(self, status: str | None) -> list[Any]:
        experiment = self._site.tracking.get_experiment_by_name("small")
        assert experiment is not None
        runs = self._site.mlflow_runs(status)
        return [run for run in runs if run.info.experiment_id == experiment.experiment_id]


@pytest.fixture
def outcome(site: Site, undisturbed: Any) -> Undisturbed:
    site.forget("small")
    return Undisturbed(site, undisturbed.folder)


@pytest.fixture
def settings(small: dict[str, Any]) -> dict[str, Any]:
    """The small campaign in four shards, so that there is more to interrupt; same candidates."""
    return {**small, "execution": {"device": "cpu", "shards": 4}}


def test_processes_and_workers_that_are_killed(
    site: Site, settings: dict[str, Any], outcome: Undisturbed
) -> None:
    run = site.submit(settings)

    # The process of the campaign: Prefect knows at once.
    site.wait_for_files("stages/split/*/folds.parquet")
    site.kill_run(run)
    site.wait_for_state(run, "CRASHED")
    outcome.remember()
    site.retry(run)

    # The process of a flow that was handed over: the campaign is told.
    site.wait_for_files(_CHECKPOINTS, 3)
    site.kill_run(site.children(run)[-1]["id"])
    failed = site.wait_for_state(run, "FAILED")
    assert "train-predictor ended Crashed" in failed["state"]["message"]
    outcome.remember()
    site.retry(run)

    # A worker: its runs notice and end, and it is started again.
    site.wait_for_files(_CHECKPOINTS, 11)
    site.kill_command("worker", "gpu")
    failed = site.wait_for_state(run, "FAILED")
    assert "train-predictor ended Crashed" in failed["state"]["message"]
    outcome.remember()
    site.retry(run)

    # Workers and processes together: nobody is left to tell. The server notices the silence.
    site.wait_for_files("stages/walk-shard/*/snapshots.parquet")
    child = site.children(run)[-1]["id"]
    site.kill_command("worker", "gpu")
    site.kill_command("worker", "cpu")
    site.kill_run(child)
    site.kill_run(run)
    outcome.remember()
    for lost in (run, child):
        crashed = site.wait_for_state(lost, "CRASHED", seconds=200)
        assert "No sign of life" in crashed["state"]["message"]
    site.retry(run)
    site.wait_for_state(run, "COMPLETED")
    outcome.check()


def test_cancelling_in_each_stage(
    site: Site, settings: dict[str, Any], outcome: Undisturbed
) -> None:
    run = site.submit(settings)
    for stage in (
        _CHECKPOINTS,
        "stages/walk-shard/*/snapshots.parquet",
        "stages/score/*/s*.parquet",
    ):
        site.wait_for_files(stage, 2 if stage == _CHECKPOINTS else 1)
        children = [child["id"] for child in site.children(run)]
        site.cancel(run)
        site.wait_for_state(run, "CANCELLED", seconds=90)
        for child in children:
            site.wait_for_state(child, "CANCELLED", "COMPLETED", seconds=90)
        site.assert_quiet()
        outcome.remember()
        site.retry(run)
    site.wait_for_state(run, "COMPLETED")
    outcome.check()


@pytest.fixture
def slow_to_restart(site: Site) -> Iterator[None]:
    """Servers that stay away for a minute when they are killed."""
    site.stop_only("server")
    site.operate("server", DESIGN_RESTART_SECONDS=str(_AWAY_SECONDS))
    yield
    site.stop_only("server")
    site.operate("server")


def test_servers_that_are_away_for_a_minute(
    site: Site, settings: dict[str, Any], outcome: Undisturbed, slow_to_restart: None
) -> None:
    run = site.submit(settings)
    site.wait_for_files(_CHECKPOINTS, 2)
    site.kill_command("mlflow", "server")
    outcome.remember()
    site.wait_for_files("stages/plan/*/plan.json", seconds=300)
    site.kill_command("prefect", "server")
    outcome.remember()
    ended = site.wait_for_state(run, seconds=400)
    for _ in range(3):
        if ended["state_type"] == "COMPLETED":
            break
        site.retry(run)
        site.wait_for_state(run, "RUNNING", "COMPLETED")
        ended = site.wait_for_state(run, seconds=300)
    assert ended["state_type"] == "COMPLETED", ended["state"]
    outcome.check()


@pytest.fixture
def small_disk(site: Site, outcome: Undisturbed) -> Iterator[Path]:
    """A file system of 600 kB for the stages."""
    stages = site.home / "stages"
    stages.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(stages)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield stages
    subprocess.run(["umount", "--lazy", str(stages)], check=True)


def test_a_disk_that_is_full(
    site: Site, settings: dict[str, Any], outcome: Undisturbed, small_disk: Path
) -> None:
    run = site.submit(settings)
    failed = site.wait_for_state(run, "FAILED", "CRASHED")
    assert "No space left on device" in failed["state"]["message"]
    assert list(small_disk.rglob("*.tmp")) == []
    outcome.remember()
    subprocess.run(["mount", "-o", "remount,size=100m", str(small_disk)], check=True)
    site.retry(run)
    site.wait_for_state(run, "RUNNING")
    site.wait_for_state(run, "COMPLETED")
    outcome.check()
