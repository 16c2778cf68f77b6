"""Servers that are away for a minute, and a disk that is full."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.faults import CHECKPOINTS, Undisturbed, outcome, settings
from tests.services.site import Site

__all__ = ["outcome", "settings"]

pytestmark = [pytest.mark.services, pytest.mark.timeout(1200)]

_AWAY_SECONDS = 60


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
    site.wait_for_files(CHECKPOINTS, 2)
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
