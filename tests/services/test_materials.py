"""Campaigns on compositions by the commands that people run: blends, and films with variables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow.tracking import MlflowClient

from tasks.environment import tracking_uri
from tasks.settings import REPOSITORY, Settings

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

SETTINGS: dict[str, Any] = {
    "name": "blends",
    "rounds": 2,
    "data": {"source": {"dataset": "photo_pce10", "visible_share": 0.2, "visible": "random"}},
    "training": {
        "members": 2, "steps": 60, "checkpoints": 6, "network": {"width": 16}, "batch_size": 32,
    },
    "constraints": {
        "most_components": 3,
        "component_ranges": [{"component": "PCBM", "low": 10, "high": 60}],
    },
    "sampling": {"chains": 200, "steps_per_rung": 2, "final_steps": 4},
    "selection": {"batch_size": 8, "min_distance": 3},
    "recipe": {"sample_mass": 0.02},
    "execution": {"device": "cpu"},
}  # fmt: skip
FILMS: dict[str, Any] = {
    "name": "films",
    "data": {
        "source": {
            "composition_file": "films.csv",
            "reading": {
                "components": ["PbI2", "MAI", "CsI"], "step": 5, "value": "efficiency",
                "quantities": [
                    {"name": "temperature", "unit": "°C", "low": 80, "high": 180, "step": 5},
                    {"name": "thickness", "unit": "nm", "low": 200, "high": 800},
                ],
                "choices": [{"name": "solvent"}],
            },
            "transform": "log",
            "unit": "%",
        }
    },
    "training": {**SETTINGS["training"], "noise_weights": True},
    "constraints": {
        "component_ranges": [{"component": "CsI", "low": 5, "high": 30}],
        "quantity_ranges": [{"quantity": "temperature", "high": 150}],
        "allowed_options": [{"choice": "solvent", "options": ["DMSO", "GBL"]}],
    },
    "sampling": SETTINGS["sampling"],
    "selection": {"batch_size": 6},
    "execution": {"device": "cpu"},
}  # fmt: skip
"""Compositions with two quantities and a choice, in a table of one's own."""
MATERIALS = ["PCE10", "P3HT", "PCBM", "oIDTBR"]

_COMMANDS = """
import io, json, sys
from contextlib import redirect_stdout, redirect_stderr
from pathlib import Path
import pandas as pd
from flows.campaign import main as campaign
from flows.measure import main as measure

told = []
home = Path(sys.argv[1])

def said(*arguments, command=campaign):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = command([str(a) for a in arguments])
    told.append([code, out.getvalue(), err.getvalue()])

said("--config", home / "blends.yaml")
said("--config", home / "other.yaml")
rows = pd.read_csv(home / "campaigns/blends/all_rounds.csv")
said("explain", rows[rows["round"] == 2]["candidate_id"].iloc[-1])
said("--config", home / "films.yaml")
(sheet,) = (home / "campaigns/films").glob("round-01-*/candidates.csv")
made = pd.read_csv(sheet).filter(regex="^(component|quantity|choice)_")
made.assign(efficiency=range(5, 11)).to_csv(home / "results.csv", index=False)
said("films", home / "results.csv", command=measure)
said("--config", home / "films.yaml")
Path(sys.argv[2]).write_text(json.dumps(told))
"""


