"""Recording checkpoints of an external training on the schedule that sampling needs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from designlib.predictors.training import log_spaced_steps
from designlib.types import InputError

Keep = Callable[[int, Mapping[str, Tensor], Mapping[str, float]], None]
"""Takes a step, the state dict on the CPU, and the metrics of a checkpoint."""


class Recorder:
    """Keep the state of a module at log-spaced steps of its training.

    ``keep`` is called with step, state dict and metrics of ``checkpoints`` states, at least two,
    evenly spaced in log(1 + step) over the expected number of ``steps``. A step that is not kept
    costs a comparison. One that is costs a copy of the state to the CPU, and what ``keep`` takes to
    store it; mode, device and gradients of the module are not touched.

    Raises InputError for fewer than one step or two checkpoints.

    >>> kept = []
    >>> module = nn.Linear(1, 1)
    >>> with Recorder(module, 100, lambda step, *_: kept.append(step), checkpoints=5) as recorder:
    ...     for _ in range(100):
    ...         recorder.after_step()
    >>> kept
    [0, 2, 9, 31, 100]
    """

    def __init__(self, module: nn.Module, steps: int, keep: Keep, *, checkpoints: int = 24) -> None:
        self.schedule = log_spaced_steps(steps, checkpoints)
        self.module, self.keep = module, keep
        self.step, self.seconds = 0, 0.0
        self.run_id = ""
        """Of the run that the checkpoints go to, where there is one."""
        self._started = time.perf_counter()
        self._due = iter(self.schedule)
        self._next: float = next(self._due)
        self._kept = -1
        self._take({})

    def __enter__(self) -> Recorder:
        """Go on recording until the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Keep the last state, however many steps were taken."""
        self.finish()

    def after_step(self, **metrics: float) -> None:
        """Count one step of the optimiser, and keep the state where it is due.

        Raises InputError for a metric that is not finite.
        """
        self.step += 1
        if self.step >= self._next:
            self._take(metrics)

    def at_step(self, step: int, **metrics: float) -> None:
        """Say which step has been taken, where somebody else counts them."""
        self.step = step - 1
        self.after_step(**metrics)

    def finish(self, **metrics: float) -> None:
        """Keep the last state, unless it was kept."""
        if self._kept < self.step:
            self._take(metrics)

    @property
    def share_of_time(self) -> float:
        """Share of the time since the start that recording took."""
        return self.seconds / max(time.perf_counter() - self._started, 1e-9)

    def _take(self, metrics: Mapping[str, float]) -> None:
        began = time.perf_counter()
        values = {name: float(value) for name, value in metrics.items()}
        for name, value in values.items():
            if not math.isfinite(value):
                raise InputError(f"the metric {name} is {value} at step {self.step}")
        with torch.no_grad():
            state = {
                name: value.detach().to("cpu", copy=True)
                for name, value in self.module.state_dict().items()
            }
        self.keep(self.step, state, values)
        self._kept = self.step
        self._next = next((step for step in self._due if step > self.step), math.inf)
        self.seconds += time.perf_counter() - began
