"""How the tasks of one flow run side by side."""

from __future__ import annotations

from typing import Any, cast

from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

__all__ = ["side_by_side"]


def side_by_side(tasks: int) -> TaskRunner[PrefectFuture[Any]]:
    """Return a runner for so many tasks at once, in threads of this process.

    torch gives up Python's lock while it computes, so two tasks use two cores, and neither pays
    for starting another interpreter.
    """
    # Prefect declares its own runner's future type narrower than its flows accept.
    return cast("TaskRunner[PrefectFuture[Any]]", ThreadPoolTaskRunner(max_workers=tasks))
