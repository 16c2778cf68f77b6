"""What is wrong with an installation and its home, in words."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from filelock import FileLock, Timeout

from designlib.errors import InputError
from tasks.installation.faults import sentence
from tasks.installation.files import sha256_of
from tasks.installation.settings import REPOSITORY, Settings
from tasks.record.ledger import load_ledger
from tasks.servers.database import prepare_database
from tasks.servers.prefect_server import free_port, running_server
from tasks.servers.services import is_running
from tasks.stages.store import MANIFEST, manifest_files

_LEAST_FREE_GB = 2.0
_SILENT = timedelta(seconds=90)
_MIGRATIONS = {
    "mlflow/mlflow.db": ("mlflow", "store/db_migrations", "versions"),
    "prefect/prefect.db": ("prefect", "server/database/_migrations", "versions/sqlite"),
}
"""Databases of a home: whose they are, and where its migrations lie."""


def examine(settings: Settings) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the name of each check, what it has looked at, and what is wrong there.

    A check that fails is a problem itself.
    """
    for name, check in _CHECKS.items():
        try:
            fact, *problems = check(settings)
        except Exception as error:
            fact, problems = "cannot be checked", [sentence(error)]
        yield name, fact, problems


def _versions(_settings: Settings) -> Iterator[str]:
    lock = REPOSITORY / "requirements.lock"
    locked = re.findall(r"^([\w.-]+)==([^\s;\\]+)", lock.read_text(), re.M) if lock.exists() else []
    yield f"Python {sys.version.split()[0]}, {len(locked)} packages of requirements.lock"
    installed = {one.name.lower(): one.version for one in importlib.metadata.distributions()}
    wrong = [
        f"{name} {installed[name.lower()]}, not {version}"
        for name, version in locked
        if installed.get(name.lower(), version) != version
    ]
    if wrong:
        yield f"{', '.join(wrong)}: run `make setup`"


def _devices(_settings: Settings) -> Iterator[str]:
    import torch

    gpus = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    yield f"torch {torch.__version__}, {', '.join(gpus) or 'no GPU, so that the CPU computes'}"
    if shutil.which("nvidia-smi") and not gpus:
        yield "there is a GPU that torch does not see: install torch for its version of CUDA"


def _home(settings: Settings) -> Iterator[str]:
    place = next(p for p in (settings.home, *settings.home.parents) if p.exists())
    free = shutil.disk_usage(place).free / 1e9
    yield f"{settings.home}, {free:.1f} GB free"
    if free < _LEAST_FREE_GB:
        yield f"less than {_LEAST_FREE_GB:g} GB are free: make room, or set DESIGN_HOME elsewhere"
    with tempfile.TemporaryFile(dir=place):
        pass


def _login(settings: Settings) -> Iterator[str]:
    if not settings.login_file.exists():
        yield "set by DESIGN_LOGIN" if settings.login else "none yet; `make server` makes one"
        return
    yield str(settings.login_file)
    if settings.login_file.stat().st_mode & 0o077:
        yield f"others can read it: chmod 600 '{settings.login_file}'"


