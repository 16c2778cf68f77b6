"""Campaigns run by the command that people run, each installation in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from filelock import FileLock
from mlflow.tracking import MlflowClient

from tasks.installation.environment import tracking_uri
from tasks.installation.settings import REPOSITORY, Settings
from tasks.servers.prefect_server import free_port, wait_until_healthy
from tests import preloaded

SMALL: dict[str, Any] = {
    "name": "small",
    "seed": 3,
    "data": {"source": {"dataset": "tfbind8_six6", "visible_share": 0.2}},
    "training": {"members": 2, "steps": 60, "checkpoints": 8, "network": {"width": 32}},
    "constraints": {
        "hamming_ball": {"reference": "TGATACCC", "radius": 6},
        "fixed_sites": [{"position": 8, "letters": "ACG"}],
        "forbidden_motifs": ["GGTA", "TTRA"],
        "gc": {"low": 0.25, "high": 0.75},
        "max_homopolymer": 3,
    },
    "sampling": {"chains": 600, "steps_per_rung": 2, "final_steps": 4},
    "selection": {"batch_size": 24},
    "execution": {"device": "cpu"},
}
"""A campaign of a few seconds; its chains make six blocks, so five shards are five shards."""

_SEVERAL = """
import sys
from flows.campaign import main
sys.exit(max(main(["--config", file]) for file in sys.argv[1:]))
"""


@dataclass(frozen=True)
class Installation:
    """A DESIGN_HOME, and the commands that are run on it."""

    home: Path
    server: str | None = None
    """The Prefect server that is used; None: each command starts its own."""
    forks: Path | None = None
    """The process that forks for each command; None: each is a process of its own."""

    def start(self, *settings: dict[str, Any]) -> subprocess.Popen[str]:
        """Start a campaign as a user does; several run one after the other in one process."""
        files = [self.home.parent / f"{self.home.name}-{n}.yaml" for n in range(len(settings))]
        for file, content in zip(files, settings, strict=True):
            file.write_text(yaml.safe_dump(content), encoding="utf-8")
        if len(files) > 1:
            return self.python("-c", _SEVERAL, *map(str, files))
        return self.python("-m", "flows.campaign", "--config", str(files[0]))

    def python(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a Python command in an environment that says nothing of our own."""
        ours = ("DESIGN_", "PREFECT_", "MLFLOW_")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        environment |= {"DESIGN_HOME": str(self.home)}
        if self.server is not None:
            environment |= {"PREFECT_API_URL": self.server}
        command = [sys.executable, *arguments]
        if self.forks is not None:
            command = preloaded.command(self.forks, *arguments)
        return subprocess.Popen(
            command,
            env=environment,
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A group of its own, which a test can interrupt as a terminal does.
            start_new_session=True,
        )

    def script(self, text: str, *arguments: object) -> None:
        """Run a Python script to its end."""
        with self.python("-c", text, *map(str, arguments)) as process:
            told = process.communicate(timeout=500)[1]
        assert process.returncode == 0, told

    def run(self, *settings: dict[str, Any]) -> list[str]:
        """Run campaigns to their end and return what each printed."""
        with self.start(*settings) as process:
            printed, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
        return printed.strip().split("\n\n")

    def runs(self) -> list[Any]:
        """Return all runs that are logged to MLflow."""
        tracking = MlflowClient(tracking_uri=tracking_uri(Settings(home=self.home)))
        experiments = [found.experiment_id for found in tracking.search_experiments()]
        return list(tracking.search_runs(experiments))


