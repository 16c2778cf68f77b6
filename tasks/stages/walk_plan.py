"""The plan of a sampling run, as later stages read it."""

from __future__ import annotations

import json

from designlib.sampling.ladders import (
    LadderKind,
    RungPlan,
)
from designlib.sampling.run import (
    Sampler,
)
from tasks.stages.stages import StageResult

__all__ = ["load_ladder_kind", "load_plan", "load_sampler"]


def load_plan(plan_stage: StageResult) -> tuple[list[RungPlan], int]:
    """Return the rungs and the rung at which elite chains enter."""
    content = json.loads(plan_stage.path("plan.json").read_bytes())
    rungs = [RungPlan.model_validate(rung) for rung in content["rungs"]]
    return rungs, content["elite_entry_rung"]


def load_ladder_kind(plan_stage: StageResult) -> LadderKind:
    """Return what the rungs of a plan are."""
    return json.loads(plan_stage.path("plan.json").read_bytes())["ladder"]


def load_sampler(plan_stage: StageResult) -> Sampler:
    """Return how the chains of a plan walk."""
    content = json.loads(plan_stage.path("plan.json").read_bytes())
    return Sampler.model_validate(content["sampler"])
