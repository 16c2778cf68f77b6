"""Servers that are away until they are started again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.faults import CHECKPOINTS, Undisturbed, outcome, settings
from tests.services.site import Site

__all__ = ["outcome", "settings"]

pytestmark = [pytest.mark.services, pytest.mark.timeout(1200)]


def test_an_outage_of_each_server_breaks_no_campaign(
    site: Site, settings: dict[str, Any], outcome: Undisturbed
) -> None:
    run = site.submit(settings)
    site.wait_for_files(CHECKPOINTS, 2)
    site.kill_command("mlflow", "server")
    outcome.remember()
    site.wait_for_files("stages/plan/*/plan.json", seconds=300)
    site.kill_command("tasks.servers.guard")
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
