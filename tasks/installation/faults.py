"""How a command ends: with its answer, or with one line that says what is wrong and what to do."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from logging.handlers import MemoryHandler
from pathlib import Path
from types import FrameType

from pydantic import ValidationError

from designlib.errors import InputError
from tasks.installation.files import rotate_log
from tasks.installation.settings import Settings

_AGAIN = "then run the same command again; it goes on from here"

_ADVICE: dict[str, tuple[int | str, ...]] = {
    f"make room (folders in stages/ can be deleted), {_AGAIN}": (
        errno.ENOSPC, errno.EDQUOT, "disk is full", "disk I/O error",
    ),
    "let this user write there, or set DESIGN_HOME to a folder of its own": (
        errno.EROFS, errno.EACCES, errno.EPERM, "readonly database", "unable to open database file",
    ),
    f"free memory or lower sampling.chains, {_AGAIN}": (
        errno.ENOMEM, "MemoryError", "OutOfMemoryError",
    ),
    "put the file back from a copy, or delete it; `make doctor` names every damaged file": (
        errno.EISDIR, errno.ENOTDIR, "disk image is malformed", "file is not a database",
        "no such table", "JSONDecodeError", "ArrowInvalid", "SafetensorError",
    ),
    "check the servers and the login with `make doctor`": (
        "TimeoutError", "ConnectionError", "TransportError", "HTTPStatusError", "MlflowException",
    ),
    f"check the disk, {_AGAIN}": (errno.EIO,),
    f"raise the limit of open files (ulimit -n), {_AGAIN}": (errno.EMFILE,),
    f"wait for the other commands of this home, {_AGAIN}": ("database is locked",),
}  # fmt: skip
"""What to do, by the signs of an error: its number, a part of its message, or its class's name."""


class MachineError(Exception):
    """Something of this machine is wrong; the message says what, and what to do."""


class Terminated(KeyboardInterrupt):
    """SIGTERM: this process was asked to end."""


def exit_code(command: Callable[[], str | None]) -> int:
    """Print what a command returns; return the exit code.

    Whatever goes wrong is one line on stderr: 2 where the input is wrong, 1 where the machine is,
    then with the detail in a log file that the line names. SIGINT and SIGTERM end the process with
    130 and 143 without a wait for its threads.
    """
    with _errors_kept() as kept, _signals_raised():
        try:
            answer = command()
            if answer is not None:
                print(answer, flush=True)  # noqa: T201 - the command's answer
        except KeyboardInterrupt as error:
            _say("interrupted; the same command goes on from here")
            logging.shutdown()
            # In place of a wait for threads that still train or sample.
            os._exit(128 + (signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT))
        except (InputError, ValidationError) as error:
            _say(f"error: {sentence(error)}")
            return 2
        except Exception as error:
            _say(f"error: {sentence(error)} (detail: {_write_detail(error, kept)})")
            return 1
        return 0


def sentence(error: BaseException) -> str:
    """Return in one line what is wrong and what to do about it."""
    if isinstance(error, InputError | MachineError):
        return str(error)
    if isinstance(error, ValidationError):
        prefix = "DESIGN_" if error.title == Settings.__name__ else ""
        places = [".".join(map(str, one["loc"])) for one in error.errors()]
        named = [prefix + (place.upper() if prefix else place) for place in places]
        told = zip(named, (one["msg"] for one in error.errors()), strict=True)
        return "; ".join(": ".join(filter(None, one)) for one in told)
    one: BaseException | None = error
    while one is not None:
        if advice := _advice(one):
            return f"{_said(one)}; {advice}"
        one = one.__cause__ or one.__context__
    return f"unexpected {_said(error)}; please report it with the detail"


def _advice(error: BaseException) -> str | None:
    message = str(error)
    known = {getattr(error, "errno", None), *(kind.__name__ for kind in type(error).__mro__)}
    return next(
        (
            advice
            for advice, signs in _ADVICE.items()
            if any(sign in known or (isinstance(sign, str) and sign in message) for sign in signs)
        ),
        None,
    )


def _said(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    line = " ".join(str(error).split("\n[SQL", maxsplit=1)[0].split())
    return f"{type(error).__name__}: {line}"[:400]


@contextmanager
def _errors_kept() -> Iterator[MemoryHandler]:
    """Keep what is logged as an error off the screen, for the detail."""
    root = logging.getLogger()
    screens, kept = list(root.handlers), MemoryHandler(1000)
    kept.setLevel(logging.ERROR)

    def is_no_error(record: logging.LogRecord) -> bool:
        return record.levelno < logging.ERROR

    for screen in screens:
        screen.addFilter(is_no_error)
    root.addHandler(kept)
    try:
        yield kept
    finally:
        root.removeHandler(kept)
        for screen in screens:
            screen.removeFilter(is_no_error)


@contextmanager
def _signals_raised() -> Iterator[None]:
    """Raise the first SIGINT or SIGTERM; another must not break off the clean-up."""
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # What a shell starts in the background is deaf to Ctrl-C, and stays so.
    heard = [number for number, handler in usual.items() if handler != signal.SIG_IGN]

    delivered = threading.Event()

    def handle_by(handler: Callable[[int, FrameType | None], None] | int) -> None:
        for number in heard:
            signal.signal(number, handler)

    def stop(number: int, _frame: FrameType | None) -> None:
        delivered.set()
        handle_by(signal.SIG_IGN)
        raise Terminated if number == signal.SIGTERM else KeyboardInterrupt

    def repeat(number: int) -> None:
        while not delivered.wait(0.1):
            os.kill(os.getpid(), number)

    def raise_again(lost: sys.UnraisableHookArgs) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            return sys.__unraisablehook__(lost)
        # It came while an object was deleted, where Python drops exceptions.
        number = signal.SIGTERM if lost.exc_type is Terminated else signal.SIGINT
        delivered.clear()
        threading.Thread(target=repeat, args=[number], daemon=True).start()
        handle_by(stop)

    try:
        handle_by(stop)
        sys.unraisablehook = raise_again
        yield
    finally:
        sys.unraisablehook = sys.__unraisablehook__
        for number in heard:
            signal.signal(number, usual[number])


def _write_detail(error: BaseException, kept: MemoryHandler) -> Path | str:
    """Append the traceback, and the errors logged before, to a log file; return its path."""
    lines = [logging.Formatter("%(asctime)s %(message)s").format(record) for record in kept.buffer]
    title = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(sys.argv)}"
    text = "\n".join([title, *lines, *traceback.format_exception(error), ""])
    path = Settings().home / "logs" / "commands.log"
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        rotate_log(path)
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
        return path
    with suppress(OSError):
        handle, name = tempfile.mkstemp(".log", "design-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        return name
    return "no log can be written"


def _say(line: str) -> None:
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - the command's answer
