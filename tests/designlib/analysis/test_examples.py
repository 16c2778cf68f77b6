"""Rows whose value is wrong are found, and a core set keeps what there is to learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from designlib.analysis.examples import agreement, core_set, example_table, mislabelled
from designlib.config.training import NetworkConfig, TrainingConfig
from designlib.predictors.networks import evaluate
from designlib.predictors.training import Examples, rank_correlation, train
from designlib.predictors.trajectory import PredictorSpec
from designlib.randomness import torch_generator
from designlib.types import InputError
from tests.designlib.conftest import SPACE

CONFIG = TrainingConfig(
    network=NetworkConfig(architecture="mlp", width=32), steps=200, batch_size=64, checkpoints=9,
    learning_rate=0.01, emphasis=0.0,
)  # fmt: skip
SPEC = PredictorSpec(
    network=CONFIG.network, alphabet="dna", length=6, centre=0.0, scale=1.0, seed=3
)
ROWS, HELD = slice(0, 500), slice(500, 800)


@pytest.fixture(scope="module")
def data() -> Examples:
    letters = SPACE.random(800, torch_generator(0, "examples"))
    target = ((letters == 0).float().sum(1) - (letters == 3).float().sum(1)) / 1.7
    noise = 0.2 * torch.randn(800, generator=torch_generator(1, "noise"))
    return Examples(SPACE.relax(letters), target + noise, torch.ones(800))


def part(data: Examples, rows: slice | np.ndarray) -> Examples:
    chosen = rows if isinstance(rows, slice) else torch.from_numpy(rows)
    return Examples(*(column[chosen] for column in data))


def errors(training: Examples, data: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Score less value of training and held-out rows, at every checkpoint of a training."""
    network, held = SPEC.build(), part(data, HELD)
    rows = [
        [(evaluate(network, one.one_hot[:]) - one.target).numpy() for one in (training, held)]
        for _ in train(network, training, held, CONFIG, SPEC.seed)
    ]
    own, others = zip(*rows, strict=True)
    return np.stack(own), np.stack(others)


@pytest.fixture(scope="module")
def clean(data: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Errors of a training on rows that are all right."""
    return errors(part(data, ROWS), data)


def test_planted_flips_are_found(data: Examples, clean: tuple[np.ndarray, np.ndarray]) -> None:
    training = part(data, ROWS)
    far = np.flatnonzero(np.abs(training.target.numpy()) > 1)[:25]
    flipped = training.target.clone()
    flipped[far] = -flipped[far]
    own, others = errors(training._replace(target=flipped), data)
    table = example_table(own**2, (others**2).mean(1), own)
    found = np.flatnonzero(table["looks_mislabelled"])
    assert len(set(found) & set(far)) >= 20
    assert len(set(found) - set(far)) <= 3
    # Nothing is found where nothing is wrong.
    own, others = clean
    assert example_table(own**2, (others**2).mean(1), own)["looks_mislabelled"].sum() <= 2


def test_a_core_set_keeps_the_validation_score(
    data: Examples, clean: tuple[np.ndarray, np.ndarray]
) -> None:
    training = part(data, ROWS)
    own, others = clean
    agrees = agreement(own**2, (others**2).mean(1))
    core = core_set(agrees, training.target.numpy(), 150)
    held = part(data, HELD)

    def score(rows: np.ndarray) -> float:
        network = SPEC.build()
        list(train(network, part(training, rows), held, CONFIG, SPEC.seed))
        return rank_correlation(evaluate(network, held.one_hot[:]).numpy(), held.target.numpy())

    assert score(core) > score(np.arange(500)) - 0.03


def test_agreement_by_hand() -> None:
    others = np.array([[4.0], [2.0], [1.0], [1.0]])
    same, against, never = 2 * others, 5 - others, 0 * others
    rows = np.concatenate([same, against, never], 1)
    assert agreement(rows, others[:, 0]).tolist() == pytest.approx([1, -1, 0])
    with pytest.raises(InputError, match="three checkpoints or more, not 2 and 2"):
        agreement(rows[:2], others[:2, 0])
    with pytest.raises(InputError, match="all finite"):
        agreement(rows * np.nan, others[:, 0])


def test_only_far_rows_that_disagree_look_mislabelled() -> None:
    error = np.r_[np.linspace(-1, 1, 99), 9.0, 9.0]
    agrees = np.r_[np.full(99, -0.5), -0.5, 0.5]
    assert np.flatnonzero(mislabelled(error, agrees)).tolist() == [99]


@pytest.mark.parametrize("size", [1, 7, 10, 33, 100])
def test_a_core_set_has_its_size_and_all_ranges(size: int) -> None:
    target = np.random.default_rng(0).normal(size=100)
    chosen = core_set(np.random.default_rng(1).normal(size=100), target, size)
    assert len(chosen) == len(set(chosen)) == size
    if size >= 10:
        ranks = np.argsort(np.argsort(target))[chosen] // 10
        assert set(ranks) == set(range(10))
    with pytest.raises(InputError, match="1 to 100 rows, not 0"):
        core_set(target, target, 0)