@dataclass(frozen=True)
class Finished:
    """What a campaign left behind."""

    home: Path
    folder: Path
    screen: str

    @property
    def summary(self) -> dict[str, Any]:
        """What summary.json says."""
        return json.loads((self.folder / "summary.json").read_bytes())

    @property
    def candidates(self) -> bytes:
        """The bytes of the candidate table."""
        return (self.folder / "candidates.parquet").read_bytes()


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    """The settings of the small campaign."""
    return SMALL


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prefect server that several commands share, as behind ``make ui``."""
    home = tmp_path_factory.mktemp("prefect")
    port = free_port()
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tasks.servers.prefect_server", str(port)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=REPOSITORY,
            env={**os.environ, "PREFECT_HOME": str(home), "PREFECT_UI_ENABLED": "0"},
        )
    try:
        address = f"http://127.0.0.1:{port}/api"
        wait_until_healthy(address)
        yield address
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def installation(
    tmp_path_factory: pytest.TempPathFactory, empty_tracking: Path, request: pytest.FixtureRequest
) -> Callable[..., Installation]:
    """Make an installation with an empty MLflow database.

    Its commands are forks that share a server, or ``alone`` processes that start their own.
    """

    def make(name: str, *, alone: bool = False) -> Installation:
        home = tmp_path_factory.mktemp(name) / "home"
        shutil.copytree(empty_tracking, home / "mlflow")
        if alone:
            return Installation(home)
        fixtures = ("prefect_server", "preloaded_process")
        return Installation(home, *map(request.getfixturevalue, fixtures))

    return make


@pytest.fixture(scope="session")
def undisturbed(shared_folder: Path) -> Finished:
    """The small campaign on a new installation, run once for all workers."""
    kept = shared_folder / "campaigns"
    with FileLock(shared_folder / "undisturbed.lock"):
        if not (kept / "first.txt").exists():
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir()
            (screen,) = Installation(kept / "home").run(SMALL)
            # A later campaign of the same round writes its summary over that of the first.
            shutil.copytree(_folder(screen), kept / "first")
            (kept / "first.txt").write_text(screen)
    return Finished(kept / "home", kept / "first", (kept / "first.txt").read_text())


@pytest.fixture(scope="session")
def campaigns(
    shared_folder: Path, undisturbed: Finished, request: pytest.FixtureRequest
) -> dict[str, Finished]:
    """Campaigns in one installation, in this order, run once for all workers.

    first: on a new installation; again: the same; selection: one setting of the selection
    changed; seed: another seed; own: a table of the user's own, where small values are wanted.
    """
    kept = shared_folder / "campaigns"
    with FileLock(shared_folder / "campaigns.lock"):
        if not (kept / "others.json").exists():
            fixtures = ("prefect_server", "preloaded_process")
            shared = Installation(kept / "home", *map(request.getfixturevalue, fixtures))
            _run_others(kept, shared)
        screens = json.loads((kept / "others.json").read_bytes())
    others = {name: Finished(kept / "home", _folder(said), said) for name, said in screens.items()}
    return {"first": undisturbed, **others}


def _run_others(kept: Path, shared: Installation) -> None:
    _own_table().to_csv(kept / "plate.csv", index=False)
    variants = {
        "selection": {"selection": {"batch_size": 24, "std_weight": 0.5}},
        "seed": {"seed": 4},
        "own": {
            "name": "own",
            "data": {"source": {"path": "plate.csv", "direction": "minimise"}},
            "constraints": {},
        },
    }
    screens = shared.run(SMALL, *({**SMALL, **changed} for changed in variants.values()))
    names = ("again", *variants)
    screens = dict(zip(names, screens, strict=True))
    (kept / "others.json").write_text(json.dumps(screens))


def _folder(screen: str) -> Path:
    """Return the folder that a campaign has named on screen."""
    said = dict(line.split(None, 1) for line in screen.splitlines())
    return Path(said["candidates"]).parent


def _own_table() -> pd.DataFrame:
    """A plate as a lab has it: other column names, lower case, replicates."""
    table = pd.read_parquet(REPOSITORY / "data" / "tfbind8_six6.parquet")
    chosen = table.iloc[::160].rename(columns={"design": "Oligo", "e_score": "signal"})
    chosen = chosen.assign(Oligo=chosen["Oligo"].str.lower())
    return pd.concat([chosen, chosen.head(40)])
