"""Ladders: the sequences of target densities that a driver takes chains along."""

from designlib.sampling.ladders.base import Rung, fixed_ladder, temperature_ladder
from designlib.sampling.ladders.choice import by_function_change, by_log_step, by_smc_criterion
from designlib.sampling.ladders.combined import combined_scores, ideal_scores, scale_of
from designlib.sampling.ladders.plan import (
    LadderKind,
    RungPlan,
    ScoreAt,
    build_ladder,
    ladder_kind,
    mean_score,
    plan_trajectory,
    rescaled,
)
from designlib.sampling.ladders.trajectory import (
    elite_entry_rung,
    score_reference,
    trajectory_ladder,
)

__all__ = [
    "LadderKind",
    "Rung",
    "RungPlan",
    "ScoreAt",
    "build_ladder",
    "by_function_change",
    "by_log_step",
    "by_smc_criterion",
    "combined_scores",
    "elite_entry_rung",
    "fixed_ladder",
    "ideal_scores",
    "ladder_kind",
    "mean_score",
    "plan_trajectory",
    "rescaled",
    "scale_of",
    "score_reference",
    "temperature_ladder",
    "trajectory_ladder",
]
