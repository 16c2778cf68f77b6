"""A campaign that is killed at every moment that leaves a trace ends as an undisturbed one does."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from mlflow.tracking import MlflowClient
from safetensors import safe_open

from tasks.installation.environment import tracking_uri
from tasks.installation.settings import REPOSITORY, Settings
from tests import preloaded

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

TINY: dict[str, Any] = {
    "name": "tiny",
    "training": {"members": 1, "steps": 10, "checkpoints": 2, "network": {"width": 16}},
    "sampling": {"chains": 64, "steps_per_rung": 2, "final_steps": 1},
    "selection": {"batch_size": 6, "min_distance": 1, "validation_quantile": 0},
    "execution": {"device": "cpu", "shards": 1},
}


class Home(NamedTuple):
    """An installation, and a process that forks for each attempt at its campaign."""

    folder: Path
    forks: Path

    def attempt(self, settings: dict[str, Any], seen: Path) -> subprocess.CompletedProcess[str]:
        """Run a campaign until it is killed or complete; see `tests.interrupted`."""
        file = self.folder.parent / f"{self.folder.name}.yaml"
        file.write_text(yaml.safe_dump(settings))
        ours = ("DESIGN_HOME", "PREFECT_", "MLFLOW_")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        with preloaded.start(
            self.forks,
            ["-m", "tests.interrupted", str(file), str(seen)],
            {**environment, "DESIGN_HOME": str(self.folder)},
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            printed = process.communicate(timeout=600)[0]
        return subprocess.CompletedProcess(process.args, process.returncode, printed)

    def run(self, settings: dict[str, Any], seen: Path | None = None) -> list[str]:
        """Run a campaign to its end, killed once at each moment that ``seen`` lacks; return them.

        Without ``seen`` nothing is killed.
        """
        kept = seen or Path(os.devnull)
        if seen is not None:
            seen.touch()
        for _ in range(1000):
            process = self.attempt(settings, kept)
            if process.returncode == 0:
                return kept.read_text().splitlines()
            assert seen is not None, process.stdout
            last = (kept.read_text().splitlines() or ["start"])[-1]
            assert process.returncode == -signal.SIGKILL, f"after {last}: {process.stdout}"
        raise AssertionError("the campaign never ended")

    def runs(self) -> list[tuple[str | None, str]]:
        """Return name and status of every run in MLflow, sorted."""
        tracking = MlflowClient(tracking_uri=tracking_uri(Settings(home=self.folder)))
        experiments = [one.experiment_id for one in tracking.search_experiments()]
        runs = tracking.search_runs(experiments)
        return sorted((run.info.run_name, run.info.status) for run in runs)

    def versions(self) -> list[str]:
        """Return the name of every version of a registered model, sorted."""
        tracking = MlflowClient(tracking_uri=tracking_uri(Settings(home=self.folder)))
        return sorted(version.name for version in tracking.search_model_versions())

    def published(self) -> dict[str, bytes]:
        """Return the tables of all rounds, and the files of the ledger, by their names."""
        names = ("round-*/candidates.*", "round-*/rejected.parquet", "record/*.parquet")
        folder = self.folder / "campaigns" / "tiny"
        files = [path for name in names for path in folder.glob(name)]
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The moments at which a campaign has been killed, once for all tests."""
    return tmp_path_factory.mktemp("moments") / "seen"


@pytest.fixture
def homes(tmp_path: Path, empty_tracking: Path, preloaded_process: Path) -> tuple[Home, Home]:
    """Two new installations."""
    killed, undisturbed = (tmp_path / name for name in ("killed", "undisturbed"))
    for folder in (killed, undisturbed):
        shutil.copytree(empty_tracking, folder / "mlflow")
    return Home(killed, preloaded_process), Home(undisturbed, preloaded_process)


