"""A model that release 0.1 has registered: its own code, which names modules of that release."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from tasks.tracking.tracking import client

RELEASED = Path(__file__).with_name("release_0_1")


@pytest.mark.filterwarnings("ignore:designlib:FutureWarning")
def test_a_registered_model_of_release_0_1_predicts_what_it_predicted(
    home: Path, tmp_path: Path
) -> None:
    client()
    code = tmp_path / "predictor_model.py"
    shutil.copy(RELEASED / "predictor_model.txt", code)
    member = tmp_path / "member.safetensors"
    shutil.copy(RELEASED / "member.safetensors", member)
    folder = home / "model"
    mlflow.pyfunc.save_model(
        folder,
        python_model=str(code),
        artifacts={"member_1": str(member)},
        pip_requirements=["torch", "safetensors"],
    )
    expected = json.loads((RELEASED / "predicted.json").read_text())
    table = pd.DataFrame({"design": list(expected)})
    predicted = mlflow.pyfunc.load_model(str(folder)).predict(table)["predicted"]
    assert predicted.tolist() == pytest.approx(list(expected.values()), rel=1e-5)
