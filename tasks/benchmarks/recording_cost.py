"""What it costs a training to be recorded: with and without, in turns, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from prefect import task
from torch import nn

from designlib.randomness import torch_generator
from tasks.benchmarks.measurements import store_measurement
from tasks.installation.log import run_logger
from tasks.tracking.recording import record_training

_STEPS, _TRAININGS, _BLOCK = 3000, 3, 10
_LENGTH, _WIDTH, _BATCH, _ROWS = 40, 64, 128, 4096


@task(name="measure-recording")
def measure_recording(steps: int = _STEPS, trainings: int = _TRAININGS) -> Path:
    """Time a plain torch loop with and without a recorder; return the file.

    A small convolutional network on sequences of 40 letters, with 24 checkpoints into MLflow. Times
    are those of the processor, so that other programs have little part in them.

    - ``share``: what recording costs by itself, with the thread that writes: the same calls without
      a training between them, over the plain training;
    - ``ratio``: the thread of a training while it is recorded over the same while it is not, in
      turns of ten steps, so that both meet the same neighbours in memory and on the machine;
    - ``share_of_loop``: what the recorded loop waits, by the recorder's own clock.
    """
    # The first run of an installation makes its database.
    with record_training(nn.Linear(1, 1), 1, "recording-cost") as recorder:
        recorder.after_step()
    rows = []
    for _ in range(trainings):
        rows.append(_measured(steps))
        run_logger().info("recorded over plain: %(ratio).3f, recording: %(share).4f", rows[-1])
    medians = {
        f"median_{name}": float(np.median([row[name] for row in rows]))
        for name in ("ratio", "share", "share_of_loop")
    }
    return store_measurement("recorder", steps=steps, rows=rows, **medians)


def _measured(steps: int) -> dict[str, float]:
    """Return the seconds and ratios of a training that is recorded in every other turn."""
    training = _Training()
    plain = recorded = 0.0
    with record_training(training.network, steps, "recording-cost") as recorder:
        for done in range(0, steps, 2 * _BLOCK):
            plain += training.turn(lambda: None)
            recorder.step = done + _BLOCK
            recorded += training.turn(recorder.after_step)
    waited = recorder.seconds
    began = time.process_time()
    with record_training(training.network, steps, "recording-cost") as recorder:
        for _ in range(steps):
            recorder.after_step()
    alone = time.process_time() - began
    return {
        "plain_seconds": round(plain, 3),
        "recorded_seconds": round(recorded, 3),
        "alone_seconds": round(alone, 3),
        "ratio": round(recorded / plain, 4),
        "share": round(alone / (2 * plain), 5),
        "share_of_loop": round(waited / (2 * plain), 5),
    }


class _Training:
    """A plain torch loop."""

    def __init__(self) -> None:
        filters = [nn.Conv1d(4, _WIDTH, 7, padding=3), nn.ReLU(), nn.Flatten()]
        head = [nn.Linear(_LENGTH * _WIDTH, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, 1)]
        self.network = nn.Sequential(*filters, *head)
        self._generator = torch_generator(0, "recording")
        self._inputs = torch.randn(_ROWS, 4, _LENGTH, generator=self._generator)
        self._values = torch.randn(_ROWS, 1, generator=self._generator)
        self._optimiser = torch.optim.Adam(self.network.parameters())

    def turn(self, after: Callable[[], None]) -> float:
        """Train for ten steps, each followed by ``after``; return the thread's seconds."""
        began = time.thread_time()
        for _ in range(_BLOCK):
            rows = torch.randint(_ROWS, (_BATCH,), generator=self._generator)
            loss = nn.functional.mse_loss(self.network(self._inputs[rows]), self._values[rows])
            self._optimiser.zero_grad()
            loss.backward()
            self._optimiser.step()
            after()
        return time.thread_time() - began