def test_kills_at_every_moment_of_two_rounds_lose_and_double_nothing(
    homes: tuple[Home, Home], seen: Path
) -> None:
    killed, undisturbed = homes
    settings = {**TINY, "rounds": 2}
    moments = killed.run(settings, seen)
    undisturbed.run(settings)

    kinds = Counter(moment.split()[0] for moment in moments)
    assert kinds["replace"] > 40
    assert kinds["release"] > 5
    assert kinds["create_run"] > 4
    assert {"copyfile", "create_registered_model", "log_artifact", "log_batch"} <= kinds.keys()
    # A round that came out otherwise after a kill would have another key, and so another folder,
    # another run and another event.
    assert killed.published() == undisturbed.published()
    assert (
        killed.runs()
        == undisturbed.runs()
        == [
            *[("ensemble", "FINISHED")] * 2,
            *[("generation", "FINISHED")] * 2,
            *[("predictor 1", "FINISHED")] * 2,
            ("round 01", "FINISHED"),
            ("round 02", "FINISHED"),
            *[("validation model 1", "FINISHED")] * 2,
        ]
    )
    assert killed.versions() == undisturbed.versions() == ["tiny-predictor"] * 2
    state = pd.read_parquet(killed.folder / "campaigns" / "tiny" / "all_rounds.parquet")
    assert state["candidate_id"].is_unique
    assert (state["status"] == "measured").all()
    _check_files(killed.folder)


def test_kills_at_every_moment_of_an_import_lose_and_double_nothing(
    homes: tuple[Home, Home], seen: Path, tmp_path: Path
) -> None:
    killed, undisturbed = homes
    table = pd.read_parquet(REPOSITORY / "data" / "tfbind8_six6.parquet")
    table.iloc[::300].to_csv(tmp_path / "start.csv", index=False)
    settings = {**TINY, "data": {"source": {"path": str(tmp_path / "start.csv")}}}
    truth = table.set_index("design")["e_score"]
    proposed = pd.Series(dtype=object)
    for home in homes:
        home.run(settings)
        (batch,) = (home.folder / "campaigns" / "tiny").glob("round-*/candidates.csv")
        proposed = pd.read_csv(batch)["design"]
        results = pd.DataFrame({"design": proposed, "value": truth[proposed].to_numpy()})
        results.to_csv(tmp_path / f"{home.folder.name}.csv", index=False)
    moments = killed.run(settings, seen)
    undisturbed.run(settings)

    assert any("measured" in moment for moment in moments)
    # An event of measurements names their file, which is another one here.
    names = [[name[:20] for name in sorted(home.published())] for home in homes]
    assert names[0] == names[1]
    assert killed.runs() == undisturbed.runs()
    state = pd.read_parquet(killed.folder / "campaigns" / "tiny" / "all_rounds.parquet")
    state = state.set_index("design")
    assert state.index.is_unique
    assert state["status"].value_counts().to_dict() == {"measured": 6, "proposed": 6}
    assert (state.loc[proposed, "measured_value"] == truth[proposed]).all()
    assert (killed.folder / "campaigns" / "tiny" / "campaign.html").exists()
    _check_files(killed.folder)


@pytest.fixture
def small_disk(homes: tuple[Home, Home]) -> Iterator[Path]:
    """A file system of 300 kB for the stages of the first installation."""
    stages = homes[0].folder / "stages"
    stages.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(stages)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield stages
    subprocess.run(["umount", "--lazy", str(stages)], check=True)


def test_a_full_disk_leaves_nothing_half_written(
    homes: tuple[Home, Home], small_disk: Path
) -> None:
    full, undisturbed = homes
    process = full.attempt(TINY, Path(os.devnull))
    assert process.returncode == 1
    assert "No space left on device" in process.stdout
    assert list(small_disk.rglob("*.tmp")) == []
    subprocess.run(["mount", "-o", "remount,size=100m", str(small_disk)], check=True)
    full.run(TINY)
    undisturbed.run(TINY)
    assert full.published() == undisturbed.published()


def _check_files(home: Path) -> None:
    """Check that nothing is half written and everything can be read."""
    assert list(home.rglob("*.tmp")) == []
    assert list(home.rglob("latest.safetensors")) == []
    tables = list(home.rglob("*.parquet"))
    assert len(tables) > 10
    for path in tables:
        assert pq.read_table(path).num_rows > 0, path
    checkpoints = list(home.rglob("*.safetensors"))
    assert len(checkpoints) > 8
    for path in checkpoints:
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            assert all(file.get_tensor(name).numel() for name in names), path
    for path in home.rglob("*.json"):
        assert path.read_bytes().rstrip().endswith((b"}", b"]")), path
