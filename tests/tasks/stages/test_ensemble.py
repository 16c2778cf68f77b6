"""Ensembles read the checkpoints of their members once, and only those that are used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from designlib.config import NetworkConfig
from designlib.predictors import PredictorSpec, TrainingState, state_to_bytes
from tasks.installation.settings import Settings
from tasks.stages import ensemble
from tasks.stages.ensemble import Ensemble, load_spec
from tasks.stages.stages import StageResult, run_stage

STEPS = (0, 5, 20)


@pytest.fixture
def members(tmp_path: Path) -> list[StageResult]:
    """Two members for the first objective and one for another, three checkpoints each."""
    network = NetworkConfig(architecture="mlp", width=4)
    stages = []
    for seed, column in enumerate(("", "", "stiffness")):
        spec = PredictorSpec(
            network=network,
            alphabet="dna",
            length=4,
            centre=0.0,
            scale=1.0,
            seed=seed,
            column=column,
        )
        parameters = dict(spec.build().state_dict())
        files = {
            f"checkpoint-{step:08d}.safetensors": state_to_bytes(
                TrainingState(step, {n: v + step for n, v in parameters.items()}, {}, {}), spec
            )
            for step in STEPS
        }
        stages.append(
            run_stage(Settings(home=tmp_path), "train", {"seed": seed}, lambda files=files: files)
        )
    return stages


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Steps of the checkpoints that were deserialised."""
    steps: list[int] = []
    whole: Callable[..., Any] = ensemble.state_from_bytes

    def counted(content: bytes) -> Any:
        loaded = whole(content)
        steps.append(loaded[0].step)
        return loaded

    monkeypatch.setattr(ensemble, "state_from_bytes", counted)
    return steps


def test_the_trained_predictors_are_read_from_the_last_checkpoints_once(
    members: list[StageResult], reads: list[int]
) -> None:
    several = Ensemble(members)
    for _ in range(2):
        assert [one.steps for one in several.trained] == [(STEPS[-1],)] * 3
    assert reads == [STEPS[-1]] * 3


def test_whole_trajectories_are_read_once_and_serve_for_the_trained_predictors(
    members: list[StageResult], reads: list[int]
) -> None:
    several = Ensemble(members)
    whole = several.trajectories
    assert [one.steps for one in whole] == [STEPS] * 3
    design = torch.eye(4)[None]
    for one, last in zip(whole, several.trained, strict=True):
        assert torch.equal(one.network(-1)(design), last.network(-1)(design))
    assert reads == [*STEPS] * 3


def test_specs_are_read_from_headers_and_choose_the_members_of_an_objective(
    members: list[StageResult], reads: list[int]
) -> None:
    assert [spec.column for spec in Ensemble(members).specs] == ["", "", "stiffness"]
    assert Ensemble(members).of("").members == tuple(members[:2])
    assert load_spec(members[2]).seed == 2
    assert reads == []
