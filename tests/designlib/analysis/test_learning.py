"""Shares of variance by order of interaction, of scores whose orders are known."""

from __future__ import annotations

import pytest
import torch

from designlib.analysis import whole_spectrum
from designlib.analysis.walsh import interaction_shares
from designlib.notation.alphabets import DNA, PROTEIN
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace

SPACE = SequenceSpace(DNA, 3)


def shares(predict) -> tuple[float, float]:
    found = interaction_shares(predict, SPACE, torch_generator(0, "sub-cubes"))
    return found.single_sites, found.pairs


def test_an_additive_score_is_of_single_sites() -> None:
    weights = torch.arange(12.0).reshape(3, 4)
    assert shares(lambda x: (x * weights).sum((1, 2))) == pytest.approx((1.0, 0.0), abs=1e-6)


def test_a_product_of_two_centred_sites_is_of_pairs() -> None:
    sign = torch.tensor([1.0, 1.0, -1.0, -1.0])
    assert shares(lambda x: (x[:, 0] @ sign) * (x[:, 1] @ sign)) == pytest.approx((0.0, 1.0))


def test_a_product_of_three_is_of_neither_and_a_sum_of_orders_is_shared() -> None:
    sign = torch.tensor([1.0, 1.0, -1.0, -1.0])
    sites = [lambda x, n=n: x[:, n] @ sign for n in range(3)]
    three = lambda x: sites[0](x) * sites[1](x) * sites[2](x)  # noqa: E731 - a formula
    assert shares(three) == pytest.approx((0.0, 0.0), abs=1e-9)
    both = lambda x: sites[0](x) + sites[1](x) * sites[2](x)  # noqa: E731 - a formula
    assert shares(both) == pytest.approx((0.5, 0.5))


def test_a_constant_score_has_no_shares() -> None:
    assert shares(lambda x: x.sum((1, 2)) * 0.0) == (0.0, 0.0)


def test_protein_shares_are_near_those_of_full_enumeration_at_256_evaluations() -> None:
    space, seen = SequenceSpace(PROTEIN, 3), []
    weights = torch.randn(3, 20, generator=torch_generator(0, "weights"))

    def predict(one_hot: torch.Tensor) -> torch.Tensor:
        seen.append(len(one_hot))
        sites = (one_hot * weights).sum(2)
        return sites.sum(1) + 0.7 * sites[:, 0] * sites[:, 1]

    energy = whole_spectrum(predict, space)
    exact = energy[1:3] / energy[1:].sum()
    seen.clear()
    estimates = [
        interaction_shares(predict, space, torch_generator(seed, "c")) for seed in range(20)
    ]
    assert sum(seen) == 20 * 256
    assert float((torch.tensor(estimates) - exact).square().mean().sqrt()) < 0.1
    assert interaction_shares(predict, space, torch_generator(0, "c")) == estimates[0]
