"""How candidates are drawn along the training of predictors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from designlib.config.base import Config

RungChoice = Literal["all", "log_step", "function_change", "smc"]
"""Which checkpoints become rungs; see `designlib.sampling.ladders.choice`."""


class SamplingConfig(Config):
    """How candidates are drawn along the predictors' training."""

    retired: ClassVar[Mapping[str, str]] = {
        "scale": "scores of a checkpoint are divided by their own standard deviation, since the "
        "output of an early one is so small that its target would be flat",
    }

    chains: int = Field(
        default=768, ge=1, le=1_000_000, title="Chains", description="Independent Markov chains."
    )
    elite_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        title="Elite share",
        description="Share of the chains of an annealed walk that start at the best measured "
        "designs; the others start at random ones, and so do all of smc, as far as any are found.",
    )
    steps_per_rung: int = Field(
        default=4,
        ge=1,
        le=100_000,
        title="Steps per rung",
        description="Kernel steps on each checkpoint of the trajectory.",
    )
    final_steps: int = Field(
        default=16,
        ge=0,
        le=1_000_000,
        title="Final steps",
        description="Further kernel steps on the fully trained predictor.",
    )
    sharpness: float = Field(
        default=6.0,
        gt=0,
        le=1000,
        title="Sharpness",
        description="How strongly chains prefer high scores: the log density changes by this much "
        "per standard deviation of the score.",
    )
    rung_choice: RungChoice = Field(
        default="all",
        title="Rung choice",
        description="Which checkpoints the walk visits: all, some by training step "
        "(log_step) or by how much the predictor changes (function_change), or the fewest that "
        "keep enough particles (smc).",
    )
    rungs: int = Field(
        default=12,
        ge=1,
        le=1000,
        title="Rungs",
        description="Number of checkpoints visited under log_step and function_change.",
    )
    driver: Literal["auto", "anneal", "smc"] = Field(
        default="auto",
        title="Driver",
        description="anneal: independent chains walk along the checkpoints. smc: populations of "
        "128 chains that are weighted and resampled on the way. auto: anneal for sequences, smc "
        "for compositions.",
    )
    composition_moves: Literal["auto", "grid", "continuous"] = Field(
        default="auto",
        title="Moves of compositions",
        description="grid: whole steps go from one component to another. continuous: any amounts, "
        "rounded to the step at the end. auto: grid, unless there are too many transfers.",
    )
    pool_rungs: int = Field(
        default=6,
        ge=1,
        le=1000,
        title="Pool rungs",
        description="Designs at the end of each of the last so many rungs become candidates.",
    )
