"""The time of a run: set-up, computing, and the rest, orchestration."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from tasks.installation.environment import PROCESS_STARTED

Interval = tuple[float, float]


@dataclass
class CommandClock:
    """The start of a command or of its round, and the time spent on one-off set-up."""

    started: float
    """Seconds since the epoch."""
    set_up: list[Interval] = field(default_factory=list)

    @contextmanager
    def setting_up(self) -> Iterator[None]:
        """Count the time inside as set-up."""
        began = time.time()
        try:
            yield
        finally:
            self.set_up.append((began, time.time()))

    def split(self, compute: Iterable[Interval]) -> dict[str, float]:
        """Return the seconds until now in all, set-up, computing and orchestration.

        The next round of the same command is counted from here.
        """
        now = time.time()
        total, set_up = now - self.started, united_seconds(self.set_up)
        self.started, self.set_up = now, []
        computing = united_seconds(compute)
        return {
            "total_seconds": round(total, 2),
            "set_up_seconds": round(set_up, 2),
            "compute_seconds": round(computing, 2),
            "orchestration_seconds": round(total - set_up - computing, 2),
        }


_CLOCK: ContextVar[CommandClock | None] = ContextVar("command_clock", default=None)


@contextmanager
def command_clock() -> Iterator[CommandClock]:
    """Give the clock of a command, which began with its process."""
    clock = CommandClock(PROCESS_STARTED)
    token = _CLOCK.set(clock)
    try:
        yield clock
    finally:
        _CLOCK.reset(token)


def current_clock(started: float) -> CommandClock:
    """Return the command's clock; outside a command one that began at ``started``."""
    return _CLOCK.get() or _clock_of_run(started)


@functools.cache
def _clock_of_run(started: float) -> CommandClock:
    """Return the clock that all rounds of a flow run have."""
    return CommandClock(started)


def united_seconds(intervals: Iterable[Interval]) -> float:
    """Return the length of the union of intervals, in seconds.

    >>> united_seconds([(0.0, 2.0), (1.0, 3.0), (5.0, 6.0)])
    4.0
    """
    total, end = 0.0, float("-inf")
    for start, stop in sorted(intervals):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total
