"""Training that is interrupted goes on from its last checkpoint, to the same bytes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
import torch

import tasks.rounds.train as module
from designlib.config.training import NetworkConfig, TrainingConfig
from designlib.predictors.training import log_spaced_steps
from designlib.types import InputError
from tasks.inputs.config import DataConfig, TableFile
from tasks.inputs.round_inputs import RoundInputs
from tasks.inputs.tables import ingest
from tasks.installation.environment import tracking_uri
from tasks.installation.settings import REPOSITORY, Settings
from tasks.rounds.train import Role, train_member
from tasks.stages.ensemble import load_trajectory
from tasks.stages.results import Round
from tasks.stages.stages import Stage, StageResult
from tasks.tracking.tracking import client, logged_steps
from tests.tasks.rounds.open_inputs import open_inputs

CONFIG = TrainingConfig(
    members=1, steps=30, checkpoints=7, network=NetworkConfig(architecture="mlp", width=8)
)
STEPS = log_spaced_steps(30, 7)


class Ground(NamedTuple):
    """What training starts from."""

    inputs: RoundInputs

    @property
    def round_(self) -> Round:
        return self.inputs.round_

    def train(
        self,
        config: TrainingConfig = CONFIG,
        seed: int = 5,
        role: Role = "predictor",
        number: int = 1,
        before: StageResult | None = None,
    ) -> StageResult:
        """Train one member in this process, as the task does."""
        campaign = self.inputs.config.model_copy(update={"training": config})
        inputs = self.inputs.model_copy(update={"config": campaign, "seed": seed})
        return train_member.fn(inputs, role, number, before=before)

    def members(self) -> list[Any]:
        """Return all runs that belong to the round's run."""
        of_round = f"tags.`mlflow.parentRunId` = '{self.round_.run_id}'"
        return list(client().search_runs([self.round_.experiment_id], of_round))

    def member(self) -> Any:
        """Return the one run that belongs to the round's run."""
        of_round = f"tags.`mlflow.parentRunId` = '{self.round_.run_id}'"
        (run,) = client().search_runs([self.round_.experiment_id], of_round)
        return run


@pytest.fixture
def ground(home: Path) -> Ground:
    """A small table of real measurements and an open round in the installation of this test."""
    table = pd.read_parquet(REPOSITORY / "data" / "tfbind8_six6.parquet").iloc[::200]
    file = home.parent / "table.csv"
    table.to_csv(file, index=False)
    return Ground(open_inputs(ingest.fn(DataConfig(source=TableFile(path=str(file))))))


@pytest.fixture
def undisturbed(ground: Ground) -> StageResult:
    """The same training, never interrupted, kept elsewhere; nothing of it is left behind."""
    done = ground.train()
    kept = ground.inputs.measured.folder.parents[3] / "undisturbed"
    shutil.copytree(done.folder, kept)
    shutil.rmtree(done.folder)
    client().delete_run(ground.member().info.run_id)
    copied = done.model_copy()
    copied._folder = kept
    return copied


class Interrupt(BaseException):
    """Stands for Ctrl-C and the like."""


def _raise_at(call: int, function: Callable[..., Any], error: BaseException) -> Callable[..., Any]:
    """Return the function, but raising at one of its calls, before anything is done."""
    calls = 0

    def called(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise error
        return function(*arguments, **named)

    return called


def test_checkpoints_are_files_and_metrics_at_the_steps_of_the_schedule(ground: Ground) -> None:
    done = ground.train()
    assert list(done.files) == [f"checkpoint-{step:08d}.safetensors" for step in STEPS]
    assert {path.name for path in done.folder.iterdir()} == {*done.files, ".lock", "manifest.json"}
    trajectory = load_trajectory(done)
    assert tuple(state.step for state in trajectory.states) == STEPS
    run = ground.member()
    assert run.info.status == "FINISHED"
    assert logged_steps(run.info.run_id, "validation_loss") == set(STEPS)
    assert run.data.params["number"] == "1"
    order = client().get_metric_history(run.info.run_id, "variance_of_single_sites")
    assert [entry.step for entry in order] == list(STEPS)
    assert all(0 <= entry.value <= 1 for entry in order)
    again = ground.train()
    assert again.reused
    assert again.files == done.files


@pytest.mark.parametrize("error", [Interrupt(), RuntimeError("broken")])
@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [
        (module, "log_checkpoint", 1),  # nothing logged, one checkpoint on disk
        (module, "log_checkpoint", 4),
        (module, "log_checkpoint", len(STEPS)),
        (Stage, "write", 6),  # a checkpoint without the state to go on from
        (Stage, "write", 7),
        (Stage, "finish", 1),  # all trained, not declared finished
    ],
)
def test_interrupted_training_ends_in_the_same_bytes(
    ground: Ground,
    undisturbed: StageResult,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    call: int,
    error: BaseException,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, _raise_at(call, getattr(owner, name), error))
        with pytest.raises(type(error)):
            ground.train()
    status = ground.member().info.status
    if name != "finish":
        assert status == ("FAILED" if isinstance(error, Exception) else "KILLED")
    resumed = ground.train()
    assert resumed.files == undisturbed.files
    for file in resumed.files:
        assert resumed.path(file).read_bytes() == undisturbed.path(file).read_bytes()
    run = ground.member()
    assert run.info.status == "FINISHED"
    history = client().get_metric_history(run.info.run_id, "validation_loss")
    assert [entry.step for entry in history] == list(STEPS)
    assert len(client().list_artifacts(run.info.run_id, "checkpoints")) == len(STEPS)


