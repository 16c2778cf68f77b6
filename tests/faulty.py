"""A campaign command whose machine fails: ``python -m tests.faulty FAULT ARGUMENT...``.

FAULT is ``none``, ``full:K`` (from the K-th file on no file has space), ``signal:NUMBER:K`` (a
signal at the K-th change of a file, a lock or MLflow) or ``clock`` (an hour behind). Prefect is
left out, as in `tests.in_process`.
"""

from __future__ import annotations

import errno
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from mlflow.utils import environment as mlflow_environment

from flows.campaign import main
from tasks.servers import command
from tests.in_process import without_prefect
from tests.interrupted import interrupt


def _fill_disk(patch: pytest.MonkeyPatch, first: int) -> None:
    files, opened = itertools.count(1), Path.open

    def open_full(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if mode == "xb" and next(files) >= first:
            # What a file system without space does: the file is there, and stays empty.
            opened(path, mode).close()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return opened(path, mode, *args, **kwargs)

    patch.setattr(Path, "open", open_full)


def _send(patch: pytest.MonkeyPatch, number: int, moment: int) -> None:
    moments = itertools.count(1)

    def at(_name: str) -> None:
        if next(moments) == moment:
            os.kill(os.getpid(), number)

    interrupt(patch, at)


def _set_back(patch: pytest.MonkeyPatch) -> None:
    now: Callable[[], float] = time.time
    patch.setattr(time, "time", lambda: now() - 3600)


def run(fault: str, arguments: list[str]) -> int:
    """Run the command with the fault; return its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        without_prefect(patch)
        patch.setattr(
            command, "server_variables", lambda _: {"PREFECT_API_URL": "http://127.0.0.1:9/api"}
        )
        patch.setattr(command, "wait_until_healthy", lambda _address: None)
        # Waiting for a disk, pictures and a list of packages are most of the time.
        patch.setattr(os, "fsync", lambda _handle: None)
        patch.setattr(Figure, "savefig", lambda _figure, file, **_others: file.write(b"a picture"))
        unchecked = "warn_dependency_requirement_mismatches"
        patch.setattr(mlflow_environment, unchecked, lambda _requirements: None, raising=False)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        match fault.split(":"):
            case ["full", first]:
                _fill_disk(patch, int(first))
            case ["signal", number, moment]:
                _send(patch, int(number), int(moment))
            case ["clock"]:
                _set_back(patch)
        return main(arguments)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2:]))
