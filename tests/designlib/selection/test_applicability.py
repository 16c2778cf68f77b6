"""Designs unlike those that were learned from are told apart, by every kind of predictor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import nn

from designlib.config.training import NetworkConfig
from designlib.notation.alphabets import DNA
from designlib.predictors.networks import build_network
from designlib.predictors.trajectory import Trajectory
from designlib.randomness import torch_generator
from designlib.selection.applicability import Unusual, applicability, hidden_features, unusualness
from designlib.spaces import SequenceSpace
from designlib.types import InputError
from tests.designlib.conftest import SPACE


def test_designs_of_the_same_kind_are_uniform_and_others_near_zero(
    members: Sequence[Trajectory],
) -> None:
    letters = SPACE.random(900, torch_generator(1, "designs"))
    # Known are sequences without T; those of T alone are nothing like them.
    letters = torch.where(letters == 3, 0, letters)
    learned, known, same = SPACE.relax(letters).split(300)
    other = SPACE.relax(torch.full((1, 6), 3))
    usual, alike, unlike = unusualness(members, learned, [known, same, other])
    score = applicability(alike, usual)
    assert abs(score.mean() - 0.5) < 0.08
    assert (score < 0.05).mean() < 0.12
    assert applicability(unlike, usual)[0] < 0.02
    assert unlike.feature_distance[0] > usual.feature_distance.max()
    assert unlike.family_energy[0] > np.quantile(usual.family_energy, 0.99)


def test_the_worst_measure_decides() -> None:
    known = Unusual(*(np.arange(99.0) for _ in range(3)))
    odd = Unusual(np.array([1.0]), np.array([1.0]), np.array([500.0]))
    usual = Unusual(np.array([1.0]), np.array([1.0]), np.array([1.0]))
    assert applicability(odd, known)[0] == pytest.approx(0.01)
    assert applicability(usual, known)[0] > 0.9


def test_both_strands_of_a_design_have_the_same_features() -> None:
    space = SequenceSpace(DNA, 8)
    network = build_network(NetworkConfig(width=12), 8, DNA, both_strands=True, seed=0)
    letters = space.random(5, torch_generator(0, "designs"))
    one = hidden_features(network, space.relax(letters))
    other = hidden_features(network, space.relax(space.reverse_complement(letters)))
    assert one.shape == (5, 12)
    torch.testing.assert_close(one, other)


def test_a_network_without_a_linear_layer_has_its_input_as_features() -> None:
    class Plain(nn.Module):
        def forward(self, relaxed: torch.Tensor) -> torch.Tensor:
            return relaxed.sum((1, 2))

    rows = SPACE.relax(SPACE.random(3, torch_generator(0, "designs")))
    torch.testing.assert_close(hidden_features(Plain(), rows), rows.flatten(1))


def test_a_single_member_disagrees_with_nobody(members: Sequence[Trajectory]) -> None:
    rows = SPACE.relax(SPACE.random(50, torch_generator(0, "designs")))
    (found,) = unusualness(members[:1], rows, [rows])
    assert (found.std == 0).all()
    assert (found.feature_distance < 1e-3).all()
    with pytest.raises(InputError, match="at least two designs"):
        unusualness(members, rows[:1], [rows])
