"""What more data are worth, held against data that were held back; and core sets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from designlib.config.training import NetworkConfig, TrainingConfig
from designlib.notation.alphabets import DNA
from designlib.predictors.training import train
from designlib.predictors.trajectory import Trajectory
from designlib.spaces import SequenceSpace, describe_space
from designlib.types import InputError
from tasks.installation.settings import REPOSITORY
from tasks.reports.data_curve import (
    Grounds,
    compare_core,
    example_losses,
    expected_gains,
    measure_curve,
)
from tasks.stages.table_facts import TableFacts, TableSource

CONFIG = TrainingConfig(
    network=NetworkConfig(architecture="mlp", width=16), steps=120, checkpoints=8, batch_size=64
)
FACTS = TableFacts(
    **describe_space(SequenceSpace(DNA, 8)),
    source=TableSource(),
    name="six6",
    rows_read=2400,
    designs=2400,
    guesses={},
    value_name="E-score",
)
TRAINING = 1600


@pytest.fixture(scope="module")
def folds() -> pd.DataFrame:
    table = pd.read_parquet(REPOSITORY / "data" / "tfbind8_six6.parquet")
    rows = np.random.default_rng(0).permutation(len(table))[:2400]
    fold = np.repeat(
        ["predictor", "validation", "test", "validation_model"], [TRAINING, 200, 200, 400]
    )
    named = table.iloc[rows].rename(columns={"e_score": "value"}).reset_index(drop=True)
    return named.assign(error=np.nan, weight=np.nan, round=0.0, fold=fold)


@pytest.fixture(scope="module")
def grounds(folds: pd.DataFrame) -> Grounds:
    return Grounds.of(FACTS, folds, CONFIG, 0)


def test_half_of_the_data_tell_what_all_of_them_give(grounds: Grounds) -> None:
    assert [
        len(part.target) for part in (grounds.training, grounds.validation, grounds.held_out)
    ] == [TRAINING, 200, 600]
    sizes = [TRAINING // 16, TRAINING // 8, TRAINING // 4, TRAINING // 2]
    law, gains = expected_gains(measure_curve(grounds, 3, sizes))
    whole = measure_curve(grounds, 3, [TRAINING])["rank_correlation"].mean()
    expected = law.error(TRAINING)
    assert 1 - expected.high <= whole <= 1 - expected.low
    assert gains["more"].tolist() == [100, 1000]
    assert (gains["gain_low"] <= gains["gain"]).all()
    assert 0 < gains["gain"][0] < gains["gain"][1]


def test_the_same_rows_and_seed_are_the_same_training(grounds: Grounds) -> None:
    one, again = (measure_curve(grounds, 2, [64]) for _ in range(2))
    pd.testing.assert_frame_equal(one, again)
    assert one["rank_correlation"].nunique() == 2


def test_losses_of_rows_and_a_core_set(grounds: Grounds, folds: pd.DataFrame) -> None:
    network = grounds.spec.build()
    states = tuple(train(network, grounds.training, grounds.validation, CONFIG, 0))
    table = example_losses([Trajectory(grounds.spec, states)], folds, CONFIG.emphasis)
    assert table["design"].tolist() == folds["design"].head(TRAINING).tolist()
    # Good designs count most in this training, and they are the ones that it learns.
    good = table.nlargest(200, "value")
    assert good["last_loss"].mean() < 0.8 * good["first_loss"].mean()
    assert good["agreement"].median() > 0.5
    compared = compare_core(table, 400, grounds, 2)
    assert compared.groupby("of")["rows"].first().to_dict() == {
        "all": TRAINING,
        "core": 400,
        "random": 400,
    }
    means = compared.groupby("of")["validation_rank_correlation"].mean()
    assert means["all"] > means["random"] - 0.05
    assert torch.isfinite(torch.tensor(means.to_numpy())).all()


def test_too_few_rows_have_no_curve(grounds: Grounds) -> None:
    few = Grounds(
        grounds.spec,
        CONFIG,
        type(grounds.training)(*(c[:63] for c in grounds.training)),
        grounds.validation,
        grounds.held_out,
        0,
    )
    with pytest.raises(InputError, match="at least 64 training rows, not 63"):
        measure_curve(few, 2)
