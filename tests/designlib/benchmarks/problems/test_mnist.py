"""Digits: the energy model against enumeration, the Frechet distance by scipy, grids, reading."""

from __future__ import annotations

import io
import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.datasets import load_digits

from designlib.benchmarks.problems.energy_model import (
    EnergyConfig,
    EnergyModel,
    block_gibbs,
    train_energy,
)
from designlib.benchmarks.problems.mnist import (
    Digits,
    Mnist,
    frechet_distance,
    read_packed_digits,
    sample_grid,
)
from designlib.types import InputError
from tests.designlib.benchmarks.problems.published import published

QUICK = EnergyConfig(hidden=64, steps=1500, batch_size=64, learning_rate=5e-3, checkpoints=8)


@pytest.fixture(scope="module")
def problem() -> Mnist:
    """The 1,797 real digits of 8 x 8 pixels that scikit-learn ships."""
    grey, labels = load_digits(return_X_y=True)
    digits = Digits(
        torch.from_numpy((np.asarray(grey) > 7).astype(np.int64)),
        torch.from_numpy(np.asarray(labels).astype(np.int64)),
    )
    order = torch.randperm(1797, generator=torch.Generator().manual_seed(0))
    train, test = (Digits(digits.images[i], digits.labels[i]) for i in (order[:1300], order[1300:]))
    return Mnist(train, test, QUICK, classifier_steps=400)


@pytest.fixture(scope="module")
def trained(problem: Mnist) -> list[EnergyModel]:
    return [checkpoint.model for checkpoint in problem.trajectory(0)]


# ---- the energy model


def small_model() -> EnergyModel:
    model = EnergyModel(5, 3)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.8, generator=generator)
    return model.requires_grad_(False)


def test_the_log_density_sums_the_hidden_units_out() -> None:
    model = small_model()
    images = torch.tensor(list(itertools.product([0.0, 1.0], repeat=5)))
    joint = torch.stack(
        [
            images @ model.visible_bias + (images @ model.weight.T + model.hidden_bias) @ hidden
            for hidden in torch.tensor(list(itertools.product([0.0, 1.0], repeat=3)))
        ]
    )
    assert torch.allclose(model.log_density(images), joint.logsumexp(0), atol=1e-5)
    one_hot = torch.stack([1 - images, images], 2)
    assert torch.equal(model(one_hot), model.log_density(images))


def test_block_gibbs_leaves_the_density_invariant() -> None:
    model = small_model()
    images = torch.tensor(list(itertools.product([0.0, 1.0], repeat=5)))
    exact = model.log_density(images).softmax(0).double()
    generator = torch.Generator().manual_seed(4)
    rows = torch.multinomial(exact, 40_000, replacement=True, generator=generator)
    moved = block_gibbs(model, images[rows], 3, generator)
    index = (moved @ (2.0 ** torch.arange(4, -1, -1))).long()
    counts = torch.bincount(index, minlength=32).double()
    chi_square = float(((counts - 40_000 * exact) ** 2 / (40_000 * exact)).sum())
    assert chi_square < 67  # 99.98 % of chi-square with 31 degrees of freedom
    # And from one corner it gets there too.
    counts = torch.bincount(
        (
            block_gibbs(model, torch.zeros(40_000, 5), 60, generator)
            @ 2.0 ** torch.arange(4, -1, -1)
        ).long(),
        minlength=32,
    ).double()
    assert float(((counts - 40_000 * exact) ** 2 / (40_000 * exact)).sum()) < 67


def test_training_raises_the_likelihood() -> None:
    """Exact log likelihoods of images of 6 pixels, each mostly like the one before."""
    generator = torch.Generator().manual_seed(0)
    switches = torch.rand((4000, 6), generator=generator) < torch.tensor([0.5] + [0.15] * 5)
    images = (switches.cumsum(1) % 2).float()
    every = torch.tensor(list(itertools.product([0.0, 1.0], repeat=6)))
    config = EnergyConfig(hidden=8, steps=700, learning_rate=0.02, checkpoints=5)
    found = [
        float(model.log_density(images).mean() - model.log_density(every).logsumexp(0))
        for _, model in train_energy(images, config, 0)
    ]
    independent = 6 * math.log(0.5)
    entropy = -math.log(2) + 5 * (0.15 * math.log(0.15) + 0.85 * math.log(0.85))
    assert found[0] == pytest.approx(independent, abs=0.05)
    assert found[-1] > independent + 0.8 * (entropy - independent)


def test_checkpoints_are_log_spaced_and_reproducible(problem: Mnist) -> None:
    short = replace(problem, energy=QUICK._replace(steps=60))
    first, again, other = (list(short.trajectory(seed)) for seed in (3, 3, 4))
    steps = [checkpoint.step for checkpoint in first]
    assert steps[0] == 0
    assert steps[-1] == 60
    assert len(steps) == 8
    for ours, theirs in zip(first, again, strict=True):
        assert torch.equal(ours.model.weight, theirs.model.weight)
    assert not torch.equal(first[-1].model.weight, other[-1].model.weight)
    assert not torch.equal(first[-1].model.weight, first[-2].model.weight)


def test_the_untrained_model_has_the_mean_image(problem: Mnist) -> None:
    model = next(problem.trajectory(0)).model
    mean = problem.train.images.double().mean(0)
    assert torch.allclose(model.visible_bias.sigmoid().double(), mean, atol=1e-3)


