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
from tasks.files import write_atomically
from tasks.log import run_logger
from tasks.machine import describe_machine
from tasks.recording import record_training
from tasks.settings import Settings
from tasks.tables import json_bytes

__all__ = ["measure_recording"]

_STEPS, _PAIRS = 3000, 5
_LENGTH, _WIDTH, _BATCH, _ROWS = 40, 64, 128, 4096

_Loop = Callable[[Callable[[], None]], None]
"""A training that calls what it is given after each step."""


@task(name="measure-recording")
def measure_recording(steps: int = _STEPS, pairs: int = _PAIRS) -> Path:
    """Time a plain torch loop with and without a recorder; return the file.

    A small convolutional network on sequences of 40 letters, with 24 checkpoints into MLflow. The
    time is that of the processor, with the thread that writes, so that other programs have no part
    in it; ``share_of_loop`` is what the loop itself waits, by the recorder's own clock.
    """
    # The first run of an installation makes its database.
    _train(1, lambda network, loop: _recorded(network, loop, 1, []))
    rows = []
    for pair in range(pairs):
        shares: list[float] = []
        around = {
            "plain": lambda _, loop: loop(lambda: None),
            "recorded": lambda network, loop, told=shares: _recorded(network, loop, steps, told),
        }
        # Who comes first changes, so that a warm cache favours neither.
        seconds = {}
        for kind in ("plain", "recorded") if pair % 2 else ("recorded", "plain"):
            seconds[kind] = _train(steps, around[kind])
        rows.append(
            {
                "plain_seconds": round(seconds["plain"], 3),
                "recorded_seconds": round(seconds["recorded"], 3),
                "ratio": round(seconds["recorded"] / seconds["plain"], 4),
                "share_of_loop": round(shares[0], 5),
            }
        )
        run_logger().info("recorded over plain: %(ratio).3f", rows[-1])
    content = {
        "machine": describe_machine(), "steps": steps, "rows": rows,
        "median_ratio": float(np.median([row["ratio"] for row in rows])),
        "median_share_of_loop": float(np.median([row["share_of_loop"] for row in rows])),
    }  # fmt: skip
    path = Settings().home / "benchmarks" / "recorder.json"
    write_atomically(path, json_bytes(content))
    return path


def _recorded(network: nn.Module, loop: _Loop, steps: int, shares: list[float]) -> None:
    with record_training(network, steps, "recording-cost") as recorder:
        loop(recorder.after_step)
        shares.append(recorder.share_of_time)


def _train(steps: int, around: Callable[[nn.Module, _Loop], None]) -> float:
    """Return the processor time of a training, in seconds."""
    generator = torch_generator(0, "recording")
    network = nn.Sequential(
        nn.Conv1d(4, _WIDTH, 7, padding=3), nn.ReLU(), nn.Flatten(),
        nn.Linear(_LENGTH * _WIDTH, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, 1),
    )  # fmt: skip
    inputs = torch.randn(_ROWS, 4, _LENGTH, generator=generator)
    values = torch.randn(_ROWS, 1, generator=generator)
    optimiser = torch.optim.Adam(network.parameters())

    def loop(after: Callable[[], None]) -> None:
        for _ in range(steps):
            rows = torch.randint(_ROWS, (_BATCH,), generator=generator)
            loss = nn.functional.mse_loss(network(inputs[rows]), values[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            after()

    began = time.process_time()
    around(network, loop)
    return time.process_time() - began
