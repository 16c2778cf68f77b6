"""Which version of a predictor becomes the champion once its candidates have been measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from tasks.installation.settings import Settings
from tasks.rounds import promotion
from tasks.rounds.promotion import NEWEST_ERROR, promote_on_results
from tasks.tracking.registry import HASH_TAG, log_ensemble, version_of
from tasks.tracking.tracking import client, experiment_id

NAME = "c-predictor"
ERRORS = {"1": 0.5, "2": 0.3, "3": 0.9}


class Known:
    """A record that holds these candidates."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows

    def candidates(self) -> pd.DataFrame:
        return self.rows


@pytest.fixture
def asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """Three versions of a predictor, made in rounds 1 to 3; gives what they were asked."""
    tracking = client()
    tracking.create_registered_model(NAME)
    for number in (1, 2, 3):
        version = tracking.create_model_version(NAME, source=(home / "m").as_uri())
        tracking.set_model_version_tag(NAME, version.version, "predictor_hash", f"p{number}")
    calls: list[tuple[str, list[str]]] = []

    def error(_: str, version: str, measured: pd.DataFrame) -> float:
        calls.append((version, measured["design"].tolist()))
        return ERRORS[version]

    monkeypatch.setattr(promotion, "mean_absolute_error", error)
    return calls


def measured(monkeypatch: pytest.MonkeyPatch, *values: float | None) -> None:
    """Say what was measured of the one candidate of each round."""
    rows: list[dict[str, Any]] = [
        {"round": n, "design": f"D{n}", "predictor_hash": f"p{n}", "measured_value": value}
        for n, value in enumerate(values, start=1)
    ]
    frame = pd.DataFrame(rows).astype({"measured_value": "float64"})
    monkeypatch.setattr(promotion, "load_ledger", lambda _: Known(frame))


def champion() -> str | None:
    try:
        return str(client().get_model_version_by_alias(NAME, "champion").version)
    except MlflowException:
        return None


def test_the_first_is_promoted_and_a_better_one_follows(
    asked: list[tuple[str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(monkeypatch, None)
    assert not promote_on_results.fn("c")
    assert champion() is None
    measured(monkeypatch, 1.0)
    assert promote_on_results.fn("c")
    assert champion() == "1"
    measured(monkeypatch, 1.0, 2.0)
    assert promote_on_results.fn("c")
    assert champion() == "2"
    # Both are judged by the newest measurements alone.
    assert asked[-2:] == [("2", ["D2"]), ("1", ["D2"])]
    assert client().get_model_version(NAME, "2").tags[NEWEST_ERROR] == "0.3"


def test_a_worse_one_is_not_promoted_and_the_same_one_is_not_asked(
    asked: list[tuple[str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    client().set_registered_model_alias(NAME, "champion", "2")
    measured(monkeypatch, 1.0, 2.0, 3.0)
    assert not promote_on_results.fn("c")
    assert champion() == "2"
    asked.clear()
    measured(monkeypatch, 1.0, 2.0, None)
    assert not promote_on_results.fn("c")
    assert asked == []


# MLflow warns of its own calls of pandas.
@pytest.mark.filterwarnings("ignore")
def test_a_registration_killed_before_its_tag_is_resumed_and_makes_one_version(
    home: Path, tmp_path: Path
) -> None:
    member = tmp_path / "member_1.safetensors"
    member.write_bytes(b"weights")
    experiment = experiment_id(Settings(), "c")

    def register() -> str:
        run = {"experiment": experiment, "key": "key", "parent": "0" * 32}
        return log_ensemble(NAME, "hash", {"member_1": member}, ["predicted"], **run)

    first = register()
    client().delete_model_version_tag(NAME, first, HASH_TAG)
    assert version_of(NAME, "hash") is None
    assert register() == first == version_of(NAME, "hash")
    assert len(client().search_model_versions(f"name = '{NAME}'")) == 1
