"""Files read with clear errors, and written so that nobody ever sees half of one."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import json
import os
import secrets
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from filelock import FileLock

from designlib.errors import InputError
from tasks.installation.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

_CHUNK = 1 << 20
_ROWS = 4096
_LOG_BYTES, _OLD_LOGS = 10 << 20, 3


def read_input(path: Path) -> bytes:
    """Return the bytes of a file that a user named.

    Raises InputError when it is not there, is a directory or cannot be read, and when unpacking it
    would take more than ``DESIGN_UNPACKED_GB``.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: this is a directory; name one file in it") from None
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read ({error.strerror})") from None
    most = Settings().unpacked_gb
    limit = max(most * 1e9, len(content))
    if any(size > limit for size in _unpacked_sizes(content)):
        raise InputError(
            f"{path}: unpacked, the file is larger than {most:g} GB; if it is meant to be, raise "
            "DESIGN_UNPACKED_GB"
        )
    return content


def _unpacked_sizes(content: bytes) -> Iterator[float]:
    """Yield the size of what is unpacked, as it grows; nothing for a damaged file."""
    size = 0
    # What is wrong with a file its reader says.
    with suppress(OSError, EOFError, zlib.error, zipfile.BadZipFile, ValueError):
        if content.startswith(b"\x1f\x8b"):
            with gzip.open(io.BytesIO(content)) as file:
                while chunk := file.read(_CHUNK):
                    yield (size := size + len(chunk))
        elif content.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                yield sum(entry.file_size for entry in archive.infolist())
        elif content.startswith(b"PAR1"):
            import pyarrow as pa
            import pyarrow.parquet as pq

            with suppress(pa.ArrowException):
                for batch in pq.ParquetFile(pa.BufferReader(content)).iter_batches(_ROWS):
                    yield (size := size + batch.nbytes)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def write_atomically(path: Path, content: bytes | Callable[[BinaryIO], object]) -> None:
    """Write a file that appears under its name complete, or not at all.

    ``content`` is the bytes, or a function that writes them to the open binary file it is given.
    The folder is made if need be. Until it is complete the file has a hidden name that ends in
    ``.tmp``, which is all that a killed process leaves; an error removes it and leaves an earlier
    file of that name as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A fixed length, as the name of the target may already be as long as names can be.
    temporary = path.parent / f".{os.getpid()}-{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = str(path)  # what writing to an open file leaves out
        raise
    _sync_folder(path.parent)


def copy_atomically(source: Path, target: Path) -> None:
    """Copy a file of any size that appears under its new name complete, or not at all."""
    with source.open("rb") as content:
        write_atomically(target, lambda file: shutil.copyfileobj(content, file))


@contextmanager
def held_folder(folder: Path) -> Iterator[None]:
    """Hold a folder, made if need be, while its files are written; wait while another process does.

    What a killed process has left half written is removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        for leftover in folder.glob(".*.tmp"):
            leftover.unlink()
        yield


def rotate_log(path: Path) -> None:
    """Move the content of a log of more than 10 MB to ``.1``, and keep three such files.

    The file stays the same, so that processes which append to it go on in it.
    """
    if not path.exists() or path.stat().st_size < _LOG_BYTES:
        return
    old = [path.with_name(f"{path.name}.{number}") for number in range(1, _OLD_LOGS + 1)]
    for newer, older in reversed(list(itertools.pairwise(old))):
        if newer.exists():
            newer.replace(older)
    shutil.copyfile(path, old[0])
    os.truncate(path, 0)


def last_line(log: Path, start: int = 0) -> str:
    """Return the last line of a log that was written after its first ``start`` bytes."""
    said = log.read_bytes()[start:].decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(said) if line.strip()), "it said nothing")


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """Return a frame as Parquet; same frame, same bytes."""
    sink = io.BytesIO()
    frame.to_parquet(sink, index=False, compression="zstd")
    return sink.getvalue()


def json_bytes(content: object) -> bytes:
    """Return indented JSON with sorted keys; NaN raises."""
    return json.dumps(content, indent=2, sort_keys=True, allow_nan=False).encode()
