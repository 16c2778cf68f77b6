"""Recording somebody else's training into MLflow: one line in a torch loop, or a callback.

>>> from tasks.tracking.recording import record_training  # doctest: +SKIP
>>> with record_training(network, steps=10_000, name="promoters") as recorder:  # doctest: +SKIP
...     for batch in batches:
...         train_on(batch)
...         recorder.after_step()

What is recorded is read by ``predictor: {checkpoints: [runs:/RUN_ID/checkpoints]}`` of a campaign.
"""

from __future__ import annotations

import os
import queue
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from designlib.predictors import Recorder
from designlib.types import InputError
from tasks.installation.environment import tracking_uri
from tasks.installation.settings import Settings
from tasks.tracking.tracking import (
    client,
    experiment_id,
    log_checkpoint,
    log_params,
    prepare_tracking,
)


class _Log:
    """A run in MLflow, written to by a thread of its own so that training does not wait for it."""

    def __init__(self, name: str) -> None:
        prepare_tracking(Settings())
        experiment = experiment_id(Settings(), name)
        self.run_id = client().create_run(experiment, run_name="training").info.run_id
        self._waiting: queue.Queue[tuple[int, dict[str, Tensor], dict[str, float]] | None]
        self._waiting = queue.Queue()
        self._failed: list[BaseException] = []
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def keep(self, step: int, state: Mapping[str, Tensor], metrics: Mapping[str, float]) -> None:
        self._waiting.put((step, dict(state), dict(metrics)))

    def close(self, status: str) -> None:
        """Wait until all is written, and end the run."""
        self._waiting.put(None)
        self._writer.join()
        if self._failed:
            client().set_terminated(self.run_id, "FAILED")
            raise self._failed[0]
        client().set_terminated(self.run_id, status)

    def _write(self) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            while (item := self._waiting.get()) is not None:
                if self._failed:
                    continue
                step, state, metrics = item
                try:
                    file = Path(scratch) / f"checkpoint-{step:08d}.safetensors"
                    # Parameters that share memory are stored each by itself.
                    whole = {name: value.clone().contiguous() for name, value in state.items()}
                    file.write_bytes(save_tensors(whole, {"step": str(step)}))
                    log_checkpoint(self.run_id, file, step, metrics)
                    file.unlink()
                except Exception as error:  # told when the run is closed
                    self._failed.append(error)


@contextmanager
def record_training(
    module: nn.Module, steps: int, name: str, *, checkpoints: int = 24
) -> Iterator[Recorder]:
    """Give a recorder of a training, whose checkpoints go into a run of an experiment in MLflow.

    ``steps`` is how many the training is going to take. The run is at the tracking server that
    ``MLFLOW_TRACKING_URI`` names, or in this installation. An error of the training ends the run
    FAILED, an interruption KILLED, with what was kept so far in it.

    Raises InputError for fewer than one step or two checkpoints.
    """
    # Nothing else of the environment is ours to set in somebody else's training.
    os.environ.setdefault("MLFLOW_TRACKING_URI", tracking_uri(Settings()))
    log = _Log(name)
    recorder: Recorder | None = None
    status = "KILLED"
    try:
        recorder = Recorder(module, steps, log.keep, checkpoints=checkpoints)
        recorder.run_id = log.run_id
        yield recorder
        recorder.finish()
        status = "FINISHED"
    except Exception:
        status = "FAILED"
        raise
    finally:
        if recorder is not None:
            share = {"share_of_time": recorder.share_of_time, "steps_taken": recorder.step}
            log_params(log.run_id, {"steps": steps, "checkpoints": checkpoints, **share})
        log.close(status)


class TrainingCallback:
    """The same for Lightning: ``Trainer(callbacks=[TrainingCallback("promoters")])``.

    Lightning calls the methods of a callback by their names; nothing of Lightning is imported, and
    methods that are not here do nothing. ``part`` is the attribute of the LightningModule that is
    the model, all of it by default.
    """

    def __init__(self, name: str, *, part: str = "", checkpoints: int = 24) -> None:
        self.name, self.part, self.checkpoints = name, part, checkpoints
        self.run_id = ""
        self._context: Any = None
        self._recorder: Recorder | None = None

    def __getattr__(self, name: str) -> Any:
        """Return what does nothing for a moment of the training that is of no interest."""
        if name.startswith(("on_", "setup", "teardown", "load_state", "state_")):
            return lambda *_, **__: {} if name == "state_dict" else None
        raise AttributeError(name)

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Begin, with the number of steps that the trainer expects."""
        steps = trainer.estimated_stepping_batches
        if steps == float("inf"):
            raise InputError("TrainingCallback needs max_steps or max_epochs of the Trainer")
        model = getattr(module, self.part) if self.part else module
        self._context = record_training(model, int(steps), self.name, checkpoints=self.checkpoints)
        recorder = self._context.__enter__()
        self._recorder, self.run_id = recorder, recorder.run_id

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        """Count the optimiser's steps as the trainer does."""
        if self._recorder is not None and trainer.global_step > self._recorder.step:
            self._recorder.at_step(trainer.global_step)

    def on_train_end(self, *_: Any) -> None:
        """Keep the last state and end the run."""
        self._leave(None)

    def on_exception(self, _: Any, __: Any, error: BaseException) -> None:
        """End the run with what was kept so far."""
        self._leave(error)

    def _leave(self, error: BaseException | None) -> None:
        if self._context is None:
            return
        context, self._context, self._recorder = self._context, None, None
        try:
            context.__exit__(type(error) if error else None, error, None)
        except BaseException as raised:
            if raised is not error:
                raise
