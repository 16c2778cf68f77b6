import math

import numpy as np
import pytest
import torch

from designlib.benchmarks.problems.ackley import Ackley
from designlib.benchmarks.problems.base import Problem, train_trajectory
from designlib.predictors.networks import evaluate
from designlib.predictors.training import rank_correlation
from designlib.types import InputError


def textbook(x):
    n = len(x)
    root = math.sqrt(sum(v * v for v in x) / n)
    waves = sum(math.cos(2 * math.pi * v) for v in x) / n
    return -20 * math.exp(-0.2 * root) - math.exp(waves) + 20 + math.e


def test_values_are_the_negative_of_the_textbook_formula():
    problem = Ackley(variables=3)
    points = np.random.default_rng(0).uniform(-32, 32, (50, 3))
    values = problem.oracle(torch.from_numpy(points))
    assert values.tolist() == pytest.approx([-textbook(x) for x in points.tolist()])
    # Far out on a lattice point, where the waves vanish: 20 - 20 exp(-0.2 * 5).
    corner = problem.oracle(torch.full((1, 3), 5.0))
    assert float(corner) == pytest.approx(-20 * (1 - math.exp(-1)))


def test_the_origin_is_best():
    problem = Ackley()
    assert float(problem.oracle(torch.zeros(1, 10))) == pytest.approx(0.0, abs=1e-12)
    near = 0.3 * torch.randn(2000, 10, generator=torch.Generator().manual_seed(0))
    assert (problem.oracle(near) < 0).all()


def test_points_outside_the_box_are_refused():
    with pytest.raises(InputError, match="design 1 has x2 = 33"):
        Ackley(variables=2).oracle(torch.tensor([[0.0, 33.0]]))


def test_training_data_are_uniform_in_the_box_and_follow_the_seed():
    problem = Ackley(rows=4000)
    points, values = problem.training_data(1)
    assert torch.equal(points, problem.training_data(1)[0])
    assert not torch.equal(points, problem.training_data(2)[0])
    assert torch.equal(values, problem.oracle(points))
    assert points.mean(0).abs().max() < 2
    assert points.std(0).tolist() == pytest.approx([2 * 32.768 / 12**0.5] * 10, rel=0.05)


def test_the_trained_predictor_orders_points_that_the_first_one_does_not():
    problem = Ackley(variables=4, rows=2000)
    quick = problem.training.model_copy(update={"steps": 300})
    problem = Ackley(variables=4, rows=2000, training=quick)
    assert isinstance(problem, Problem)
    networks = train_trajectory(problem, 0, checkpoints=6)
    points, values = problem.training_data(9)
    relaxed = problem.space.relax(points)
    known = values.numpy()
    first, last = (
        rank_correlation(evaluate(net, relaxed).double().numpy(), known)
        for net in (networks[0], networks[-1])
    )
    assert last > 0.6 > first + 0.2
    assert float(evaluate(networks[-1], relaxed).mean()) == pytest.approx(float(values.mean()), 0.1)
