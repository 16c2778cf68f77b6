"""The benchmark command: what it publishes, that it goes on, and what it refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from designlib.errors import InputError
from flows.benchmark import compare_methods, main
from tasks.installation.settings import REPOSITORY
from tasks.tracking.tracking import client_of

SMALL = ("--methods", "gradient chain", "trajectory annealing", "--untuned", "--seeds", "1")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows.benchmark", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=580,
    )


@pytest.mark.services
@pytest.mark.timeout(1200)
def test_a_comparison_is_published_and_a_second_one_adds_to_it(home: Path) -> None:
    first = run("ackley-10", *SMALL, "--budget", "30")
    assert first.returncode == 0, first.stderr
    page, runs_file = home / "benchmarks/BENCHMARKS.md", home / "benchmarks/runs.parquet"
    assert first.stdout == f"page: {page}\n"
    assert "[ackley-10](ackley-10.md)" in page.read_text()
    assert (home / "benchmarks/budget-ackley-10.png").stat().st_size > 10_000
    before = {path: path.stat().st_mtime_ns for path in home.rglob("manifest.json")}
    rows = pd.read_parquet(runs_file)
    assert sorted(rows["method"]) == ["gradient chain", "trajectory annealing"]

    second = run("ackley-10", *SMALL, "--budget", "30", "60")
    assert second.returncode == 0, second.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before
    known = pd.read_parquet(runs_file)
    assert len(known) == 4
    pd.testing.assert_frame_equal(known[known["budget"] == 30].reset_index(drop=True), rows)

    tracking = client_of(os.environ["MLFLOW_TRACKING_URI"])
    experiment = tracking.get_experiment_by_name("benchmarks")
    assert experiment
    runs = tracking.search_runs([experiment.experiment_id])
    assert [run.info.run_name for run in runs] == ["ackley-10", "ackley-10"]
    logged = {file.path for file in tracking.list_artifacts(runs[0].info.run_id)}
    assert logged >= {"BENCHMARKS.md", "runs.parquet", "runs.json"}


@pytest.mark.services
@pytest.mark.timeout(1200)
def test_a_comparison_that_is_interrupted_ends_with_its_processes(home: Path) -> None:
    with subprocess.Popen(
        # Enough to do for minutes.
        [sys.executable, "-m", "flows.benchmark", "ackley-10", *SMALL, "--budget", "30", "60000"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as command:
        deadline = time.monotonic() + 120
        while not list(home.glob("stages/comparison-run/*/manifest.json")):
            assert command.poll() is None, command.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(command.pid, signal.SIGINT)
        try:
            # Its pipes close with the last process that has them, not only with the first.
            said = command.communicate(timeout=90)[1]
        finally:
            command.kill()
    assert command.returncode == 130, said
    assert "interrupted; the same command goes on from here" in said


def test_methods_that_work_on_none_of_the_problems_are_refused() -> None:
    with pytest.raises(InputError, match="AdaLead: no such method works on ackley-10"):
        compare_methods.fn(("ackley-10",), ("AdaLead",))


def test_a_task_that_is_not_known_is_refused_with_those_that_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["needle-4"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: there is no task 'needle-4'; accepted are")
    assert "needle-3" in line
