"""Stages keyed by content: finished ones are reused, changed ones made anew.

The folder of a stage is named after a hash of everything its result depends on: the inputs'
hashes, the settings, the code that decides it and the numerical libraries; see
`tasks.stages.code`. Files appear in it whole or not at all; ``manifest.json`` is written last and
marks the stage as finished. An interrupted stage resumes from its files.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from pydantic import BaseModel, ConfigDict, PrivateAttr, StringConstraints

from tasks.installation.files import held_folder, sha256_of, write_atomically
from tasks.installation.settings import Settings
from tasks.stages.code import code_fingerprint
from tasks.stages.store import FILE_NAME, MANIFEST, fetch_stage, keep_stage, manifest_files


class StageResult(BaseModel):
    """A finished stage as other tasks see it: which it is and what its files hold.

    Whoever starts a flow run may write one, so that names stay inside the folder of stages.
    """

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    files: dict[Annotated[str, StringConstraints(pattern=FILE_NAME)], str]
    """sha256 of each file, by name."""
    reused: bool
    compute: tuple[tuple[float, float], ...] = ()
    """Wall-clock intervals, in seconds since the epoch, in which this run computed."""
    _folder: Path | None = PrivateAttr(default=None)
    """Known only in the process that made or found the stage."""

    @property
    def folder(self) -> Path:
        """Where the stage lies, or would lie, on this host."""
        return self._folder or Settings().stages / self.name / self.key

    def path(self, name: str) -> Path:
        """Return the path of one of the stage's files.

        Raises FileNotFoundError where the stage is neither here nor in the store.
        """
        if name not in self.files:
            raise KeyError(f"stage {self.name} has no file {name!r}, only {sorted(self.files)}")
        if not (self.folder / name).exists() and not self.is_intact():
            raise FileNotFoundError(
                f"stage {self.name} is not in {self.folder}; workers of one server share "
                "DESIGN_HOME, or DESIGN_STORE where they are on different hosts"
            )
        return self.folder / name

    def is_intact(self) -> bool:
        """Return whether the stage's files are here as they were left, or came from the store."""
        if _intact_files(self.folder) == self.files:
            return True
        if Settings().store is None:
            return False
        with held_folder(self.folder):
            # Another process may have fetched it while this one waited.
            if _intact_files(self.folder) is None:
                fetch_stage(Settings(), self.folder)
            return _intact_files(self.folder) == self.files


def stage_record(stage: StageResult) -> dict[str, Any]:
    """Return what a ledger records of a stage, from which `recorded_stage` finds it again."""
    return {"key": stage.key, "files": stage.files}


def recorded_stage(name: str, record: Mapping[str, Any]) -> StageResult:
    """Return the recorded stage of that name, whether or not its files still exist."""
    return StageResult(name=name, key=record["key"], files=record["files"], reused=True)


class Stage:
    """A stage that this process holds: nobody else writes to its folder meanwhile."""

    def __init__(
        self, settings: Settings, name: str, inputs: Mapping[str, Any], makers: Sequence[str]
    ) -> None:
        self.name = name
        self.code = code_fingerprint(*makers)
        self.key = content_key({"stage": name, "code": self.code, **inputs})
        self.folder = settings.stages / name / self.key
        self._settings = settings
        self._inputs = dict(inputs)
        self._compute: list[tuple[float, float]] = []
        self._reused = False
        self._written: list[str] = []

    def result(self) -> StageResult | None:
        """Return the finished stage, or None where it is unfinished or its files were damaged."""
        files = _intact_files(self.folder)
        if files is None:
            return None
        result = StageResult(
            name=self.name,
            key=self.key,
            files=files,
            reused=not self._compute and self._reused,
            compute=tuple(self._compute),
        )
        result._folder = self.folder
        return result

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Count the time inside as computation of this run."""
        started = time.time()
        try:
            yield
        finally:
            self._compute.append((started, time.time()))

    def write(self, name: str, content: bytes | Callable[[BinaryIO], object]) -> Path:
        """Write one file of the stage, whole or not at all; see `write_atomically`."""
        path = self.folder / name
        write_atomically(path, content)
        self._written.append(name)
        return path

    def finish(self, names: Sequence[str] = ()) -> StageResult:
        """Declare the stage finished with these files, by default those that were written."""
        files = {name: sha256_of(self.folder / name) for name in sorted(names or self._written)}
        about = {"stage": self.name, "key": self.key, "files": files, "code": self.code}
        about["inputs"] = self._inputs
        manifest = json.dumps(about, indent=2, sort_keys=True, default=_as_json).encode()
        keep_stage(self._settings, self.folder, files, manifest)
        self.write(MANIFEST, manifest)
        result = self.result()
        if result is None:
            raise OSError(f"the files of {self.folder} changed while the stage was being finished")
        return result


@contextmanager
def open_stage(
    settings: Settings, name: str, inputs: Mapping[str, Any], *makers: str
) -> Iterator[Stage]:
    """Hold the stage of this name and these inputs; wait while another process holds it.

    ``makers`` name the modules whose code, with all that they import, decides the result.
    """
    stage = Stage(settings, name, inputs, makers)
    with held_folder(stage.folder):
        here = _intact_files(stage.folder) is not None
        stage._reused = here or fetch_stage(settings, stage.folder)
        yield stage


def finished_stage(
    settings: Settings, name: str, inputs: Mapping[str, Any], *makers: str
) -> StageResult | None:
    """Return the stage if it is finished; see `open_stage`."""
    with open_stage(settings, name, inputs, *makers) as stage:
        return stage.result()


def write_stage(
    settings: Settings,
    name: str,
    inputs: Mapping[str, Any],
    make: Callable[[Stage], None],
    *makers: str,
) -> StageResult:
    """Return the finished stage; where needed ``make`` writes its files.

    The code that decides the result is that of ``makers``, by default the module of ``make``.
    """
    with open_stage(settings, name, inputs, *(makers or [make.__module__])) as stage:
        if (done := stage.result()) is not None:
            return done
        with stage.computing():
            make(stage)
        return stage.finish()


def run_stage(
    settings: Settings,
    name: str,
    inputs: Mapping[str, Any],
    make: Callable[[], Mapping[str, bytes]],
    *makers: str,
) -> StageResult:
    """Return the finished stage, calling ``make`` for its files; see `write_stage`."""

    def write(stage: Stage) -> None:
        for file, content in make().items():
            stage.write(file, content)

    return write_stage(settings, name, inputs, write, *(makers or [make.__module__]))


def content_key(inputs: Mapping[str, Any]) -> str:
    """Return 16 hex digits that change whenever the inputs change.

    Inputs are plain values, settings, and stages, which stand for the content of their files.
    """
    text = json.dumps(inputs, sort_keys=True, default=_as_json, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _as_json(value: object) -> object:
    if isinstance(value, StageResult):
        return value.files
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{value!r} cannot be part of a content key")


def _intact_files(folder: Path) -> dict[str, str] | None:
    try:
        files = manifest_files((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        (folder / MANIFEST).unlink()
        return None
    for name, digest in files.items():
        path = folder / name
        if not path.is_file() or sha256_of(path) != digest:
            (folder / MANIFEST).unlink()
            return None
    return files
