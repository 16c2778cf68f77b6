"""The figures and the report of a round, made from its stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect import task

from tasks.rounds import Round, RoundStages
from tasks.settings import Settings
from tasks.stages import StageResult, run_stage

__all__ = ["write_report"]


@task(name="write-report")
def write_report(stages: RoundStages, round_: Round, config: Mapping[str, Any]) -> StageResult:
    """Draw the figures and write the self-contained report."""

    def make() -> dict[str, bytes]:
        return {"report.html": b"later"}

    return run_stage(Settings(), "report", {"round": round_.key}, make)