def _databases(settings: Settings) -> Iterator[str]:
    if settings.database is not None:
        yield "PostgreSQL"
        prepare_database(settings)
        return
    found = [name for name in _MIGRATIONS if (settings.home / name).exists()]
    yield ", ".join(found) or "none yet"
    for name in found:
        path = settings.home / name
        advice = f"put {path} back from a copy, or move it away: a new one is made"
        try:
            with sqlite3.connect(path, timeout=5) as database:
                (state,) = database.execute("PRAGMA quick_check").fetchone()
                (revision,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
        except (sqlite3.Error, TypeError) as error:
            yield f"{name}: {error}; {advice}"
            continue
        if state != "ok":
            yield f"{name}: {state}; {advice}"
        if revision != (head := _head(name)):
            yield f"{name}: revision {revision}, not {head}: the release that wrote it is another"


def _head(name: str) -> str | None:
    """Return the newest revision of a database that the installed package knows."""
    from alembic.script import ScriptDirectory

    package, folder, versions = _MIGRATIONS[name]
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.submodule_search_locations  # noqa: S101, PT018 - installed
    place = Path(spec.submodule_search_locations[0]) / folder
    return ScriptDirectory(str(place), version_locations=[str(place / versions)]).get_current_head()


def _stages(settings: Settings) -> Iterator[str]:
    manifests = sorted(settings.stages.glob(f"*/*/{MANIFEST}"))
    yield f"{len(manifests)} finished in {settings.stages}"
    for manifest in manifests:
        folder = manifest.parent
        try:
            files = manifest_files(manifest.read_bytes())
            broken = [name for name, sha256 in files.items() if sha256_of(folder / name) != sha256]
        except (OSError, ValueError) as error:
            broken = [f"{MANIFEST} ({error})"]
        if broken:
            yield f"{folder}: {', '.join(broken)} damaged; the next run makes the stage again"


def _records(settings: Settings) -> Iterator[str]:
    campaigns = sorted(p.parent.name for p in settings.campaigns.glob("*/record"))
    yield f"{len(campaigns)} campaigns in {settings.campaigns}"
    for campaign in campaigns:
        try:
            load_ledger(campaign)
        except InputError as error:
            yield str(error)


def _locks(settings: Settings) -> Iterator[str]:
    held = [path for path in sorted(settings.home.rglob("*.lock")) if _is_held(path)]
    yield ", ".join(f"{path} is held by a command that runs" for path in held) or "none held"
    for record in sorted((settings.home / "services").glob("*.json")):
        if not is_running(settings, record.stem):
            yield f"{record} is of a service that was killed: `make down` removes it"


def _is_held(path: Path) -> bool:
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


def _servers(settings: Settings) -> Iterator[str]:
    running = running_server(settings)
    prefect = os.environ.get("PREFECT_API_URL") or (running.address if running else None)
    named = os.environ.get("MLFLOW_TRACKING_URI", "")
    mlflow = named if named.startswith("http") else (running.tracking if running else None)
    yield ", ".join(filter(None, (prefect, mlflow))) or "none; `make server` starts both"
    for port in (4200, 5000) if running is None else ():
        if free_port(port) != port:
            yield f"port {port} is taken by another program; `make server` takes a free one instead"
    asked = {prefect: "/flows/filter", mlflow: "/api/2.0/mlflow/experiments/search"}
    for address, path in asked.items():
        if address is None:
            continue
        asking = {"limit": 1} if address == prefect else {"max_results": 1}
        url, login = f"{address.rstrip('/')}{path}", settings.credentials
        try:
            answer = httpx.post(url, json=asking, auth=login, timeout=10, trust_env=False)
        except httpx.HTTPError as error:
            yield f"{address}: no answer ({error}): `make server`, or correct the address"
            continue
        if answer.status_code in (401, 403):
            yield f"{address}: the login is refused: set DESIGN_LOGIN to that of the servers"
        elif not answer.is_success:
            yield f"{address}: answers {answer.status_code}; see its log in services/"


def _workers(settings: Settings) -> Iterator[str]:
    running = running_server(settings)
    address = os.environ.get("PREFECT_API_URL") or (running.address if running else None)
    if address is None:
        yield "not needed without a server"
        return
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from tasks.servers.workers import heard_of

    since = datetime.now(UTC) - _SILENT
    with temporary_settings({PREFECT_API_URL: address}):
        heard = {pool: heard_of(pool, since) for pool in ("cpu", "gpu")}
    yield ", ".join(sorted(set().union(*heard.values()))) or f"none on {socket.gethostname()}"
    for pool, names in heard.items():
        if not names:
            yield f"no worker of pool {pool} polls: `make worker-{pool}`"


_CHECKS: dict[str, Callable[[Settings], Iterator[str]]] = {
    check.__name__.strip("_"): check
    for check in (
        _versions, _devices, _home, _login, _databases, _stages, _records, _locks, _servers,
        _workers,
    )
}  # fmt: skip
