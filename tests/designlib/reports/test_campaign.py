"""The page over all rounds, and what it says of predictions."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from designlib.candidates.events import Event
from designlib.candidates.ledger import Ledger
from designlib.reports.campaign import advice, campaign_page
from designlib.reports.rounds import (
    calibration_by_round,
    front_figure,
    fronts_by_round,
    learning_figure,
    map_figure,
)

NONE = pd.DataFrame({"design": []})


def candidates(error: float, rounds: int = 3, size: int = 200) -> pd.DataFrame:
    """Rounds whose errors are ``error`` times the std that the ensemble states."""
    draw = np.random.default_rng(0)
    number = rounds * size
    predicted = draw.normal(size=number)
    std = draw.uniform(0.1, 0.3, number)
    columns = {
        "round": np.repeat(np.arange(1, rounds + 1), size),
        "predicted_mean": predicted,
        "predicted_std": std,
        "distance_to_measured": draw.integers(1, 4, number),
        "measured_value": predicted + error * std * draw.normal(size=number),
        "design": list(itertools.islice(map("".join, itertools.product("ACGT", repeat=8)), number)),
        "candidate_id": [f"c{n}" for n in range(number)],
        "status": "proposed",
    }
    return pd.DataFrame(columns)


def record(frame: pd.DataFrame, *, simulated: bool = False) -> Ledger:
    about = {"maximise": True, "value_name": "<signal>", "units": "a.u.", "simulated": simulated}
    about |= {"alphabet": "dna", "length": 8, "both_strands": False}
    entries = []
    for number, batch in frame.groupby("round"):
        known = batch[batch["measured_value"].notna()]
        rows = known[["candidate_id", "design", "round"]].assign(value=known["measured_value"])
        rows = rows.assign(plate="", well="", replicate=1, objective="")
        rows = rows.assign(outcome="measured", error=np.nan)
        count = len(entries)
        entries.append(Event(count + 1, "proposed", int(str(number)), about, batch, f"p{number}"))
        if len(rows):
            entries.append(Event(count + 2, "measured", int(str(number)), {}, rows, f"m{number}"))
    return Ledger(tuple(entries))


@pytest.mark.parametrize("error", [0.5, 1.0, 4.0])
def test_calibration_finds_how_wrong_the_standard_deviations_are(error: float) -> None:
    found = calibration_by_round(candidates(error, size=2000))
    assert found["round"].tolist() == [1, 2, 3]
    np.testing.assert_allclose(found["std_factor"], error, rtol=0.06)
    np.testing.assert_allclose(found["bias"], 0, atol=0.05)
    if error == 1.0:
        np.testing.assert_allclose(found["within_1"], 0.683, atol=0.03)
        np.testing.assert_allclose(found["within_2"], 0.954, atol=0.02)


def test_calibration_by_hand() -> None:
    frame = pd.DataFrame({"round": 1, "predicted_mean": [1.0, 2.0, 3.0, 9.0], "predicted_std": 0.5})
    frame = frame.assign(measured_value=[1.25, 2.75, 4.5, np.nan])
    (row,) = calibration_by_round(frame).to_dict("records")
    assert (row["designs"], row["within_1"], row["within_2"]) == (3, 1 / 3, 2 / 3)
    assert row["bias"] == pytest.approx(2.5 / 3)
    assert row["std_factor"] == pytest.approx(np.sqrt((0.25 + 2.25 + 9) / 3))
    assert row["rank_correlation"] == pytest.approx(1.0)


def test_advice_speaks_of_what_stands_out_and_of_nothing_else() -> None:
    assert advice(record(candidates(1.0), simulated=True), "c") == ["Go on: nothing stands out."]
    (sure,) = advice(record(candidates(5.0, rounds=1), simulated=True), "c")
    assert "overconfident" in sure
    frame = candidates(1.0, rounds=5)
    frame.loc[frame["round"] == 1, "measured_value"] += 9
    frame.loc[frame["round"] == 1, "predicted_mean"] += 9
    (stuck,) = advice(record(frame, simulated=True), "c")
    assert "not been beaten for 4 rounds" in stuck


def test_advice_says_that_a_batch_stayed_short() -> None:
    frame = candidates(1.0, rounds=2)
    (short,) = advice(record(frame.iloc[:-50], simulated=True), "c")
    assert "Round 2 has 150 candidates, an earlier one had 200" in short


def test_advice_names_the_command_for_what_waits() -> None:
    frame = candidates(1.0, rounds=2)
    frame.loc[frame["round"] == 2, "measured_value"] = np.nan
    lines = advice(record(frame), "mine")
    assert lines == [
        "200 candidates wait for results: import them with python -m flows.measure mine FILE."
    ]


def page(frame: pd.DataFrame, curves: pd.DataFrame = NONE, start: pd.DataFrame = NONE) -> str:
    return campaign_page(record(frame), "a & b", {1: {"too close": 5}}, curves, start)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rounds = candidates(1.0, size=20)
    rounds.loc[rounds["round"] == 3, "measured_value"] = np.nan
    return rounds


def test_the_page_stands_alone_and_escapes_what_people_wrote(frame: pd.DataFrame) -> None:
    made = page(frame)
    assert made == page(frame)
    assert "a &amp; b" in made
    assert "&lt;signal&gt;" in made
    assert "<signal>" not in made
    assert 'src="http' not in made
    assert made.count("data:image/png;base64,") == 6
    assert "60 candidates in 3 rounds, 40 of them measured" in made
    assert "too close" in made


def test_the_logo_says_what_the_best_candidates_are_beside(frame: pd.DataFrame) -> None:
    assert "and of the candidates of the first round" in page(frame)
    start = pd.DataFrame({"design": ["ACGTACGT", "AAAAAAAA"]})
    assert "and of the best designs of the table at the start" in page(frame, start=start)


@pytest.mark.parametrize("candidates", [2, 9])
def test_the_map_is_drawn_of_few_and_of_equal_designs(candidates: int) -> None:
    distances = np.ones((candidates, candidates), np.int64) - np.eye(candidates, dtype=np.int64)
    rounds = pd.Series([1] * candidates)
    assert map_figure(distances, rounds).png.startswith(b"\x89PNG")
    assert map_figure(np.zeros_like(distances), rounds).png.startswith(b"\x89PNG")


OBJECTIVES = [
    {"name": "on", "maximise": True, "reference": 0.0},
    {"name": "off", "maximise": False, "reference": 1.0},
]


def of_two() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "round": [1, 1, 2, 2],
            "measured_value": [1.0, 0.5, 2.0, 3.0],
            "measured_off": [0.5, 0.5, 0.0, np.nan],
        }
    )


def test_fronts_count_what_every_objective_was_measured_of() -> None:
    found = fronts_by_round(of_two(), OBJECTIVES)
    # Round 1: a box of 1 by 0.5. Round 2: (2, 0) dominates all of the box of 2 by 1.
    counts = {"round": [1, 2], "designs": [2, 3], "on_front": [1, 1]}
    assert found.to_dict("list") == {**counts, "hypervolume": [0.25, 1.0]}


def test_one_objective_has_no_front() -> None:
    assert fronts_by_round(of_two(), []).empty
    assert fronts_by_round(of_two().assign(measured_off=np.nan), OBJECTIVES).empty


def test_the_front_is_drawn() -> None:
    assert front_figure(of_two(), OBJECTIVES).png.startswith(b"\x89PNG")


def test_what_was_learned_is_drawn_with_and_without_shares() -> None:
    curves = pd.DataFrame({"step": [0, 10, 0, 10], "rank_correlation": [0.0, 0.5, 0.1, 0.6]})
    shares = curves.assign(variance_of_single_sites=0.6, variance_of_pairs=0.2)
    plain, full = learning_figure(curves), learning_figure(shares)
    assert plain.png.startswith(b"\x89PNG")
    assert plain.png != full.png
