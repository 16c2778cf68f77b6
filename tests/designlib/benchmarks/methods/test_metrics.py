"""Figures of a set of proposals against their definitions."""

import math

import pytest
import torch

from designlib.benchmarks.methods import Outcome, Setting, proposal_metrics
from designlib.constraints import HammingBall
from designlib.notation.alphabets import DNA
from designlib.spaces import SequenceSpace

SPACE = SequenceSpace(DNA, 4)


def setting(constraint=None):
    reference = SPACE.encode(["AAAA", "CCCC"])
    return Setting(SPACE, constraint, [lambda r: r.sum((1, 2))], reference, SPACE.random)


def count_of_a(designs):
    return (designs == 0).double().sum(1)


def test_figures_by_hand():
    designs = SPACE.encode(["AAAA", "AAAC", "AAAA", "GGGG"])
    outcome = Outcome(designs, torch.tensor([5.0, 5.0, 5.0, 5.0]), 12.0)
    training = SPACE.encode(["AACC", "GGGT"])
    found = proposal_metrics(outcome, setting(), training, count_of_a, lambda d: count_of_a(d) == 4)
    assert (found.best, found.mean) == (4.0, 2.75)
    assert found.median in (3.0, 4.0)
    assert found.feasible == 1.0
    assert found.success == 0.5
    assert found.distinct == 0.75
    # Pairs apart: 1, 0, 4, 1, 4, 4 letters.
    assert found.diversity == pytest.approx(14 / 6)
    assert found.novelty == pytest.approx((2 + 1 + 2 + 1) / 4)
    assert found.overprediction == pytest.approx(5 - 2.75)


def test_infeasible_proposals_do_not_count():
    ball = HammingBall(SPACE, "AAAA", 1)
    outcome = Outcome(SPACE.encode(["AAAC", "GGGG"]), torch.tensor([1.0, 9.0]), 1.0)
    found = proposal_metrics(outcome, setting(ball), SPACE.encode(["CCCC"]), count_of_a)
    assert (found.feasible, found.best, found.overprediction) == (0.5, 3.0, -2.0)
    assert math.isnan(found.success)
    nothing = proposal_metrics(
        outcome, setting(), SPACE.encode(["CCCC"]), lambda d: torch.full((len(d),), -torch.inf)
    )
    assert nothing.feasible == 0
    assert math.isnan(nothing.best)
