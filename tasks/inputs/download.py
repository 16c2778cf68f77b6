"""Downloads that can be cut off at any moment: resumed, verified, renamed when complete."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import httpx
from tqdm import tqdm

from designlib.errors import InputError
from tasks.installation.files import sha256_of

__all__ = ["DataFileError", "Progress", "download"]

Progress: TypeAlias = Callable[[int, int], object]
"""Called with the bytes there are so far and the bytes in total."""

ATTEMPTS = 3
"""How often a download that is cut off is resumed before giving up."""

PAUSE_SECONDS = 1.0
"""Wait before the first of these; it doubles each time."""

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)

_log = logging.getLogger(__name__)


class DataFileError(InputError):
    """A data file is missing, damaged or out of reach; the message says what to do."""


class _CutOffError(Exception):
    """The connection ended before the file did."""


class _WrongContentError(Exception):
    """What the address serves is not the file that is wanted."""


def download(
    url: str,
    target: Path,
    *,
    size: int,
    sha256: str,
    advice: str,
    progress: Progress | None = None,
) -> None:
    """Download ``url`` to ``target`` and check its size and SHA-256.

    The bytes are collected in a file beside the target whose name ends in ``.part``; when that is
    there already, only the rest is asked for. The target appears at once and complete. Of several
    processes that want the same file one downloads and the others wait for it.

    Raises DataFileError, ending in ``advice``, when the address cannot be reached, refuses, or
    serves other content.
    """
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(target.with_name(f".{target.name}.lock")):
            if target.exists() and sha256_of(target) == sha256:
                return
            _log.info("downloading %s to %s", url, target)
            try:
                with _reporting(target.name, size, progress) as report:
                    _complete(url, part, size, sha256, report)
            except _WrongContentError:
                part.unlink(missing_ok=True)
                raise
            part.replace(target)
    except _WrongContentError as error:
        raise DataFileError(
            f"{url} does not serve the file of the data catalogue: {error}. Nothing of it was "
            f"kept. {advice}"
        ) from None
    except _CutOffError as error:
        have = part.stat().st_size if part.exists() else 0
        raise DataFileError(
            f"the download of {url} was cut off {ATTEMPTS} times ({error}); {have} of {size} "
            f"bytes are kept in {part}, and the next try goes on from there. {advice}"
        ) from None
    except httpx.HTTPStatusError as error:
        answer = error.response
        raise DataFileError(
            f"{url} answered {answer.status_code} {answer.reason_phrase}. {advice}"
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        raise DataFileError(f"{url} cannot be reached ({reason}). {advice}") from None
    except OSError as error:
        raise DataFileError(f"{part} cannot be written ({error}). {advice}") from None


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Let one process at a time pass; the lock ends with its holder, however that ends."""
    with lock.open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.info("waiting for another process that downloads %s", lock.name[1:-5])
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _complete(url: str, part: Path, size: int, sha256: str, report: Progress) -> None:
    """Bring ``part`` to the wanted content, resuming it as often as ATTEMPTS allows."""
    resumed = part.exists()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _fetch_rest(url, part, size, report)
            break
        except _CutOffError:
            if attempt == ATTEMPTS:
                raise
            time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
    found = sha256_of(part)
    if found == sha256:
        return
    if not resumed:
        raise _WrongContentError(
            f"expected {size} bytes with SHA-256 {sha256}, found {part.stat().st_size} bytes with "
            f"{found}"
        )
    # The bytes of an earlier process may be the wrong ones: once from the start.
    part.unlink()
    _complete(url, part, size, sha256, report)


def _fetch_rest(url: str, part: Path, size: int, report: Progress) -> None:
    """Ask for the bytes that ``part`` does not have yet and append them."""
    have = part.stat().st_size if part.exists() else 0
    if have > size:
        part.unlink()
        have = 0
    if have == size:
        return
    # Compressed transfer would make byte ranges mean something else.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with httpx.stream(
            "GET", url, headers=headers, follow_redirects=True, timeout=_TIMEOUT
        ) as answer:
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.unlink()
                raise _CutOffError("the server has no bytes there")
            answer.raise_for_status()
            start = _start_of(answer)
            if start not in {0, have}:
                raise _WrongContentError(f"bytes from {have} were asked for, it sends {start}")
            with part.open("r+b" if have else "wb") as file:
                file.seek(start)
                file.truncate()
                for chunk in answer.iter_raw():
                    if file.tell() + len(chunk) > size:
                        raise _WrongContentError(f"more than the expected {size} bytes")
                    file.write(chunk)
                    report(file.tell(), size)
                file.flush()
                os.fsync(file.fileno())
    except (httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError) as error:
        raise _CutOffError(str(error) or type(error).__name__) from None


def _start_of(answer: httpx.Response) -> int:
    """Return the position in the file at which the body of the answer begins."""
    if answer.status_code != httpx.codes.PARTIAL_CONTENT:
        return 0
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
    if match is None:
        raise _WrongContentError("it sends a part of the file without saying which")
    return int(match.group(1))


@contextmanager
def _reporting(name: str, size: int, progress: Progress | None) -> Iterator[Progress]:
    """Yield the caller's progress function, else a bar on a terminal, else log lines."""
    if progress is not None:
        yield progress
    elif sys.stderr.isatty():
        with tqdm(total=size, desc=name, unit="B", unit_scale=True) as bar:
            yield lambda done, _total: bar.update(done - bar.n)
    else:
        tenth = 0

        def log(done: int, total: int) -> None:
            nonlocal tenth
            if done * 10 // total > tenth:
                tenth = done * 10 // total
                _log.info("%s: %d of %d bytes", name, done, total)

        yield log
