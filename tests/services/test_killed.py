"""Processes and workers that are killed, alone and together."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.faults import CHECKPOINTS, SNAPSHOTS, Undisturbed, outcome, settings
from tests.services.site import Site

__all__ = ["outcome", "settings"]

pytestmark = [pytest.mark.services, pytest.mark.timeout(1800)]


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
    site.wait_for_files(CHECKPOINTS, 3)
    site.kill_run(site.children(run)[-1]["id"])
    failed = site.wait_for_state(run, "FAILED")
    assert "train-predictor ended Crashed" in failed["state"]["message"]
    outcome.remember()
    site.retry(run)

    # A worker: its runs notice and end, and it is started again. A training that was over before it
    # noticed has lost nothing; then the same is tried on another run.
    ended: dict[str, Any] = {}
    for _ in range(3):
        site.wait_for_files(CHECKPOINTS, 11)
        site.kill_command("worker", "gpu")
        ended = site.wait_for_state(run, "FAILED", "COMPLETED")
        if ended["state_type"] == "FAILED":
            break
        outcome.check()
        site.forget("small")
        outcome.forget()
        run = site.submit(settings)
    assert ended["state_type"] == "FAILED"
    assert "train-predictor ended Crashed" in ended["state"]["message"]
    outcome.remember()
    site.retry(run)

    # Workers and processes together: nobody is left to tell. The server notices the silence.
    site.wait_for_files(SNAPSHOTS)
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
