"""Servers and workers of this installation that go on in the background, and how they end.

A service holds a lock on its file in ``DESIGN_HOME/services`` and hands the lock to the processes
that it starts. Whoever holds the lock belongs to the service; when nobody does, it is over, however
it ended. So nothing is ever stopped that was not started here.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from designlib.types import InputError
from tasks.installation.faults import MachineError
from tasks.installation.files import last_line, rotate_log
from tasks.installation.settings import Settings

_STOP_SECONDS = 45.0
_LEFT_RUNNING: list[subprocess.Popen[bytes]] = []
"""Started here and meant to outlive this process; Python warns of those that it forgets."""


class Service:
    """The service that this process is: it starts processes and ends them."""

    def __init__(self, name: str, path: Path, handle: int) -> None:
        self.name = name
        self._path = path
        self._handle = handle
        self._processes: list[subprocess.Popen[bytes]] = []
        self._record()

    def run(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a Python module with its arguments; its output goes to the log."""
        with log_path(self._path).open("ab") as output:
            # A session of its own, so that Ctrl-C reaches this process only and it stops them.
            process = subprocess.Popen(  # noqa: S603 - fixed commands, no user input
                [sys.executable, "-m", *command],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=(self._handle,),
                env={**os.environ, **(environment or {})},
            )
        self._processes.append(process)
        self._record()
        return process

    def end(self, process: subprocess.Popen[bytes], seconds: float = 20.0) -> None:
        """End one process: ask first, kill its whole session when it does not."""
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                _kill(process.pid)
                process.wait()
        self._processes.remove(process)
        self._record()

    def end_all(self) -> None:
        """End every process of the service, the last one first."""
        for process in reversed(list(self._processes)):
            self.end(process)

    def rest(self) -> None:
        """Wait for a moment between two looks at the processes, and keep the log short."""
        rotate_log(log_path(self._path))
        time.sleep(0.5)

    def _record(self) -> None:
        pids = [process.pid for process in self._processes]
        self._path.write_text(json.dumps({"pid": os.getpid(), "processes": pids}))


@contextmanager
def claim(settings: Settings, name: str) -> Iterator[Service]:
    """Be the service of this name until the block ends, and end its processes then.

    Raises InputError where another process is that service.
    """
    path = _file(settings, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{name} is already running here; `make down` ends it") from None
        service = Service(name, path, handle)
        try:
            yield service
        finally:
            service.end_all()
            path.unlink(missing_ok=True)
    finally:
        os.close(handle)


def start(
    settings: Settings, name: str, command: Sequence[str], ready: Callable[[], bool], seconds: float
) -> None:
    """Start a service in the background and return when it is ready.

    Raises MachineError where it ends at once or is not ready in time, with the end of its log.
    """
    log = log_path(_file(settings, name))
    log.parent.mkdir(parents=True, exist_ok=True)
    rotate_log(log)
    with log.open("ab") as output:
        before = output.tell()
        process = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-m", *command],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    _LEFT_RUNNING.append(process)
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise MachineError(f"{name} ended at once: {last_line(log, before)}; see {log}")
        if time.monotonic() > deadline:
            stop(settings, name)
            _kill(process.pid)
            process.wait()
            said = last_line(log, before)
            raise MachineError(f"{name} was not ready in {seconds:.0f} s: {said}; see {log}")
        time.sleep(0.2)


def is_running(settings: Settings, name: str) -> bool:
    """Return whether any process of this service is alive."""
    return _is_held(_file(settings, name))


def stop_all(settings: Settings) -> list[str]:
    """Stop every service of this installation, workers first, and return their names."""
    names = [path.stem for path in _file(settings, "x").parent.glob("*.json")]
    # A worker tells the server how its runs ended.
    ordered = sorted(names, key=lambda name: (name == "server", name))
    return [name for name in ordered if stop(settings, name)]


def stop(settings: Settings, name: str) -> bool:
    """Stop a service and everything that it started; return whether it was running."""
    path = _file(settings, name)
    if not _is_held(path):
        path.unlink(missing_ok=True)
        return False
    record = json.loads(path.read_text() or "{}")
    main, others = record.get("pid"), record.get("processes", [])
    if main and _belongs(main, path):
        os.kill(main, signal.SIGTERM)
        _wait_while(lambda: _belongs(main, path), _STOP_SECONDS)
    for pid in [*others, main]:
        if pid and _belongs(pid, path):
            _kill(pid)
    _wait_while(lambda: _is_held(path), _STOP_SECONDS)
    path.unlink(missing_ok=True)
    return True


def log_path(record: Path) -> Path:
    """Return where a service's output goes."""
    return record.with_suffix(".log")


def _file(settings: Settings, name: str) -> Path:
    return settings.home / "services" / f"{name}.json"


def _is_held(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _belongs(pid: int, path: Path) -> bool:
    """Return whether a process is one of the service's, not one that got its number later."""
    handles = Path(f"/proc/{pid}/fd")
    try:
        return any(handle.resolve() == path.resolve() for handle in handles.iterdir())
    except OSError:
        return False


def _wait_while(going_on: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while going_on() and time.monotonic() < deadline:
        time.sleep(0.05)


def _kill(session: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(session, signal.SIGKILL)
