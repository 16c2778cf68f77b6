"""What predictors look like and how they are trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from designlib.config.base import Config


class NetworkConfig(Config):
    """What a predictor looks like inside."""

    architecture: Literal["cnn", "mlp"] = Field(
        default="cnn",
        description="Of predictors of sequences. cnn: motif filters, then a dense layer. mlp: "
        "dense layers on all positions. Compositions are always read by dense layers.",
    )
    width: int = Field(default=96, ge=4, le=4096, description="Filters or hidden units per layer.")
    composition_features: Literal["shares", "elements"] = Field(
        default="shares",
        title="Features of compositions",
        description="shares: the shares of the components. elements: beside them mean and "
        "deviation of five properties of the elements, for components that are elements.",
    )
    filter_length: int = Field(
        default=7, ge=1, le=64, description="Positions that one filter of a cnn sees, in letters."
    )


class TrainingConfig(Config):
    """How predictors are trained."""

    # One is enough for a veto by the quantile of its own scores, which needs no deviation.
    retired: ClassVar[Mapping[str, str]] = {
        "scorer_members": "one validation model is trained for each objective"
    }

    network: NetworkConfig = NetworkConfig()
    members: int = Field(default=4, ge=1, le=32, description="Predictors in the ensemble.")
    steps: int = Field(default=1500, ge=1, le=1_000_000, description="Optimiser steps per member.")
    batch_size: int = Field(
        default=96, ge=1, le=65_536, title="Minibatch size", description="Designs per step."
    )
    learning_rate: float = Field(default=3e-3, gt=0, le=1, description="Peak rate of AdamW.")
    weight_decay: float = Field(default=0.1, ge=0, le=10, description="Decoupled, as in AdamW.")
    emphasis: float = Field(
        default=1.0,
        ge=0,
        le=5,
        title="Emphasis on good designs",
        description="The squared error of a design counts exp(emphasis x value) times, with the "
        "value in standard deviations. 0 counts all the same.",
    )
    own_share: float = Field(
        default=0.3,
        ge=0,
        lt=1,
        description="Share of the training examples that come from the campaign's own rounds, at "
        "least: where there are fewer, they are repeated, so that a few good designs are not lost "
        "among many poor ones. 0 repeats nothing.",
    )
    noise_weights: bool = Field(
        default=False,
        description="Whether measurements with a large standard error count less: half as much at "
        "the usual error, a fifth at twice that. Those without an error count as the usual one.",
    )
    start: Literal["fresh", "warm"] = Field(
        default="fresh",
        description="Of the ensemble in later rounds. fresh: from new initial weights. warm: from "
        "the trained members of the round before, for as many steps again; half of their "
        "checkpoints stay, so that walks still lead from coarse to fine. Validation models always "
        "start fresh.",
    )
    checkpoints: int = Field(
        default=24,
        ge=2,
        le=1000,
        description="States kept per member, densely early: evenly spaced in log(1 + step).",
    )
