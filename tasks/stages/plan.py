"""The plan of a sampling run and its starts, as later stages read them."""

from __future__ import annotations

import pandas as pd

from designlib.sampling import SamplingPlan, Starts
from tasks.installation.files import parquet_bytes
from tasks.stages.stages import StageResult

_PLAN, _STARTS = "plan.json", "starts.parquet"


def plan_files(plan: SamplingPlan, starts: Starts, designs: list[str]) -> dict[str, bytes]:
    """Return the files of a planning stage; ``designs`` are the starts as text."""
    table = pd.DataFrame({"design": designs, "elite": starts.elite.numpy()})
    return {_PLAN: plan.model_dump_json(indent=2).encode(), _STARTS: parquet_bytes(table)}


def load_plan(plan_stage: StageResult) -> SamplingPlan:
    """Return the plan that a planning stage holds."""
    return SamplingPlan.model_validate_json(plan_stage.path(_PLAN).read_bytes())


def load_starts(plan_stage: StageResult) -> pd.DataFrame:
    """Return the design that each chain starts at, and whether it is an elite."""
    return pd.read_parquet(plan_stage.path(_STARTS))
