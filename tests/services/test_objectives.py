"""A campaign with two objectives, by the command that people run: from two columns to a front."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlflow
import pandas as pd
import pytest

from tasks.installation.environment import tracking_uri
from tasks.installation.settings import Settings

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

TINY: dict[str, Any] = {
    "name": "two",
    "rounds": 2,
    "data": {"source": {"dataset": "tfbind8_six6_crx", "visible_share": 0.02, "visible": "random"}},
    "objectives": {"front": [{"column": "crx", "direction": "minimise"}], "directions": 2},
    "training": {"members": 2, "steps": 20, "checkpoints": 3, "network": {"width": 16}},
    "sampling": {"chains": 256, "steps_per_rung": 2, "final_steps": 1},
    "selection": {"batch_size": 8, "min_distance": 1, "validation_quantile": 0},
    "execution": {"device": "cpu", "shards": 2},
}

LIMITED: dict[str, Any] = {
    **TINY,
    "name": "limited",
    "rounds": 1,
    "objectives": {"limits": [{"column": "crx", "high": 0.0}]},
}


def test_a_front_is_proposed_measured_shown_and_explained(
    installation: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = installation("two")
    site.run(TINY, LIMITED)
    folder = site.home / "campaigns" / "two"
    first, second = (
        pd.read_parquet(path / "candidates.parquet") for path in sorted(folder.glob("round-*"))
    )
    for batch in (first, second):
        assert batch[["objective_crx", "std_crx"]].notna().all(axis=None)
        # Ranked by the hypervolume that each adds: points from the number of designs downwards.
        assert batch["acquisition"].is_monotonic_decreasing
        assert (batch["acquisition"] % 1 == 0).all()
    rows = pd.read_parquet(next(folder.glob("record/*-measured-*")))
    assert rows["objective"].value_counts().to_dict() == {"": 8, "crx": 8}
    state = pd.read_parquet(folder / "all_rounds.parquet").set_index("design")
    truth = pd.read_parquet("data/tfbind8_six6_crx.parquet").set_index("design").loc[state.index]
    assert (state["measured_value"] == truth["six6"]).all()
    assert (state["measured_crx"] == truth["crx"]).all()
    page = (folder / "campaign.html").read_text()
    assert "hypervolume" in page
    assert "The front of the objectives" in page

    # A chain of each of the two directions is replayed.
    monkeypatch.setenv("DESIGN_HOME", str(site.home))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(Settings(home=site.home)))
    from flows.campaign import main

    chains = second.sort_values("chain").iloc[[0, -1]]
    for candidate, design in zip(chains["candidate_id"], chains["design"], strict=True):
        assert main(["explain", candidate]) == 0
        assert f"{design}, the same design" in capsys.readouterr().out

    # Whatever server another test has spoken to.
    mlflow.set_tracking_uri(tracking_uri(Settings(home=site.home)))
    model = mlflow.pyfunc.load_model("models:/two-predictor@candidate")
    predicted = model.predict(second[["design"]])
    assert predicted["predicted_crx"].to_numpy() == pytest.approx(second["objective_crx"])

    (limited,) = site.home.glob("campaigns/limited/round-*")
    batch = pd.read_parquet(limited / "candidates.parquet")
    assert (batch["objective_crx"] <= 0).all()
    assert (batch["constraint_limits"] == "ok").all()
