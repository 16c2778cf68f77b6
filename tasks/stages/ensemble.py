"""Trained predictors as later stages read them: each file once, and only what is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from designlib.predictors import (
    PredictorSpec,
    Trajectory,
    spec_from_file,
    state_from_bytes,
)
from tasks.stages.stages import StageResult, recorded_stage


class Ensemble:
    """The members of a round's ensemble; checkpoints are read when they are first used."""

    def __init__(self, members: Sequence[StageResult]) -> None:
        self.members = tuple(members)

    @cached_property
    def specs(self) -> list[PredictorSpec]:
        """What each member is, without its parameters."""
        return [load_spec(member) for member in self.members]

    @cached_property
    def trajectories(self) -> list[Trajectory]:
        """Every checkpoint of every member."""
        return [load_trajectory(member) for member in self.members]

    @cached_property
    def trained(self) -> list[Trajectory]:
        """The last checkpoint of every member, as a trajectory of its own."""
        if "trajectories" in self.__dict__:
            return [Trajectory(member.spec, member.states[-1:]) for member in self.trajectories]
        return [_load(member, sorted(member.files)[-1:]) for member in self.members]

    def of(self, column: str) -> Ensemble:
        """Return the members that predict one value column."""
        pairs = zip(self.members, self.specs, strict=True)
        return Ensemble([member for member, spec in pairs if spec.column == column])


def recorded_predictors(about: Mapping[str, Any], what: str) -> list[StageResult]:
    """Return the training stages recorded of a round; none where the files of one are gone.

    ``what`` are "members" or "validation_models".
    """
    stages = [recorded_stage("train", record) for record in about.get(what, ())]
    return stages if all(stage.is_intact() for stage in stages) else []


def load_spec(member: StageResult) -> PredictorSpec:
    """Return what the predictor of a training stage is, without its parameters."""
    with member.path(min(member.files)).open("rb") as file:
        return spec_from_file(file)


def load_trajectory(member: StageResult) -> Trajectory:
    """Return the trajectory that a training stage holds."""
    return _load(member, sorted(member.files))


def _load(member: StageResult, names: Sequence[str]) -> Trajectory:
    loaded = [state_from_bytes(member.path(name).read_bytes()) for name in names]
    return Trajectory(loaded[0][1], tuple(state for state, _ in loaded))
