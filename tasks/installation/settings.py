"""Where this installation keeps its files: environment variables that start with ``DESIGN_``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_SHORTEST_PASSWORD = 12  # what MLflow asks for
_OFF = "off"
REPOSITORY = Path(__file__).resolve().parents[2]
"""The folder of `data`, `designlib`, `flows` and `tasks`: a checkout, or where packages lie."""


def _default_home() -> Path:
    return (REPOSITORY if (REPOSITORY / "pyproject.toml").exists() else Path.cwd()) / "results"


class Settings(BaseSettings):
    """Folders of this installation.

    ``DESIGN_HOME`` is the folder of everything that is made (default: results/ in the repository,
    or in the working directory of an installation without one); ``DESIGN_DATA_MIRRORS`` lists
    folders that hold copies of public data files, separated like PATH; ``DESIGN_TABLES`` is the
    folder of the tables that the Prefect page may name (default: tables/ in the home);
    ``DESIGN_HOST`` is the address that the servers bind to (default: loopback, so that nobody else
    can reach them); ``DESIGN_RESTART_SECONDS`` is how long
    after its end a server or a worker is started again; ``DESIGN_SILENT_SECONDS`` is after how
    much silence a run counts as lost, which is longer than a server may be away (at least 90);
    ``DESIGN_LOGIN`` is the name:password that both servers ask for, or ``off`` (default: one that
    `make server` makes on first use); ``DESIGN_HOST_NAMES`` lists further names, separated by
    commas, by which the servers may be reached (default: none);
    ``DESIGN_DATABASE`` is the PostgreSQL database of both, as
    ``postgresql://name:password@host:port/database`` (default: files in the home);
    ``DESIGN_STORE`` is where finished stages are kept for the workers of other hosts, as
    ``s3://bucket/folder`` or ``file:///folder`` (default: nowhere, the workers share a home);
    ``DESIGN_FACTORIES`` lists the modules, separated by commas, whose functions a campaign of the
    Prefect page may call for a predictor (default: none); ``DESIGN_PROGRAMS`` lists the programs
    that it may load, by SHA-256 or by folder, separated by commas (default: none);
    ``DESIGN_CLUSTERS`` lists the addresses of the Dask and Ray clusters that it may use (default:
    none); ``DESIGN_UNPACKED_GB`` is the size up to which a compressed input is unpacked;
    ``DESIGN_UMASK`` is the mask of permissions that new files lack (default: all but the owner's).
    """

    model_config = SettingsConfigDict(env_prefix="DESIGN_", frozen=True, hide_input_in_errors=True)

    home: Path = Field(default_factory=_default_home)
    data_mirrors: Annotated[tuple[Path, ...], NoDecode] = ()
    tables: Path | None = None
    host: str = "127.0.0.1"
    restart_seconds: float = Field(default=5.0, ge=0)
    # A run says every 30 s that it lives.
    silent_seconds: int = Field(default=240, ge=90)
    login: SecretStr | None = None
    host_names: str = ""
    database: SecretStr | None = None
    store: str | None = None
    factories: Annotated[tuple[str, ...], NoDecode] = ()
    programs: Annotated[tuple[str, ...], NoDecode] = ()
    clusters: Annotated[tuple[str, ...], NoDecode] = ()
    unpacked_gb: float = Field(default=4.0, gt=0)
    umask: str = Field(default="077", pattern="^[0-7]{3}$")

    @field_validator("data_mirrors", mode="before")
    @classmethod
    def _split_like_path(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(part) for part in value.split(os.pathsep) if part)
        return value

    @field_validator("factories", "programs", "clusters", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        if "?" in str(value):
            raise ValueError(f"{value}: the address of a database ends at a question mark")
        try:
            return value.expanduser().absolute()
        except RuntimeError as error:
            raise ValueError(f"{value}: {error} Give the whole path") from None

    @field_validator("login")
    @classmethod
    def _name_and_password(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        if value.get_secret_value() == _OFF:
            return value
        name, _, password = value.get_secret_value().partition(":")
        if not name or len(password) < _SHORTEST_PASSWORD:
            raise ValueError(
                f"give it as name:password, with {_SHORTEST_PASSWORD} characters or more in the "
                "password"
            )
        return value

    @field_validator("database")
    @classmethod
    def _postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        address = urlsplit(value.get_secret_value())
        if address.scheme != "postgresql" or not address.hostname or not address.path.strip("/"):
            raise ValueError("give it as postgresql://name:password@host:port/database")
        return value

    @field_validator("store")
    @classmethod
    def _bucket_or_folder(cls, value: str | None) -> str | None:
        if not value:
            return None
        address = urlsplit(value)
        if address.scheme not in ("s3", "gs", "file") or not (address.netloc or address.path):
            raise ValueError("give it as s3://bucket/folder, gs://bucket/folder or file:///folder")
        if "@" in address.netloc:
            raise ValueError("give keys in variables such as AWS_ACCESS_KEY_ID, not in the address")
        return value

    @property
    def credentials(self) -> tuple[str, str] | None:
        """Name and password for both servers; None where they ask for none."""
        if self.login is not None:
            login = self.login.get_secret_value()
        elif self.login_file.exists():
            login = self.login_file.read_text(encoding="utf-8").strip()
        else:
            return None
        name, _, password = login.partition(":")
        return (name, password) if login != _OFF else None

    @property
    def server_names(self) -> list[str]:
        """Names by which the servers may be reached."""
        further = (name.strip().lower() for name in self.host_names.split(","))
        return ["localhost", "127.0.0.1", self.host, *filter(None, further)]

    @property
    def login_file(self) -> Path:
        """Where the login lies that was made here."""
        return self.home / "login"

    @property
    def table_folder(self) -> Path:
        """The folder of the tables that a campaign from the Prefect page may read."""
        return (self.tables or self.home / "tables").expanduser().absolute()

    def allows_program(self, path: Path, digest: str) -> bool:
        """Return whether the operator lets a campaign of the Prefect page load this program."""
        folders = [Path(entry).expanduser() for entry in self.programs if "/" in entry]
        return digest in map(str.lower, self.programs) or any(
            path.resolve().is_relative_to(folder.resolve()) for folder in folders
        )

    @property
    def embedded(self) -> Path:
        """The folder of data files that come with the repository."""
        return REPOSITORY / "data"

    @property
    def cache(self) -> Path:
        """The folder of downloaded data files."""
        return self.home / "cache"

    @property
    def stages(self) -> Path:
        """The folder of finished and unfinished stages, one folder per content key."""
        return self.home / "stages"

    @property
    def campaigns(self) -> Path:
        """The folder that people open: one folder per campaign, one per round."""
        return self.home / "campaigns"
