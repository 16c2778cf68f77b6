"""The commands of the guide, in their order, on an installation of their own."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from tasks.installation.environment import tracking_uri
from tasks.installation.settings import REPOSITORY, Settings
from tests import preloaded

pytestmark = [pytest.mark.services, pytest.mark.timeout(1800)]

GUIDE = (REPOSITORY / "docs" / "recipes" / "external-predictor.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
]


class Followed(NamedTuple):
    home: Path
    printed: list[str]
    seconds: list[float]
    """Processor time of each command."""


@pytest.fixture(scope="module")
def followed(
    tmp_path_factory: pytest.TempPathFactory, preloaded_process: Path, prefect_server: str
) -> Followed:
    """Run every command of the guide with its results in a folder of this test."""
    home = tmp_path_factory.mktemp("guide") / "results"
    usage = home.with_name("usage")
    ours = ("DESIGN_", "PREFECT_", "MLFLOW_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    environment |= {
        "DESIGN_HOME": str(home),
        "PREFECT_API_URL": prefect_server,
        preloaded.USAGE: str(usage),
    }
    python = shlex.join(preloaded.command(preloaded_process))
    printed: list[str] = []
    for command in COMMANDS:
        here = command.replace("results/", f"{home}/").replace(".venv/bin/python", python)
        done = subprocess.run(
            here,
            shell=True,
            check=False,
            cwd=REPOSITORY,
            env=environment,
            text=True,
            capture_output=True,
            timeout=900,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        printed.append(done.stdout)
    return Followed(home, printed, [float(line) for line in usage.read_text().splitlines()])


def test_the_campaign_samples_from_the_foreign_model(followed: Followed) -> None:
    (folder,) = (followed.home / "campaigns" / "foreign").glob("round-01-*")
    batch = pd.read_parquet(folder / "candidates.parquet")
    summary = json.loads((folder / "summary.json").read_bytes())
    assert len(batch) == 24
    assert summary["sampling"]["rungs"] == 10
    assert "ladder" not in summary["sampling"]
    assert summary["predictor"]["ensemble_rank_correlation"] > 0.7
    report = (folder / "report.html").read_text()
    assert "imported, not trained here: 1 x foreign_example:binding_cnn" in report


def test_the_planted_shortcut_is_found_where_only_the_barcode_is_left(followed: Followed) -> None:
    folders = sorted((followed.home / "campaigns" / "foreign").glob("counterfactuals-*"))
    tables = [pd.read_parquet(folder / "counterfactuals.parquet") for folder in folders]
    assert len(tables) == 2
    kept = next(t for t in tables if (t["design"].str[:8] == t["counterfactual"].str[:8]).all())
    assert kept["design"].nunique() >= 8
    assert (kept["predicted_after"] >= 0.05).all()
    # Of random barcodes 5 % share three or four letters with the planted one.
    barcodes = kept["counterfactual"].str[8:].tolist()
    alike = np.array([sum(map(str.__eq__, own, "GATC")) for own in barcodes])
    assert (kept["share"] * (alike >= 3)).sum() / kept["share"].sum() > 0.5
    page = (folders[0] / "counterfactuals.html").read_text()
    assert "What is edited most" in page


def test_the_foreign_model_is_registered_and_predicts(followed: Followed) -> None:
    tracking = MlflowClient(tracking_uri=tracking_uri(Settings(home=followed.home)))
    version = tracking.get_model_version_by_alias("foreign-predictor", "champion")
    assert float(version.tags["ensemble_rank_correlation"]) > 0.7


def test_recording_a_training_is_told_to_take_a_small_share_of_it(followed: Followed) -> None:
    (told,) = [printed for printed in followed.printed if "recording took" in printed]
    found = re.search(r"recording took ([0-9.]+)% of", told)
    assert found is not None
    assert float(found[1]) < 3


def test_the_order_of_learning_is_told_with_a_verdict(followed: Followed) -> None:
    folders = (followed.home / "campaigns" / "foreign").glob("learning-*")
    tables = [pd.read_csv(folder / "learning.csv") for folder in folders]
    (table,) = [table for table in tables if "motif" in table]
    assert table["step"].tolist() == [0, 5, 10, 20, 40, 80, 150, 300, 500, 800]
    last = table.iloc[-1]
    assert last[["degree 1", "degree 2", "mutagenesis"]].tolist() == pytest.approx([1, 1, 1])
    told, _ = [printed for printed in followed.printed if "coarse to fine" in printed]
    assert "degree 1 at step" in told
    assert last[["1-mers", "2-mers", "3-mers"]].tolist() == pytest.approx([1, 1, 1])


def test_rows_a_core_set_and_more_data_are_judged(followed: Followed) -> None:
    (told,) = [printed for printed in followed.printed if "more measurements" in printed]
    assert "training rows look mislabelled" in told
    assert "trained on a core set of 500" in told
    folders = (followed.home / "campaigns" / "foreign").glob("learning-*")
    (folder,) = [folder for folder in folders if (folder / "curve.csv").exists()]
    curve = pd.read_csv(folder / "curve.csv").groupby("rows")["rank_correlation"].mean()
    assert curve.is_monotonic_increasing
    examples = pd.read_parquet(folder / "examples.parquet")
    assert len(examples) == curve.index.max()
    assert "What more data are worth" in (folder / "learning.html").read_text()


def test_all_of_it_takes_less_than_ten_minutes_of_a_processor(followed: Followed) -> None:
    for command, seconds in zip(COMMANDS, followed.seconds, strict=True):
        print(f"{seconds:5.0f} s  {command}")
    assert sum(followed.seconds) < 600
