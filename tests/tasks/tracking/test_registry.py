"""Members of a registered version come from safetensors; the code beside them is for others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from designlib.types import InputError
from tasks.installation.settings import Settings
from tasks.tracking.registry import log_ensemble, mean_absolute_error, registered_members
from tasks.tracking.tracking import client, experiment_id

pytestmark = pytest.mark.filterwarnings("ignore:.*input example:UserWarning")
RELEASED = Path(__file__).with_name("release_0_1")
EXPECTED = json.loads((RELEASED / "predicted.json").read_text())


def register(name: str, members: dict[str, Path]) -> str:
    experiment = experiment_id(Settings(), "campaign")
    parent = client().create_run(experiment).info.run_id
    return log_ensemble(
        name, "hash", members, ["predicted"], experiment=experiment, key="key", parent=parent
    )


def test_the_error_of_a_registered_version_is_computed_without_its_code(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Checkpoints of different members have the same file name.
    member = RELEASED / "member.safetensors"
    other = Path(shutil.copy(member, tmp_path))
    version = register("lab-predictor", {"member_1": member, "member_2": other})

    def load(*_: object, **__: object) -> None:
        raise AssertionError("the registered code was loaded")

    table = pd.DataFrame({"design": list(EXPECTED)})
    predicted = mlflow.pyfunc.load_model(f"models:/lab-predictor/{version}").predict(table)
    assert predicted["predicted"].tolist() == pytest.approx(list(EXPECTED.values()), rel=1e-5)
    monkeypatch.setattr(mlflow.pyfunc, "load_model", load)
    assert len(registered_members("lab-predictor", version)) == 2
    measured = table.assign(measured_value=[value + 0.5 for value in EXPECTED.values()])
    assert mean_absolute_error("lab-predictor", version, measured) == pytest.approx(0.5, abs=1e-4)


def test_a_version_without_members_is_named(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "member.txt"
    other.write_text("no checkpoint", encoding="utf-8")
    version = register("odd-predictor", {"member_1": other})
    with pytest.raises(InputError, match="models:/odd-predictor/1: no member"):
        registered_members("odd-predictor", version)
