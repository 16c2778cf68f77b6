"""Finished stages where the workers of other hosts find them: an object store or a shared folder.

Only used where ``DESIGN_STORE`` names one. A stage is kept under its name and its content key; its
manifest comes last, so a stage that is found is whole, and what is fetched is checked against it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from tasks.installation.faults import MachineError
from tasks.installation.files import write_atomically
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

MANIFEST = "manifest.json"
FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""What a file of a stage may be called, so that none lies outside the stage's folder."""
_CHUNK = 1 << 20
_PATIENCE_SECONDS = 120.0
_PAUSE_SECONDS = 5.0

T = TypeVar("T")


def keep_stage(settings: Settings, folder: Path, names: Iterable[str], manifest: bytes) -> None:
    """Copy the files of a stage to the store, its manifest last; nothing where there is no store.

    A store that does not answer is asked again for two minutes. Raises MachineError after that.
    """
    if settings.store is None:
        return
    store, root = _open(settings.store)
    place = f"{root}/{_below(settings, folder)}"

    def copy() -> None:
        store.create_dir(place, recursive=True)
        for name in names:
            with (
                (folder / name).open("rb") as source,
                store.open_output_stream(f"{place}/{name}") as target,
            ):
                shutil.copyfileobj(source, target, _CHUNK)
        with store.open_output_stream(f"{place}/{MANIFEST}") as target:
            target.write(manifest)

    _patiently(copy, f"{folder.parent.name} to the store")


def fetch_stage(settings: Settings, folder: Path) -> bool:
    """Copy a stage from the store into its folder; return whether the store has it.

    Files appear whole or not at all, the manifest last. Raises MachineError where the store does
    not answer for two minutes, or holds other bytes than its manifest says.
    """
    if settings.store is None:
        return False
    store, root = _open(settings.store)
    place = f"{root}/{_below(settings, folder)}"

    def copy() -> bool:
        if not store.get_file_info(f"{place}/{MANIFEST}").is_file:
            return False
        with store.open_input_stream(f"{place}/{MANIFEST}") as source:
            manifest = source.read()
        for name, digest in manifest_files(manifest).items():
            _fetch(store, f"{place}/{name}", folder / name, digest)
        write_atomically(folder / MANIFEST, manifest)
        return True

    return _patiently(copy, f"{folder.parent.name} from the store")


def manifest_files(manifest: bytes) -> dict[str, str]:
    """Return the sha256 of each file of a stage, by name.

    Raises ValueError for a damaged manifest, and for a name that could lie outside the folder.
    """
    try:
        files = {str(name): str(digest) for name, digest in json.loads(manifest)["files"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the manifest is damaged: {error}") from error
    if unsafe := [name for name in files if not re.match(FILE_NAME, name)]:
        raise ValueError(f"{unsafe[0]!r} is no name of a file of a stage")
    return files


def _fetch(store: FileSystem, source: str, target: Path, expected: str) -> None:
    def copy(file: BinaryIO) -> None:
        digest = hashlib.sha256()
        with store.open_input_stream(source) as content:
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != expected:
            raise OSError(f"{source} in the store has other bytes than its manifest says")

    write_atomically(target, copy)


def _below(settings: Settings, folder: Path) -> str:
    return f"stages/{folder.relative_to(settings.stages).as_posix()}"


def _open(address: str) -> tuple[FileSystem, str]:
    from pyarrow.fs import FileSystem  # most installations have no store

    store, root = FileSystem.from_uri(address)
    return store, root.rstrip("/")


def _patiently(copy: Callable[[], T], what: str) -> T:
    """Return what ``copy`` returns; a store that is away is asked again."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return copy()
        except OSError as error:
            if time.monotonic() > deadline:
                raise MachineError(
                    f"copying {what} failed for {_PATIENCE_SECONDS:g} s: {error}; check "
                    "DESIGN_STORE and its keys, then run the same command again"
                ) from error
            run_logger().warning("copying %s: %s; tried again", what, error)
            time.sleep(_PAUSE_SECONDS)
