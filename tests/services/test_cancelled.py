"""A campaign that is cancelled from the page in each of its stages, and taken up again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.faults import CHECKPOINTS, SNAPSHOTS, Undisturbed, outcome, settings
from tests.services.site import Site

__all__ = ["outcome", "settings"]

pytestmark = [pytest.mark.services, pytest.mark.timeout(1200)]


def test_cancelling_in_each_stage(
    site: Site, settings: dict[str, Any], outcome: Undisturbed
) -> None:
    run = site.submit(settings)
    for stage in (
        CHECKPOINTS,
        SNAPSHOTS,
        "stages/score/*/s*.parquet",
    ):
        site.wait_for_files(stage, 2 if stage == CHECKPOINTS else 1)
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