def films_table() -> pd.DataFrame:
    """Return measurements that are best at 120 °C and 500 nm, from dimethyl sulfoxide."""
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.multinomial(20, [0.6, 0.3, 0.1], 200) / 20)
    table.columns = ["PbI2", "MAI", "CsI"]
    heat, thickness = 80 + 5 * random.integers(0, 21, 200), random.uniform(200, 800, 200).round(1)
    solvent = random.choice(["DMF", "DMSO", "GBL"], 200)
    value = 12 * np.exp(-(((heat - 120) / 60) ** 2) - ((thickness - 500) / 400) ** 2)
    return table.assign(**{
        "temperature (°C)": heat, "thickness": thickness, "solvent": solvent,
        "efficiency": value + 2.0 * (solvent == "DMSO"), "efficiency error": 0.1 + value / 50,
    })  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[int, str, str]]]:
    """Run the commands in one process; return the installation and what each printed."""
    home = tmp_path_factory.mktemp("materials")
    other = {**SETTINGS, "name": "other", "rounds": 1, "execution": {"device": "cpu", "shards": 5}}
    films_table().to_csv(home / "films.csv", index=False)
    for settings in (SETTINGS, other, FILMS):
        (home / f"{settings['name']}.yaml").write_text(yaml.safe_dump(settings))
    ours = ("DESIGN_", "PREFECT_", "MLFLOW_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    done = subprocess.run(
        [sys.executable, "-c", _COMMANDS, str(home), str(home / "told.json")],
        env={**environment, "DESIGN_HOME": str(home)},
        cwd=REPOSITORY, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads((home / "told.json").read_text())
    assert [code for code, _, _ in found] == [0] * 6, [error for _, _, error in found]
    return home, found


def candidates(home: Path, campaign: str, number: int) -> tuple[Path, pd.DataFrame]:
    (folder,) = (home / "campaigns" / campaign).glob(f"round-{number:02d}-*")
    return folder, pd.read_parquet(folder / "candidates.parquet")


def test_designs_can_be_weighed_out_and_keep_the_constraints(told: Any) -> None:
    for number in (1, 2):
        folder, table = candidates(told[0], "blends", number)
        amounts = table[[f"component_{name}" for name in MATERIALS]]
        assert len(table) == 8
        assert (amounts.sum(axis=1) == 100).all()
        assert (amounts % 2 == 0).all(axis=None)
        assert amounts["component_PCBM"].between(10, 60).all()
        assert ((amounts > 0).sum(axis=1) <= 3).all()
        assert table["feasible"].all()
        assert (table["distance_to_measured"] >= 1).all()
        recipe = pd.read_csv(folder / "recipe.csv")
        assert recipe["design"].tolist() == table["design"].tolist()
        masses = recipe[[f"{name} (g)" for name in MATERIALS]]
        assert (masses.sum(axis=1) - 0.02).abs().max() < 5e-5
        for picture in ("ternary.png", "parallel.png", "predicted.png"):
            assert (folder / picture).stat().st_size > 5000
        assert "steps of 2 %" in (folder / "report.html").read_text(encoding="utf-8")


def test_the_nearest_blend_answers_and_the_next_round_learns_from_it(told: Any) -> None:
    _, first = candidates(told[0], "blends", 1)
    _, second = candidates(told[0], "blends", 2)
    assert first["true_value"].notna().all()
    assert first["true_percentile"].median() > 50
    assert not set(first["design"]) & set(second["design"])
    overview = pd.read_parquet(told[0] / "campaigns" / "blends" / "all_rounds.parquet")
    assert (overview["status"] == "measured").all()
    assert (told[0] / "campaigns" / "blends" / "campaign.html").stat().st_size > 5000


def test_any_number_of_shards_gives_the_same_designs(told: Any) -> None:
    _, two = candidates(told[0], "blends", 1)
    _, five = candidates(told[0], "other", 1)
    own = ["campaign", "config_hash", "round_key"]
    pd.testing.assert_frame_equal(two.drop(columns=own), five.drop(columns=own))


def test_a_candidate_is_walked_again_to_the_same_composition(told: Any) -> None:
    assert "the same design" in told[1][2][1]


def test_the_registered_predictor_takes_compositions(told: Any) -> None:
    import mlflow

    uri = tracking_uri(Settings(home=told[0]))
    mlflow.set_tracking_uri(uri)
    try:
        version = MlflowClient(tracking_uri=uri).get_model_version_by_alias(
            "other-predictor", "candidate"
        )
        model = mlflow.pyfunc.load_model(f"models:/other-predictor/{version.version}")
        _, table = candidates(told[0], "other", 1)
        predicted = model.predict(table[["design"]])
    finally:
        mlflow.set_tracking_uri(None)  # pyright: ignore[reportArgumentType] - forgets it again
    assert (predicted["predicted"] - table["predicted_mean"]).abs().max() < 1e-6


def test_variables_are_designed_with_the_composition(told: Any) -> None:
    folder, table = candidates(told[0], "films", 1)
    assert table["quantity_temperature"].between(80, 150).all()
    assert (table["quantity_temperature"] % 5 == 0).all()
    assert table["quantity_thickness"].between(200, 800).all()
    assert set(table["choice_solvent"]) <= {"DMSO", "GBL"}
    amounts = table[["component_PbI2", "component_MAI", "component_CsI"]]
    assert (amounts.sum(axis=1) == 100).all()
    assert amounts["component_CsI"].between(5, 30).all()
    recipe = pd.read_csv(folder / "recipe.csv")
    assert recipe["temperature (°C)"].tolist() == table["quantity_temperature"].tolist()
    assert (folder / "parallel.png").stat().st_size > 5000
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "3 variables (temperature, thickness, solvent)" in report


def test_their_results_come_back_column_by_column(told: Any) -> None:
    assert "6 measurements imported" in told[1][4][1]
    _, first = candidates(told[0], "films", 1)
    _, second = candidates(told[0], "films", 2)
    assert not set(first["design"]) & set(second["design"])
    overview = pd.read_parquet(told[0] / "campaigns" / "films" / "all_rounds.parquet")
    known = overview[overview["round"] == 1]
    assert sorted(known["measured_value"]) == [5, 6, 7, 8, 9, 10]
