"""A campaign whose machine fails says so in one line, and the next run ends with the same bytes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tasks.installation.settings import REPOSITORY
from tests import preloaded
from tests.flows.test_interruptions import TINY

# Whole campaigns, of which several run in each test.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Command:
    """The campaign command in a home of its own, without Prefect; see `tests.faulty`."""

    def __init__(self, home: Path, forks: Path) -> None:
        self.home, self._forks = home, forks
        self.folder = home / "campaigns" / "tiny"
        self._settings = home.parent / "tiny.yaml"
        self._settings.write_text(yaml.safe_dump(TINY))

    def run(self, fault: str = "none", **variables: str) -> tuple[int, list[str]]:
        """Run a campaign; return the exit code and the lines on stderr."""
        ours = ("DESIGN_HOME", "PREFECT_", "MLFLOW_")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        with preloaded.start(
            self._forks,
            ["-m", "tests.faulty", fault, "--config", str(self._settings)],
            {**environment, "DESIGN_HOME": str(self.home), **variables},
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            errors = process.communicate(timeout=200)[1].splitlines()
        # MLflow's own words on models and databases are no errors.
        return process.returncode, [e for e in errors if not re.search(r"mlflow|model '", e)]

    def published(self) -> dict[str, bytes]:
        """Return the tables of the round and the files of the ledger, by their names."""
        names = ("round-*/candidates.*", "round-*/rejected.parquet", "record/*.parquet")
        files = [path for name in names for path in self.folder.glob(name)]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def complete(
    tmp_path_factory: pytest.TempPathFactory, empty_tracking: Path, preloaded_process: Path
) -> Command:
    """A campaign that nothing has disturbed, in a home with a name that is hard to quote."""
    home = tmp_path_factory.mktemp("complete") / "a%20b'c\"d#ä é"
    shutil.copytree(empty_tracking, home / "mlflow")
    command = Command(home, preloaded_process)
    assert command.run() == (0, [])
    assert not (home / "logs").exists()
    return command


@pytest.fixture
def empty(tmp_path: Path, empty_tracking: Path, preloaded_process: Path) -> Command:
    """A home in which nothing has been done."""
    shutil.copytree(empty_tracking, tmp_path / "home" / "mlflow")
    return Command(tmp_path / "home", preloaded_process)


@pytest.fixture
def finished(tmp_path: Path, complete: Command, preloaded_process: Path) -> Command:
    """A copy of the complete campaign."""
    shutil.copytree(complete.home, tmp_path / "home")
    return Command(tmp_path / "home", preloaded_process)


def test_a_home_with_a_name_that_is_hard_to_quote_holds_everything(complete: Command) -> None:
    beside = {path.name for path in complete.home.parent.iterdir()}
    assert beside == {"tiny.yaml", complete.home.name}
    assert len(complete.published()) == 5


def test_a_full_disk_at_any_file_is_one_line_and_the_next_run_goes_on(
    empty: Command, complete: Command
) -> None:
    named = set()
    for first in (1, 9, 20):
        code, errors = empty.run(f"full:{first}")
        assert code == 1
        (line,) = errors
        matched = re.fullmatch(
            r"error: (/.*): No space left on device; make room .* goes on from here "
            rf"\(detail: {empty.home}/logs/commands\.log\)",
            line,
        )
        assert matched, line
        named.add(Path(matched[1]).name)
    assert len(named) == 3
    assert "Traceback" in (empty.home / "logs" / "commands.log").read_text()
    assert empty.run() == (0, [])
    assert empty.published() == complete.published()
    assert not [path for path in empty.home.rglob("*.tmp") if path.parent.name != "cache"]


def test_signals_at_any_moment_end_with_their_code_and_the_next_run_goes_on(
    empty: Command, complete: Command
) -> None:
    said = ["interrupted; the same command goes on from here"]
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        # The second of them comes while a lock is deleted, where Python drops exceptions.
        for moment in (2, 60):
            assert empty.run(f"signal:{number:d}:{moment}") == (code, said)
    assert empty.run() == (0, [])
    assert empty.published() == complete.published()


def test_damaged_stages_and_caches_are_made_again_whatever_the_clock_says(
    finished: Command, complete: Command
) -> None:
    cut, empty, gone = (lambda path: path.write_bytes(path.read_bytes()[:-9]),
                        lambda path: path.write_bytes(b""), Path.unlink)  # fmt: skip
    damages: dict[str, Callable[[Path], object]] = {
        "stages/train/*/manifest.json": cut,
        "stages/plan/*/manifest.json": empty,
        "stages/ingest/*/facts.json": gone,
        "stages/score/*/scored.parquet": cut,
        "stages/split/*/folds.parquet": empty,
        "campaigns/*/round-*/candidates.csv": gone,
        "cache/code-*.json": cut,
    }
    for pattern, damage in damages.items():
        for path in list(finished.home.glob(pattern)):
            damage(path)
    assert finished.run("clock") == (0, [])
    assert finished.published() == complete.published()
