"""Predictors of compositions: features by hand, gradients, reproducibility."""

import pytest
import torch

from designlib.config.training import NetworkConfig
from designlib.notation.elements import PROPERTIES
from designlib.notation.formulas import ELEMENTS
from designlib.predictors.point_networks import ElementFeatures, build_point_network
from designlib.randomness import torch_generator
from designlib.spaces import SimplexSpace
from designlib.types import InputError

SPACE = SimplexSpace(("O", "Fe", "Ni"), grid_steps=10)
CONFIGS = [NetworkConfig(width=16, composition_features=kind) for kind in ("shares", "elements")]


def test_the_table_has_the_elements_in_order():
    assert tuple(PROPERTIES) == ELEMENTS[:96]
    assert PROPERTIES["Fe"].weight == 55.845
    assert PROPERTIES["O"].ionisation == pytest.approx(13.618, abs=1e-3)
    assert all(value > 0 for element in PROPERTIES.values() for value in element)


def test_features_are_weighted_means_and_deviations():
    features = ElementFeatures(SPACE.components)
    shares = torch.tensor([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]], dtype=torch.float64)
    table = torch.tensor(list(PROPERTIES.values()), dtype=torch.float64)
    rows = [list(PROPERTIES).index(name) for name in SPACE.components]
    z = ((table - table.mean(0)) / table.std(0))[rows]
    mean = 0.5 * z[0] + 0.3 * z[1] + 0.2 * z[2]
    spread = 0.5 * (z[0] - mean) ** 2 + 0.3 * (z[1] - mean) ** 2 + 0.2 * (z[2] - mean) ** 2
    found = features(shares)
    assert found.shape == (2, features.columns) == (2, 10)
    assert torch.allclose(found[0], torch.cat([mean, (spread + 1e-4).sqrt()]), atol=1e-5)
    assert torch.allclose(found[1, :5], z[0], atol=1e-5)
    assert torch.allclose(found[1, 5:], torch.full((5,), 0.01).double(), atol=1e-3)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.composition_features)
def test_scores_have_the_gradients_of_finite_differences(config):
    network = build_point_network(config, SPACE, seed=1).double()
    shares = SimplexSpace(SPACE.components).random(6, torch_generator(0)).requires_grad_()
    assert torch.autograd.gradcheck(network, (shares,))
    corner = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(corner).sum(), corner)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.composition_features)
def test_the_seed_decides_the_network(config):
    def scores(seed):
        designs = SPACE.relax(SPACE.random(20, torch_generator(0)))
        return build_point_network(config, SPACE, seed=seed)(designs)

    assert torch.equal(scores(1), scores(1))
    assert not torch.equal(scores(1), scores(2))
    assert float(scores(1).detach().std()) < 0.5


def test_components_without_properties_are_refused():
    with pytest.raises(InputError, match="'PCE10' is no element with known properties"):
        build_point_network(CONFIGS[1], SimplexSpace(("PCE10", "O")), seed=0)
