import pytest
import torch

from designlib.config.training import NetworkConfig
from designlib.notation.alphabets import DNA, Alphabet
from designlib.predictors import networks
from designlib.predictors.networks import build_network, evaluate
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace

SPACE = SequenceSpace(DNA, 10)
CONFIGS = [NetworkConfig(architecture=kind, width=16) for kind in ("cnn", "mlp")]


def one_hot(n=40):
    return SPACE.relax(SPACE.random(n, torch_generator(0, "test")))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.architecture)
def test_the_seed_decides_the_parameters_and_the_global_generator_does_not(config):
    def parameters(seed):
        network = build_network(config, 10, DNA, both_strands=False, seed=seed)
        return torch.cat([parameter.flatten() for parameter in network.parameters()])

    torch.manual_seed(1)
    first = parameters(5)
    torch.manual_seed(2)
    assert torch.equal(first, parameters(5))
    assert not torch.equal(first, parameters(6))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.architecture)
def test_f_0_is_near_zero_but_tells_designs_apart(config):
    scores = evaluate(build_network(config, 10, DNA, both_strands=False, seed=0), one_hot())
    assert 0 < float(scores.std()) < 0.1


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.architecture)
def test_both_strands_of_a_molecule_score_the_same(config):
    network = build_network(config, 10, DNA, both_strands=True, seed=0)
    letters = SPACE.random(30, torch_generator(1, "test"))
    other = SPACE.reverse_complement(letters)
    torch.testing.assert_close(
        evaluate(network, SPACE.relax(letters)), evaluate(network, SPACE.relax(other))
    )


def test_a_filter_sees_a_motif_wherever_it_is():
    network = build_network(NetworkConfig(filter_length=3), 10, DNA, both_strands=False, seed=0)
    shifted = ["AAACGTAAAA", "AAAAACGTAA"]
    scores = evaluate(network, SPACE.relax(SPACE.encode(shifted)))
    torch.testing.assert_close(scores[0], scores[1])


def test_a_filter_longer_than_the_design_is_cut():
    network = build_network(NetworkConfig(filter_length=20), 4, DNA, both_strands=False, seed=0)
    assert evaluate(network, torch.eye(4)[None]).shape == (1,)


@pytest.mark.parametrize("length", [3, 40])
def test_wide_windows_say_the_same_as_a_convolution(length, monkeypatch):
    letters = Alphabet("many letters", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef")
    space = SequenceSpace(letters, length)
    config = NetworkConfig(filter_length=7)
    network = build_network(config, length, letters, both_strands=False, seed=0)
    relaxed = space.relax(space.random(20, torch_generator(0, "test"))).requires_grad_()

    def score_and_gradients():
        score = network(relaxed)
        inputs = [relaxed, *network.parameters()]
        return score, *torch.autograd.grad(score.square().sum(), inputs)

    monkeypatch.setattr(networks, "_WIDE_WINDOW", 0)
    convolved = score_and_gradients()
    monkeypatch.setattr(networks, "_WIDE_WINDOW", 10**6)
    torch.testing.assert_close(convolved, score_and_gradients())


def test_evaluation_in_batches_equals_one_batch():
    network = build_network(CONFIGS[0], 10, DNA, both_strands=False, seed=0)
    torch.testing.assert_close(evaluate(network, one_hot(), 7), evaluate(network, one_hot()))
