"""The logger of the running task, or of this package where no task is running."""

from __future__ import annotations

import logging

from prefect.context import FlowRunContext, TaskRunContext
from prefect.logging import get_run_logger


def run_logger() -> logging.Logger | logging.LoggerAdapter[logging.Logger]:
    """Return where progress is reported: the Prefect run's log, or plain logging outside one."""
    if TaskRunContext.get() or FlowRunContext.get():
        return get_run_logger()
    return logging.getLogger("tasks")
