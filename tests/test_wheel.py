"""The wheel holds everything that a campaign needs, wherever it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tasks.installation.settings import REPOSITORY
from tests.flows.test_interruptions import TINY

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a blank in its name, in which the wheel is installed."""
    made = tmp_path_factory.mktemp("made")
    source = made / "source"
    unneeded = shutil.ignore_patterns(".*", "results", "site", "build", "tests", "*.egg-info")
    shutil.copytree(REPOSITORY, source, symlinks=True, ignore=unneeded)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", str(source), "--no-deps", "--no-build-isolation", "-w", str(made)]
    subprocess.run(build, check=True)
    (wheel,) = made.glob("trajectory_design-*.whl")
    target = tmp_path_factory.mktemp("installed here")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(target), str(wheel)], check=True)
    return target


def test_a_campaign_from_the_wheel_leaves_its_results_in_the_working_folder(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    ours = ("DESIGN_HOME", "PREFECT_", "MLFLOW_", "PYTHONPATH")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    done = subprocess.run(
        [sys.executable, "-m", "flows.campaign", "--config", "tiny.yaml"],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (published,) = tmp_path.glob("results/campaigns/tiny/round-*/candidates.parquet")
    assert len(pd.read_parquet(published)) == 6
    assert not list(installed.rglob("results"))


def test_the_wheel_holds_what_the_servers_offer(installed: Path) -> None:
    offered = yaml.safe_load((installed / "data" / "prefect.yaml").read_text())
    assert {one["name"] for one in offered["deployments"]} >= {"cpu", "import-measurements"}
    assert not (installed / "tests").exists()
