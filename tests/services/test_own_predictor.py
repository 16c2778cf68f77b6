"""The commands of the guide, in their order, on an installation of their own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from tasks.environment import tracking_uri
from tasks.settings import REPOSITORY, Settings

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

GUIDE = (REPOSITORY / "docs" / "own-predictor.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
]


class Followed(NamedTuple):
    home: Path
    printed: list[str]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """Run every command of the guide with its results in a folder of this test."""
    home = tmp_path_factory.mktemp("guide") / "results"
    ours = ("DESIGN_", "PREFECT_", "MLFLOW_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    environment |= {"DESIGN_HOME": str(home)}
    printed = []
    for command in COMMANDS:
        here = command.replace("results/", f"{home}/").replace(".venv/bin/python", sys.executable)
        done = subprocess.run(
            here, shell=True, check=False, cwd=REPOSITORY, env=environment, text=True,
            capture_output=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        printed.append(done.stdout)
    return Followed(home, printed)


def test_the_campaign_samples_from_the_foreign_model(followed: Followed) -> None:
    (folder,) = (followed.home / "campaigns" / "foreign").glob("round-01-*")
    batch = pd.read_parquet(folder / "candidates.parquet")
    summary = json.loads((folder / "summary.json").read_bytes())
    assert len(batch) == 24
    assert summary["walk"]["rungs"] == 10
    assert "ladder" not in summary["walk"]
    assert summary["predictor"]["ensemble_rank_correlation"] > 0.7
    report = (folder / "report.html").read_text()
    assert "taken over, not trained here: 1 x foreign_example:binding_cnn" in report
    # The sampler exploits the planted shortcut, which has nothing to do with binding.
    assert batch["design"].str.endswith("GATC").mean() > 0.8


def test_the_foreign_model_is_registered_and_predicts(followed: Followed) -> None:
    tracking = MlflowClient(tracking_uri=tracking_uri(Settings(home=followed.home)))
    version = tracking.get_model_version_by_alias("foreign-predictor", "champion")
    assert float(version.tags["ensemble_rank_correlation"]) > 0.7