def test_training_needs_zeros_and_ones() -> None:
    for images in (torch.zeros(0, 4), torch.full((3, 4), 0.5)):
        with pytest.raises(InputError, match="zeros and ones"):
            next(train_energy(images, QUICK, 0))


# ---- the Frechet distance


def test_the_distance_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6))
    second = rng.normal(size=(150, 6)) @ rng.normal(size=(6, 6)) + 1.5
    a, b = np.cov(first.T), np.cov(second.T)
    root = np.real(np.asarray(scipy.linalg.sqrtm(a @ b)))
    expected = ((first.mean(0) - second.mean(0)) ** 2).sum() + np.trace(a + b - 2 * root)
    pair = torch.from_numpy(first), torch.from_numpy(second)
    assert frechet_distance(*pair) == pytest.approx(expected)
    assert frechet_distance(pair[1], pair[0]) == pytest.approx(expected)


def test_a_shift_and_a_scale_are_known() -> None:
    points = torch.randn(5000, 3, generator=torch.Generator().manual_seed(0)).double()
    assert frechet_distance(points, points) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(points, points + 2) == pytest.approx(12)
    spread = float(points.var(0).sum())
    centred = points - points.mean(0)
    assert frechet_distance(centred, 3 * centred) == pytest.approx(4 * spread)
    # Features that never change make a covariance singular.
    flat = torch.cat([points, torch.zeros(5000, 1)], 1)
    assert frechet_distance(flat, flat) == pytest.approx(0, abs=1e-9)


def test_sets_that_have_no_distance() -> None:
    points = torch.zeros(4, 2)
    for wrong in (points[:1], points.fill_diagonal_(float("nan"))):
        with pytest.raises(InputError, match="two sets"):
            frechet_distance(wrong, torch.zeros(4, 2))


# ---- the problem


def test_the_classifier_reads_the_digits(problem: Mnist) -> None:
    assert problem.accuracy > 0.85
    images = problem.test.images
    named = problem.classifier(images.float()).argmax(1)
    assert problem.accuracy == (named == problem.test.labels).double().mean().item()
    assert problem.features(images).shape == (len(images), 64)


def test_samples_of_the_trained_model_are_nearer_to_digits(
    problem: Mnist, trained: list[EnergyModel]
) -> None:
    generator = torch.Generator().manual_seed(1)
    distances = []
    for model in (trained[0], trained[-1]):
        noise = problem.space.random(400, generator).float()
        distances.append(problem.fid(block_gibbs(model, noise, 300, generator).long()))
    noise = problem.fid(problem.space.random(400, generator))
    assert problem.floor(400) < distances[1] < 0.5 * distances[0] < noise


def test_parts_of_different_size_are_refused(problem: Mnist) -> None:
    small = Digits(torch.zeros((3, 9), dtype=torch.int64), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(InputError, match="one size"):
        Mnist(problem.train, small)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(2, 8), torch.zeros(2), "square"),
        (torch.zeros(2, 9), torch.zeros(3), "2 images have 3 labels"),
        (torch.full((2, 9), 2), torch.zeros(2), "letter index 2"),
        (torch.zeros(2, 9), torch.full((2,), 10), "digits 0 to 9"),
    ],
)
def test_digits_that_are_refused(images: torch.Tensor, labels: torch.Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Digits(images.long(), labels.long())


# ---- files and pictures


def packed(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def test_packed_digits_are_read() -> None:
    pixels = np.random.default_rng(0).integers(0, 2, (5, 16), dtype=np.uint8)
    labels = np.arange(5)
    content = packed(
        x_train=np.packbits(pixels, axis=1),
        y_train=labels,
        x_test=np.packbits(pixels[:2], axis=1),
        y_test=labels[:2],
    )
    train, test = read_packed_digits(content)
    assert train.images.tolist() == pixels.tolist()
    assert train.labels.tolist() == labels.tolist()
    assert test.images.tolist() == pixels[:2].tolist()
    assert train.labels[:3].tolist() == [0, 1, 2]


@pytest.mark.parametrize("content", [b"", b"no zip", packed(x_train=np.zeros((1, 2), np.uint8))])
def test_another_file_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="no npz file of packed digits"):
        read_packed_digits(content)


def test_the_published_digits() -> None:
    train, test = read_packed_digits(published("mnist/mnist_70k_bin127_packed.npz").read_bytes())
    assert (train.images.shape, test.images.shape) == ((60_000, 784), (10_000, 784))
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]  # as everyone knows them
    assert 0.12 < float(train.images[:2000].double().mean()) < 0.14


def test_a_grid_shows_every_image_once() -> None:
    images = torch.zeros((3, 4), dtype=torch.int64)
    images[0, 1] = images[2, 2] = 1
    picture = sample_grid(images, columns=2)
    frame, white = 128, 255
    assert picture.tolist() == [
        [frame] * 7,
        [frame, 0, white, frame, 0, 0, frame],
        [frame, 0, 0, frame, 0, 0, frame],
        [frame] * 7,
        [frame, 0, 0, frame, 0, 0, frame],
        [frame, white, 0, frame, 0, 0, frame],
        [frame] * 7,
    ]
    with pytest.raises(InputError, match="grid"):
        sample_grid(images[:0], 2)
    with pytest.raises(InputError, match="grid"):
        sample_grid(torch.zeros((1, 5), dtype=torch.int64), 2)
