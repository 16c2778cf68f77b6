"""Scores of designs and the choice of a batch, for one and for several objectives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from designlib.config import (
    LimitsConfig,
    NetworkConfig,
    ObjectiveSettings,
    ParetoConfig,
    SelectionConfig,
)
from designlib.constraints import AllOf, ForbiddenMotifs
from designlib.notation import DNA
from designlib.predictors import PredictorSpec, TrainingState, Trajectory
from designlib.randomness import torch_generator
from designlib.selection import (
    Choice,
    Measured,
    Objectives,
    Oracle,
    Predictors,
    Scoring,
    choose_designs,
)
from designlib.spaces import SequenceSpace

SPACE = SequenceSpace(DNA, 8)
DESIGNS = SPACE.decode(SPACE.random(260, torch_generator(0, "choice")).unique(dim=0))
POOL, TABLE = DESIGNS[:200], DESIGNS[200:]
FRONT = ParetoConfig.model_validate({"front": [{"column": "crx", "direction": "minimise"}]})


def member(seed: int, column: str = "", scale: float = 2.0) -> Trajectory:
    spec = PredictorSpec(
        network=NetworkConfig(architecture="mlp", width=8), alphabet="dna", length=8,
        centre=1.0, scale=scale, seed=seed, column=column,
    )  # fmt: skip
    return Trajectory(spec, (TrainingState(0, dict(spec.build().state_dict()), {}, {}),))


MEMBERS = [member(1), member(2), member(3, "crx", -1.0), member(4, "crx", -1.0)]
VALIDATION = [member(5), member(6, "crx", -1.0)]
HALF = float(np.median(Predictors(MEMBERS[2:]).predict(SPACE, SPACE.encode(POOL))["crx"].mean(0)))
LIMITS = LimitsConfig.model_validate({"limits": [{"column": "crx", "high": HALF}]})


class CountingSpace(SequenceSpace):
    """Counts the designs that are encoded from text."""

    encoded = 0

    def encode(self, designs: Any) -> Any:
        type(self).encoded += len(designs)
        return super().encode(designs)


def scoring(space: SequenceSpace = SPACE, *, several: bool = True) -> Scoring:
    of = slice(None) if several else slice(2)
    return Scoring(
        space=space,
        both_strands=False,
        ensemble=Predictors(MEMBERS[of]),
        validation=Predictors(VALIDATION if several else VALIDATION[:1]),
        measured=TABLE,
        constraint=AllOf(space, [ForbiddenMotifs(space, ["GG"], both_strands=False)]),
        oracle=Oracle(pd.Series(range(60), TABLE, float), space, "nearest"),
    )


def table() -> pd.DataFrame:
    frame = scoring().predict(pd.DataFrame({"design": TABLE}))
    fold = np.repeat(["predictor", "validation", "validation_model"], 20)
    draw = np.random.default_rng(0)
    return frame.assign(fold=fold, value=draw.normal(size=60), crx=draw.normal(size=60))


def chosen(
    goals: ObjectiveSettings | None, **settings: Any
) -> tuple[Choice, pd.DataFrame, pd.DataFrame]:
    """Return the choice, the scored designs and the rejected ones."""
    frame = pd.DataFrame({"design": POOL, "training_step": 7, "parent_design": None})
    scored = scoring(several=goals is not None).score(frame)

    def read(columns: list[str] | None) -> Iterator[pd.DataFrame]:
        for first in range(0, len(scored), 64):
            part = scored.iloc[first : first + 64].reset_index(drop=True)
            yield part if columns is None else part[columns]

    measured = Measured(
        space=SPACE, both_strands=False, maximise=True, goals=goals, distance_units="letters",
        members=MEMBERS if goals is not None else MEMBERS[:2], folds=table(), checked=table(),
        pending=POOL[:5],
    )  # fmt: skip
    usual = {"batch_size": 5, "min_distance": 1, "shortlist_batches": 4, "validation_quantile": 0}
    config = SelectionConfig.model_validate(usual | settings)
    rejected: list[pd.DataFrame] = []
    choice = choose_designs(read, measured, config, 0, rejected.extend)
    return choice, scored.set_index("design"), pd.concat(rejected)


def test_scores_encode_each_design_and_each_measured_design_once() -> None:
    space = CountingSpace(DNA, 8)
    judge = scoring(space)
    judge.score(pd.DataFrame({"design": POOL[:50]}))
    # The measured designs once, for distances; the oracle reads text.
    first = CountingSpace.encoded - len(TABLE) - 50
    judge.score(pd.DataFrame({"design": POOL[50:100]}))
    assert first == 50
    assert CountingSpace.encoded == len(TABLE) + 4 * 50


def test_scores_are_means_deviations_and_verdicts_of_each_objective() -> None:
    scored = scoring().score(pd.DataFrame({"design": POOL}))
    each = Predictors(MEMBERS).predict(SPACE, SPACE.encode(POOL))
    np.testing.assert_allclose(scored["predicted_mean"], each[""].mean(0))
    np.testing.assert_allclose(scored["std_crx"], each["crx"].std(0, ddof=1))
    alone = Predictors(VALIDATION).predict(SPACE, SPACE.encode(POOL))
    np.testing.assert_allclose(scored["validation_score"], alone[""][0])
    np.testing.assert_allclose(scored["validation_score_crx"], alone["crx"][0])
    broken = [column for column in scored if str(column).startswith("constraint_")]
    (verdicts,) = (scored[name] for name in broken)
    assert ((verdicts != "ok") == ["GG" in design for design in POOL]).all()
    nearest = scored["nearest_measured"].map(pd.Series(range(60), TABLE, float))
    assert scored["true_value"].tolist() == nearest.tolist()


def test_a_batch_of_one_objective_is_the_best_by_acquisition_and_others_have_reasons() -> None:
    choice, scored, rejected = chosen(None)
    assert choice.figures.pool == len(POOL)
    assert len(rejected) + choice.figures.batch.survivors == len(POOL)
    assert rejected["rejected_because"].str.contains("waits for a measurement").sum() == 5
    kept = scored.drop(rejected["design"])
    bound = kept["predicted_mean"] - 0.1 * kept["predicted_std"]
    assert choice.frame["design"].tolist() == bound.nlargest(5).index.tolist()
    assert choice.frame["rank"].tolist() == [1, 2, 3, 4, 5]
    assert choice.frame["cluster"].iloc[0] == 1
    assert (choice.frame["step"] == 7).all()


@pytest.mark.parametrize("acquisition", ["lower_bound", "thompson", "expected_improvement"])
@pytest.mark.parametrize("goals", [FRONT, LIMITS])
def test_combined_scores_have_columns_of_their_own(
    goals: ObjectiveSettings, acquisition: str
) -> None:
    choice, scored, _ = chosen(goals, acquisition=acquisition)
    of_first = choice.frame.set_index("design")[["predicted_std", "validation_score", "std_crx"]]
    pd.testing.assert_frame_equal(of_first, scored.loc[of_first.index, list(of_first)])
    combined = choice.frame[["combined_std", "combined_validation_score"]].to_numpy()
    assert (combined != of_first.iloc[:, :2].to_numpy()).all()


def test_limits_reject_designs_by_their_prediction() -> None:
    choice, scored, rejected = chosen(LIMITS)
    beyond = set(scored.index[scored["objective_crx"] > HALF])
    of_limit = rejected["rejected_because"].str.contains("constraint limits")
    assert set(rejected.loc[of_limit, "design"]) == beyond
    assert 0 < len(beyond) < len(POOL)
    assert choice.figures.rejected["constraint limits"] == len(beyond)


def test_standard_deviations_of_combined_scores_decide_who_disagrees() -> None:
    choice, _, rejected = chosen(FRONT, max_std_quantile=0.5)
    disagree = rejected["rejected_because"].str.contains("ensemble members disagree")
    least = rejected.loc[disagree, "combined_std"].min()
    assert disagree.sum() == len(POOL) // 2
    assert choice.frame["combined_std"].max() < least


def test_measured_designs_of_a_front_come_first() -> None:
    objectives = Objectives(FRONT, [one.spec for one in MEMBERS], table())
    best, rows = objectives.best_measured()[0], table().set_index("design")
    better = (rows["value"] > rows.loc[best, "value"]) & (rows["crx"] < rows.loc[best, "crx"])
    assert not better.any()
    assert [spec.column for spec in objectives.specs] == ["", "crx"]
