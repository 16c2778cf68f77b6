"""The figures and the report of a round, made from its stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect import task

from tasks.log import run_logger
from tasks.results import Round, RoundStages
from tasks.settings import Settings
from tasks.stages import StageResult, run_stage

__all__ = ["write_report"]


@task(name="write-report")
def write_report(stages: RoundStages, round_: Round, config: Mapping[str, Any]) -> StageResult:
    """Draw the figures and write the self-contained report."""

    def make() -> dict[str, bytes]:
        # Plotting takes a second to import, and a round that is reused plots nothing.
        from tasks.drawing import draw_report

        return draw_report(stages, round_, config)

    inputs = {
        "round": round_.key,
        "selected": stages.selected.files,
        "scored": stages.scored.files,
        "members": [member.files for member in stages.members],
        "plan": stages.plan.files,
        "layout": stages.layout.files if stages.layout else None,
    }
    stage = run_stage(Settings(), "report", inputs, make)
    run_logger().info("report: %s", stage.path("report.html"))
    return stage
