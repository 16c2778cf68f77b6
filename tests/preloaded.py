"""A process that has loaded Prefect, MLflow and PyTorch, and forks for each command of a test.

A fresh interpreter takes five seconds of a processor to import them, and the tests start some
hundred commands and flow runs. `start` gives the command to the preloaded process, which forks; the
process that is returned stands in for the fork: what it is sent is sent on, and with it the fork is
killed. Prefect workers start this file as the command of their flow runs.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_LOADED = (
    "flows.campaign",
    "flows.counterfactual",
    "flows.generate",
    "flows.learning",
    "flows.measure",
    "flows.round",
    "flows.train",
    "git",
    "matplotlib.pyplot",
    "mlflow.pyfunc",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "prefect.deployments",
    "sklearn.cluster",
    "sklearn.decomposition",
    "sklearn.linear_model",
    "prefect.flow_engine",
    "prefect.task_engine",
    "tasks.inputs.tables",
    "tasks.record.progress",
    "tasks.reports.campaign_page",
    "tasks.reports.publish",
    "tasks.rounds.generate",
    "tasks.rounds.import_checkpoints",
    "tasks.rounds.measuring",
    "tasks.rounds.layout",
    "tasks.rounds.promotion",
    "tasks.rounds.train",
    "tasks.servers.command",
    "torch._dynamo",
)
"""What commands import. One that has moved is left out, which costs time and nothing else."""
USAGE = "PRELOADED_USAGE"
"""The variable that names a file, to which the processor time of a command is added."""
_SENT_ON = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def preloaded(folder: Path) -> Iterator[Path]:
    """Start the process; yield its socket, for `start` and `command`."""
    address = folder / "preloaded"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.preloaded", str(address)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield address
    finally:
        process.communicate()


def command(address: Path, *arguments: str) -> list[str]:
    """Return the command that has a Python command, without the interpreter, run by a fork."""
    # Without packages and their start-up files the interpreter starts in a hundredth of a second.
    return [sys.executable, "-I", "-S", __file__, str(address), *arguments]


def start(
    address: Path, arguments: Sequence[str], environment: Mapping[str, str], **others: Any
) -> subprocess.Popen[str]:
    """Start ``python ARGUMENTS`` in that environment, as `subprocess.Popen` does."""
    return subprocess.Popen(
        command(address, *arguments), env=dict(environment), text=True, **others
    )


# ---- the stand-in


def _stand_in(address: str, arguments: list[str]) -> int:
    """Hand the command over and end as its fork ends."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        request = {"arguments": arguments, "environment": dict(os.environ), "cwd": str(Path.cwd())}
        socket.send_fds(server, [json.dumps(request).encode() + b"\n"], [0, 1, 2])
        answers = server.makefile()
        pid = int(answers.readline())
        for number in _SENT_ON:
            signal.signal(number, lambda number, _frame: os.kill(pid, number))
        status, seconds = answers.readline().split()
    if USAGE in os.environ:
        with Path(os.environ[USAGE]).open("a") as file:
            file.write(f"{seconds}\n")
    code = os.waitstatus_to_exitcode(int(status))
    if code < 0:
        with contextlib.suppress(OSError):  # SIGKILL has no other action
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


# ---- the preloaded process


class _Forks:
    """The commands that are running, by the connections of their stand-ins."""

    def __init__(self, address: str) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(address)
        self.listener.listen(64)
        self._running: dict[socket.socket, int] = {}

    def serve(self) -> None:
        """Fork for every connection until standard input closes."""
        while True:
            waiting = [sys.stdin, self.listener, *self._running]
            ready, _, _ = select.select(waiting, [], [], 0.02 if self._running else 1)
            if sys.stdin in ready:
                break
            for found in ready:
                if found is self.listener:
                    self._fork(self.listener.accept()[0])
                elif found in self._running:
                    # Nothing is sent after the request: the stand-in is gone, and so its fork.
                    os.kill(self._running[found], signal.SIGKILL)
            self._reap()
        for pid in self._running.values():
            os.kill(pid, signal.SIGKILL)

    def _fork(self, connection: socket.socket) -> None:
        content, handles, _, _ = socket.recv_fds(connection, 1 << 20, 3)
        while not content.endswith(b"\n"):
            content += connection.recv(1 << 20)
        pid = os.fork()
        if pid == 0:
            self.listener.close()
            for other in (connection, *self._running):
                other.close()
            _become(json.loads(content), handles)
        for handle in handles:
            os.close(handle)
        connection.sendall(f"{pid}\n".encode())
        self._running[connection] = pid

    def _reap(self) -> None:
        for connection, pid in list(self._running.items()):
            ended, status, used = os.wait4(pid, os.WNOHANG)
            if ended:
                with contextlib.suppress(OSError):
                    connection.sendall(f"{status} {used.ru_utime + used.ru_stime}\n".encode())
                connection.close()
                del self._running[connection]


def _become(request: dict[str, Any], handles: list[int]) -> None:
    """Be the process of a command."""
    os.setsid()
    for number, handle in enumerate(handles):
        os.dup2(handle, number)
        os.close(handle)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    sys.path[:0] = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    from prefect.context import refresh_global_settings_context

    from tasks.installation import clock
    from tasks.installation.environment import prepare_environment
    from tasks.installation.settings import Settings

    # What importing the flows does in a process of its own.
    clock.PROCESS_STARTED = time.time()
    prepare_environment(Settings())
    refresh_global_settings_context()
    _run(request["arguments"])
    sys.exit()


def _run(arguments: list[str]) -> None:
    match arguments:
        case ["-m", module, *others]:
            sys.argv = [module, *others]
            # Otherwise Python warns that it is there already.
            sys.modules.pop(module, None)
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case ["-c", script, *others]:
            sys.argv = ["-c", *others]
            exec(compile(script, "<command>", "exec"), {"__name__": "__main__"})
        case [script, *others] if script.endswith(".py"):
            sys.argv = [script, *others]
            sys.path.insert(0, str(Path(script).resolve().parent))
            runpy.run_path(script, run_name="__main__")
        case _:
            raise ValueError(f"no command of Python: {arguments}")


def _load() -> None:
    """Import what commands import, quietly."""
    import importlib

    from tasks.installation.environment import prepare_environment
    from tasks.installation.settings import Settings

    prepare_environment(Settings())
    for module in _LOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(_stand_in(sys.argv[1], sys.argv[2:]))
    _load()
    _forks = _Forks(sys.argv[1])
    print("ready", flush=True)
    _forks.serve()
    # Nothing here needs to be tidied up, which would take a second.
    os._exit(0)
