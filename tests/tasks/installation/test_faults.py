"""How commands end: one line, the exit code, and the detail in a log file."""

from __future__ import annotations

import errno
import logging
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from designlib.types import InputError
from tasks.installation import files
from tasks.installation.faults import MachineError, exit_code
from tasks.installation.files import last_line, rotate_log
from tasks.installation.settings import Settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DESIGN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path / "home"


def system(number: int, *path: str) -> OSError:
    return OSError(number, os.strerror(number), *path)


def wrapped(message: str) -> Exception:
    """A library's error in another one's, as SQLAlchemy's comes in MLflow's."""
    error = RuntimeError("told otherwise")
    error.__cause__ = sqlite3.OperationalError(message)
    return error


FAULTS = {
    "full disk": (system(errno.ENOSPC, "/h/a"), "/h/a: No space left on device; make room"),
    "a folder": (system(errno.EISDIR, "/h/a"), "/h/a: Is a directory; put the file back"),
    "read-only home": (system(errno.EROFS, "/h"), "/h: Read-only file system; let this user write"),
    "another user's": (system(errno.EACCES, "/h"), "/h: Permission denied; let this user write"),
    "no memory": (MemoryError(), "MemoryError: ; free memory or lower sampling.chains"),
    "full database": (wrapped("database or disk is full"), "disk is full; make room"),
    "damaged database": (wrapped("file is not a database"), "not a database; put the file back"),
    "busy database": (wrapped("database is locked"), "is locked; wait for the other commands"),
    "server away": (ConnectionRefusedError("nobody"), "nobody; check the servers and the login"),
    "own words": (MachineError("the store is away; mount it"), "the store is away; mount it"),
    "bug": (KeyError("x"), "unexpected KeyError: 'x'; please report it"),
}  # fmt: skip


@pytest.mark.parametrize(("error", "said"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_machine_is_one_line_that_names_a_log_with_the_traceback(
    error: Exception, said: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> str:
        logging.getLogger("tasks").error("the step before")
        raise error

    screen = logging.StreamHandler()
    logging.getLogger().addHandler(screen)
    try:
        assert exit_code(fail) == 1
    finally:
        logging.getLogger().removeHandler(screen)
    printed, line = capsys.readouterr()
    log = home / "logs" / "commands.log"
    assert printed == ""
    assert line.count("\n") == 1
    assert line.startswith("error: ")
    assert said in line
    assert line.endswith(f"(detail: {log})\n")
    assert re.search(r"(?s)the step before.*Traceback.*in fail", log.read_text())


def test_a_log_goes_to_the_temporary_folder_where_the_home_takes_none(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.touch()
    assert exit_code((home / "x").read_text) == 1
    line = capsys.readouterr().err
    matched = re.search(rf"\(detail: ({home.parent}/design-\w+\.log)\)", line)
    assert matched, line
    assert "NotADirectoryError" in Path(matched[1]).read_text()


def test_wrong_input_is_exit_code_2_and_leaves_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> str:
        raise InputError("row 3 is empty")

    assert exit_code(refuse) == 2
    assert capsys.readouterr().err == "error: row 3 is empty\n"
    for value, said in {"~nobody-here": "Give the whole path", "/a?b": "question mark"}.items():
        monkeypatch.setenv("DESIGN_HOME", value)
        assert exit_code(lambda: str(Settings())) == 2
        line = capsys.readouterr().err
        assert line.startswith("error: DESIGN_HOME: ")
        assert said in line
    assert not home.exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("place", ["in a thread that works", "where an object is deleted"])
def test_a_signal_ends_a_command_with_one_line_and_its_code(
    number: signal.Signals, code: int, place: str
) -> None:
    script = f"""
import os, signal, threading, time
from tasks.installation.faults import exit_code
signal.signal(signal.SIGINT, signal.default_int_handler)

class Deleted:
    def __del__(self):
        os.kill(os.getpid(), {number:d})
        time.sleep(0.01)

def command():
    if {place == "where an object is deleted"}:
        Deleted()
    else:
        threading.Thread(target=time.sleep, args=[60]).start()
        os.kill(os.getpid(), {number:d})
    time.sleep(60)

exit_code(command)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=50
    )
    assert done.returncode == code
    assert done.stderr == "interrupted; the same command goes on from here\n"


def test_a_log_is_rotated_while_others_append_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_LOG_BYTES", 10)
    log = tmp_path / "server.log"
    with log.open("ab", buffering=0) as server:
        for number in range(6):
            rotate_log(log)
            server.write(b"start %d, long enough\n" % number)
    kept = [path.read_text() for path in sorted(tmp_path.glob("server.log*"))]
    assert kept == [f"start {number}, long enough\n" for number in (5, 4, 3, 2)]
    assert last_line(log) == "start 5, long enough"
    assert last_line(log, start=log.stat().st_size) == "it said nothing"


@pytest.mark.parametrize("write", [lambda file: file.write(b"x"), b"x"])
def test_an_error_of_writing_names_the_file(
    write: bytes | Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise system(errno.ENOSPC)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*/a\.json'"):
        files.write_atomically(tmp_path / "a.json", write)
