"""What all tests share: an installation of their own, and databases that are made once."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from xdist.scheduler import LoadFileScheduling

from tasks.installation.environment import prepare_environment, tracking_uri
from tasks.installation.settings import Settings
from tasks.tracking.tracking import prepare_tracking
from tests.preloaded import preloaded
from tests.services.site import site

__all__ = ["site"]

_TOGETHER = {
    "one site": (
        "services/test_operation.py",
        "services/test_cancelled.py",
        "services/test_killed.py",
        "services/test_outages.py",
        "browser/test_pages.py",
    ),
    "one server": (
        "services/test_campaign.py",
        "services/test_materials.py",
        "services/test_rounds.py",
        "services/test_objectives.py",
        "services/test_shards.py",
    ),
}
"""Files that share what takes long to start, and so run one after the other in one process."""
_SLOW = (
    "golden/",
    "designlib/benchmarks/",
    "tasks/benchmarks/",
    "kernels/test_compiled.py",
    "constraints/test_contract.py::test_longer_designs",
    "test_campaign_command.py::test_the_command_itself",
)
"""Tests that `make test-fast` leaves out: benchmarks, whole campaigns, a compiler, processes."""

_NOT_A_HOME = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep everything that is imported away from the results of the person who runs the tests."""
    folder = tempfile.TemporaryDirectory(prefix="design-tests-")
    config.stash[_NOT_A_HOME] = folder
    os.environ["DESIGN_HOME"] = folder.name
    os.environ.pop("PREFECT_API_URL", None)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    prepare_environment(Settings())
    # A shell makes what it starts in the background deaf to Ctrl-C, and so what tests start.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # MLflow warns of its own classes when its models are first imported.
    config.addinivalue_line("filterwarnings", "ignore:.*Any type hint is inferred:UserWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, servers and kills, so that nobody waits for them alone."""
    for item in items:
        if any(part in item.nodeid for part in _SLOW):
            item.add_marker("slow")

    def rank(item: pytest.Item) -> tuple[bool, int]:
        together = list(_TOGETHER)
        scope = _scope(item.nodeid)
        long = "services" in item.keywords or "interruptions" in scope
        return not long, together.index(scope) if scope in together else 9

    items.sort(key=rank)


class _Together(LoadFileScheduling):
    """Gives each process of the run whole files, and files that share something together."""

    def _split_scope(self, nodeid: str) -> str:
        return _scope(nodeid)


def _scope(nodeid: str) -> str:
    file = nodeid.split("::", 1)[0]
    return next((n for n, files in _TOGETHER.items() if file.endswith(files)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config) -> _Together:
    return _Together(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_NOT_A_HOME].cleanup()


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this test run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def preloaded_process() -> Iterator[Path]:
    """The socket of a process that forks for each command; see `tests.preloaded`."""
    # A socket's path is short, whatever folder pytest was given.
    with tempfile.TemporaryDirectory(prefix="design-") as folder, preloaded(Path(folder)) as socket:
        yield socket


@pytest.fixture(scope="session")
def empty_tracking(shared_folder: Path) -> Path:
    """A folder with an MLflow database in which nothing is logged yet; to be copied."""
    home = shared_folder / "empty-tracking"
    with FileLock(shared_folder / "empty-tracking.lock"), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", tracking_uri(Settings(home=home)))
        prepare_tracking(Settings(home=home))
    return home / "mlflow"


@pytest.fixture
def home(tmp_path: Path, empty_tracking: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of this test's own with an MLflow database, in this process."""
    folder = tmp_path / "home"
    shutil.copytree(empty_tracking, folder / "mlflow")
    monkeypatch.setenv("DESIGN_HOME", str(folder))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(Settings()))
    return folder