def test_training_goes_on_and_does_not_begin_anew(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "log_checkpoint", _raise_at(5, module.log_checkpoint, Interrupt()))
        with pytest.raises(Interrupt):
            ground.train()
    resumed_from = []
    real = module.train

    def watched(*arguments: Any) -> Any:
        resumed_from.append(arguments[-1].step)
        return real(*arguments)

    monkeypatch.setattr(module, "train", watched)
    ground.train()
    assert resumed_from == [STEPS[4]]


def test_finished_training_is_logged_again_where_mlflow_has_lost_it(
    ground: Ground, empty_tracking: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = ground.train()
    shutil.copytree(empty_tracking, home / "other")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'other' / 'mlflow.db'}")
    assert tracking_uri(Settings()) != f"sqlite:///{home / 'other' / 'mlflow.db'}"
    moved = Ground(open_inputs(ground.inputs.measured))
    again = moved.train()
    assert again.reused
    assert again.files == done.files
    assert logged_steps(moved.member().info.run_id, "train_loss") == set(STEPS)


def test_a_warm_start_goes_on_from_the_trained_predictor(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ground.train()
    old = load_trajectory(before)
    warm = ground.train(before=before, seed=6)
    new = load_trajectory(warm)
    # Three of the seven checkpoints of before, the last of which is the first of now.
    assert new.steps == (STEPS[0], STEPS[3], *(STEPS[-1] + step for step in STEPS))
    assert (new.spec.centre, new.spec.scale) == (old.spec.centre, old.spec.scale)
    kept = new.states[2].parameters
    assert all(torch.equal(kept[name], old.states[-1].parameters[name]) for name in kept)
    assert warm.key != ground.train(seed=6).key

    shutil.rmtree(warm.folder)
    for run in ground.members():
        client().delete_run(run.info.run_id)
    with monkeypatch.context() as patch:
        patch.setattr(module, "log_checkpoint", _raise_at(6, module.log_checkpoint, Interrupt()))
        with pytest.raises(Interrupt):
            ground.train(before=before, seed=6)
    assert ground.train(before=before, seed=6).files == warm.files


def test_a_warm_start_needs_the_same_network(ground: Ground) -> None:
    before = ground.train()
    wider = CONFIG.model_copy(update={"network": NetworkConfig(architecture="mlp", width=16)})
    with pytest.raises(InputError, match="use start: fresh"):
        ground.train(before=before, config=wider)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 6},
        {"number": 2},
        {"role": "validation_model"},
        {"config": CONFIG.model_copy(update={"steps": 31})},
    ],
)
def test_what_decides_the_training_changes_its_stage(
    ground: Ground, change: dict[str, Any]
) -> None:
    done = ground.train()
    changed = ground.train(**change)
    assert changed.key != done.key
    # The first steps may be the same whatever the number of steps; the last is not.
    assert changed.files[max(changed.files)] != done.files[max(done.files)]


def test_the_size_of_the_ensemble_does_not_change_a_member(ground: Ground) -> None:
    done = ground.train()
    assert ground.train(config=CONFIG.model_copy(update={"members": 4})).key == done.key
