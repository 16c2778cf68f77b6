"""Somebody else's training, recorded into MLflow by one line, and what that costs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from designlib.predictors.recording import Recorder
from designlib.predictors.training import log_spaced_steps
from designlib.types import InputError
from tasks.installation.settings import Settings
from tasks.tracking.recording import TrainingCallback, record_training
from tasks.tracking.tracking import client, experiment_id, logged_steps


def training(module: nn.Module, steps: int) -> Any:
    """Steps of a plain torch loop."""
    torch.manual_seed(0)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.01)
    for step in range(steps):
        loss = (module(torch.randn(8, 4)) - 1).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        yield step + 1, loss.item()


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.2), nn.Linear(3, 1))


def states_of(run_id: str) -> dict[int, dict[str, Tensor]]:
    folder = Path(client().download_artifacts(run_id, "checkpoints"))
    return {int(file.stem.split("-")[1]): load_file(file) for file in sorted(folder.iterdir())}


def test_a_plain_loop_leaves_its_checkpoints_and_is_not_disturbed(home: Path) -> None:
    alone = network()
    wanted = {0: {k: v.clone() for k, v in alone.state_dict().items()}}
    for step, _ in training(alone, 50):
        wanted[step] = {k: v.clone() for k, v in alone.state_dict().items()}
    module = network()
    with record_training(module, 50, "theirs", checkpoints=6) as recorder:
        for _, loss in training(module, 50):
            recorder.after_step(loss=loss)
    kept = states_of(recorder.run_id)
    assert tuple(kept) == log_spaced_steps(50, 6)
    for step, state in kept.items():
        assert state.keys() == wanted[step].keys()
        assert all(torch.equal(value, wanted[step][name]) for name, value in state.items())
    run = client().get_run(recorder.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.experiment_id == experiment_id(Settings(), "theirs")
    assert logged_steps(recorder.run_id, "loss") == set(kept) - {0}
    assert 0 < float(run.data.params["share_of_time"]) < 1
    assert all(part.training for part in module.modules())
    assert mlflow.active_run() is None


@pytest.mark.parametrize(
    ("error", "status"), [(RuntimeError("broken"), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_a_training_that_breaks_off_keeps_what_it_had(
    home: Path, error: BaseException, status: str
) -> None:
    module, seen = network(), []

    def broken() -> None:
        with record_training(module, 1000, "theirs", checkpoints=10) as recorder:
            seen.append(recorder)
            for step, _ in training(module, 1000):
                recorder.after_step()
                if step == 20:
                    raise error

    with pytest.raises(type(error)):
        broken()
    assert client().get_run(seen[0].run_id).info.status == status
    assert set(states_of(seen[0].run_id)) == {s for s in log_spaced_steps(1000, 10) if s <= 20}


def _break_off() -> None:
    raise RuntimeError("broken")


class Trainer:
    """What Lightning does with a callback, by its documented order of calls."""

    def __init__(self, callbacks: list[Any], steps: float) -> None:
        self.callbacks, self.estimated_stepping_batches, self.global_step = callbacks, steps, 0

    def tell(self, what: str, *arguments: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, what)(self, *arguments)

    def fit(self, module: Any, fails_at: int | None = None, accumulate: int = 2) -> None:
        self.tell("setup", module, "fit")
        self.tell("on_train_start", module)
        try:
            for batch, _ in training(
                module.model, int(self.estimated_stepping_batches) * accumulate
            ):
                self.tell("on_train_batch_start", module, None, batch)
                self.global_step = batch // accumulate
                self.tell("on_train_batch_end", module, None, None, batch)
                if batch == fails_at:
                    _break_off()
        except RuntimeError as error:
            self.tell("on_exception", module, error)
            raise
        self.tell("on_train_end", module)


def test_lightning_calls_the_callback(home: Path) -> None:
    callback = TrainingCallback("theirs", part="model", checkpoints=5)
    Trainer([callback], 30).fit(SimpleNamespace(model=network()))
    assert tuple(states_of(callback.run_id)) == log_spaced_steps(30, 5)
    assert client().get_run(callback.run_id).info.status == "FINISHED"
    assert callback.state_dict() == {}
    broken = TrainingCallback("theirs", part="model")
    with pytest.raises(RuntimeError, match="broken"):
        Trainer([broken], 30).fit(SimpleNamespace(model=network()), fails_at=8)
    assert client().get_run(broken.run_id).info.status == "FAILED"
    with pytest.raises(InputError, match="max_steps or max_epochs"):
        Trainer([TrainingCallback("theirs")], float("inf")).fit(SimpleNamespace(model=network()))


@pytest.mark.parametrize("taken", [3, 12])
def test_a_training_of_another_length_than_expected_ends_with_its_last_state(taken: int) -> None:
    kept: list[int] = []
    with Recorder(network(), 8, lambda step, *_: kept.append(step), checkpoints=4) as recorder:
        for _ in range(taken):
            recorder.after_step()
    assert kept[-1] == taken
    assert len(set(kept)) == len(kept)


def test_a_metric_that_is_not_finite_is_refused() -> None:
    recorder = Recorder(network(), 8, lambda *_: None, checkpoints=4)
    with pytest.raises(InputError, match="the metric loss is nan at step 1"):
        recorder.after_step(loss=float("nan"))


def test_a_step_that_is_not_kept_costs_next_to_nothing() -> None:
    """By count: states are copied as often as they are kept, whatever the number of steps."""
    copied = 0

    class Counted(nn.Linear):
        def state_dict(self, *arguments: Any, **named: Any) -> Any:
            nonlocal copied
            copied += 1
            return super().state_dict(*arguments, **named)

    with Recorder(Counted(4, 1), 10_000, lambda *_: None, checkpoints=24) as recorder:
        for _ in range(10_000):
            recorder.after_step()
    assert copied == len(log_spaced_steps(10_000, 24))
