"""The figures and the report of a round, made from its stages."""

from __future__ import annotations

import json
from typing import Any

from prefect import task

from tasks.inputs.round_inputs import RoundStages
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.record.ledger import campaign_folder
from tasks.stages.stages import StageResult, run_stage

__all__ = ["asked_counterfactuals", "write_report"]


@task(name="write-report")
def write_report(stages: RoundStages) -> StageResult:
    """Draw the figures and write the self-contained report.

    Counterfactuals that were asked of the round's predictors since are named in it.
    """
    round_ = stages.inputs.round_
    explained = asked_counterfactuals(round_.campaign, round_.number)

    def make() -> dict[str, bytes]:
        # Plotting takes a second to import, and a round that is reused plots nothing.
        from tasks.reports.drawing import draw_report

        return draw_report(stages, explained)

    inputs = {
        "round": round_.key,
        "selected": stages.selected.files,
        "scored": stages.scored.files,
        "members": [member.files for member in stages.members],
        "plan": stages.plan.files,
        "layout": stages.layout.files if stages.layout else None,
        "explained": explained,
    }
    stage = run_stage(Settings(), "report", inputs, make)
    run_logger().info("report: %s", stage.path("report.html"))
    return stage


def asked_counterfactuals(campaign: str, number: int) -> dict[str, dict[str, Any]]:
    """Return the figures of each set of counterfactuals of a round by the folder it is in."""
    found = {}
    for path in sorted(campaign_folder(campaign).glob("counterfactuals-*/figures.json")):
        told = json.loads(path.read_bytes())
        if told["round"] == number:
            found[path.parent.name] = told
    return found
