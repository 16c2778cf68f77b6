"""Objectives: values, derivatives, kinks and refusals."""

import copy
import re

import pytest
import torch
from torch import nn

from designlib.randomness import torch_generator
from designlib.sampling.objectives import (
    EnsembleMean,
    LowerConfidence,
    MinimumOf,
    ProductOf,
    Specificity,
    WeightedSum,
)
from designlib.types import InputError

OBJECTIVES = {
    "mean": EnsembleMean,
    "confidence": lambda parts: LowerConfidence(parts, 1.5),
    "sum": lambda parts: WeightedSum(parts, [0.5, -2.0, 3.0]),
    "product": ProductOf,
    "minimum": MinimumOf,
    "specificity": lambda parts: Specificity(parts[0], parts[1:]),
}
FORMULAS = {
    "mean": lambda a, b, c: (a + b + c) / 3,
    "confidence": lambda a, b, c: (
        (a + b + c) / 3 - 1.5 * (((a - b) ** 2 + (a - c) ** 2 + (b - c) ** 2) / 6).sqrt()
    ),
    "sum": lambda a, b, c: a / 2 - 2 * b + 3 * c,
    "product": lambda a, b, c: a * b * c,
    "minimum": lambda a, b, c: torch.minimum(a, torch.minimum(b, c)),
    "specificity": lambda a, b, c: a - torch.maximum(b, c),
}
SHAPES = {"sequences": (5, 4, 3), "points": (5, 12)}


class Net(nn.Module):
    """A smooth score of flattened designs."""

    def __init__(self, seed):
        super().__init__()
        weights = torch.randn(12, generator=torch_generator(seed, "net"), dtype=torch.float64)
        self.weights = nn.Parameter(weights)

    def forward(self, designs):
        return torch.tanh(designs.flatten(1) @ self.weights / 4) + 2


def shared(designs):
    """A user's function without parameters."""
    return designs.flatten(1).square().mean(1)


def constant(*numbers):
    """Functions that give one number each to every design, but depend on it."""
    return [lambda points, n=n: n + (points[:, 0] - points[:, 0].detach()) for n in numbers]


def designs(kind):
    generator = torch_generator(0, "designs")
    return torch.rand(SHAPES[kind], generator=generator, dtype=torch.float64).requires_grad_()


@pytest.fixture(params=OBJECTIVES)
def name(request):
    """Every objective in turn."""
    return request.param


@pytest.mark.parametrize("kind", SHAPES)
def test_values(name, kind):
    parts = [Net(1), Net(2), shared]
    inputs = designs(kind)
    expected = FORMULAS[name](*(part(inputs) for part in parts))
    score = OBJECTIVES[name](parts)(inputs)
    assert score.shape == (5,)
    torch.testing.assert_close(score, expected)


@pytest.mark.parametrize("kind", SHAPES)
def test_derivatives(name, kind):
    objective = OBJECTIVES[name]([Net(1), Net(2), shared])
    torch.autograd.gradcheck(objective, (designs(kind),))


def test_rows_do_not_depend_on_each_other(name):
    objective, inputs = OBJECTIVES[name]([Net(1), Net(2), shared]), designs("sequences")
    for row in range(5):
        alone = objective(inputs[row : row + 1])[0]
        torch.testing.assert_close(objective(inputs)[row], alone)


def test_parts_that_are_modules_are_found(name):
    nets = [Net(1), Net(2), Net(3)]
    objective = OBJECTIVES[name](nets)
    assert {id(p) for p in objective.parameters()} == {id(net.weights) for net in nets}
    twin = copy.deepcopy(objective)
    nets[0].weights.data += 1
    inputs = designs("points")
    assert not torch.equal(twin(inputs), objective(inputs))
    objective.eval().requires_grad_(False)
    assert not any(net.training or net.weights.requires_grad for net in nets)


def test_a_function_has_no_parameters():
    objective = MinimumOf([Net(1), shared])
    assert [name for name, _ in objective.named_parameters()] == ["parts.0.weights"]


def test_objectives_nest(name):
    inner = OBJECTIVES[name]([Net(1), Net(2), shared])
    inputs = designs("points")
    outer = WeightedSum([inner, Net(3)], [2.0, 1.0])
    torch.testing.assert_close(outer(inputs), 2 * inner(inputs) + Net(3)(inputs))


def test_identical_members_have_a_gradient():
    inputs = designs("sequences")
    (expected,) = torch.autograd.grad(Net(1)(inputs).sum(), inputs)
    for count in (1, 2, 5):
        score = LowerConfidence([Net(1)] * count, 3.0)(inputs)
        (gradient,) = torch.autograd.grad(score.sum(), inputs)
        torch.testing.assert_close(score, Net(1)(inputs))
        torch.testing.assert_close(gradient, expected)


def test_members_that_agree_on_some_designs_only():
    one, other = nn.Linear(1, 1).double(), nn.Linear(1, 1).double()
    with torch.no_grad():
        for net, slope in ((one, 1.0), (other, 3.0)):
            net.weight.fill_(slope)
            net.bias.zero_()
    points = torch.tensor([[0.0], [1.0]], dtype=torch.float64, requires_grad=True)
    parts = [lambda x: one(x)[:, 0], lambda x: other(x)[:, 0]]
    score = LowerConfidence(parts, 1.0)(points)
    (gradient,) = torch.autograd.grad(score.sum(), points)
    # Means are 0 and 2, spreads 0 and sqrt(2); the kink at 0 adds nothing.
    root = 2**0.5
    torch.testing.assert_close(score, torch.tensor([0.0, 2 - root]).double())
    torch.testing.assert_close(gradient, torch.tensor([[2.0], [2 - root]]).double())


def test_negative_k_is_the_upper_bound():
    inputs = designs("points")
    low, high = (LowerConfidence([Net(1), Net(2)], k)(inputs) for k in (2.0, -2.0))
    torch.testing.assert_close((low + high) / 2, EnsembleMean([Net(1), Net(2)])(inputs))
    assert (low < high).all()


@pytest.mark.parametrize(
    ("objective", "shares"),
    [
        (MinimumOf, [0.5, 0.5, 0.0]),
        (lambda parts: Specificity(shared, parts[::-1]), [0.0, 0.0, -1.0]),
        (lambda parts: Specificity(shared, parts[:2]), [-0.5, -0.5, 0.0]),
    ],
    ids=["minimum", "one largest", "largest of equals"],
)
def test_ties_share_the_derivative(objective, shares):
    scales = torch.ones(3, requires_grad=True)
    parts = [lambda x, i=i, n=n: n * scales[i] * x[:, 0] for i, n in enumerate((1.0, 1.0, 2.0))]
    score = objective(parts)(torch.ones(1, 1))
    (gradient,) = torch.autograd.grad(score.sum(), scales)
    torch.testing.assert_close(gradient / torch.tensor([1.0, 1.0, 2.0]), torch.tensor(shares))


@pytest.mark.parametrize(
    ("numbers", "product", "slope"),
    [((2.0, 3.0), 6.0, 5.0), ((0.0, 3.0), 0.0, 3.0), ((0.0, 0.0), 0.0, 0.0), ((-2, -3), 6, -5)],
)
def test_products_of_any_sign(numbers, product, slope):
    points = torch.ones(1, 1, requires_grad=True)
    score = ProductOf(constant(*numbers))(points)
    (gradient,) = torch.autograd.grad(score.sum(), points)
    assert (score.item(), gradient.item()) == (product, slope)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EnsembleMean([]), "EnsembleMean needs at least one part"),
        (lambda: LowerConfidence([], 1.0), "LowerConfidence needs at least one part"),
        (lambda: WeightedSum([], []), "WeightedSum needs at least one part"),
        (lambda: ProductOf([]), "ProductOf needs at least one part"),
        (lambda: MinimumOf([]), "MinimumOf needs at least one part"),
        (lambda: Specificity(shared, []), "Specificity needs at least one off-target score"),
        (lambda: WeightedSum([shared], [1.0, 2.0]), "has 1 parts but 2 weights"),
        (lambda: WeightedSum([shared] * 2, [1.0, float("nan")]), "weight 2 of .* is nan"),
        (lambda: WeightedSum([shared], [float("inf")]), "weight 1 of .* is inf"),
        (lambda: LowerConfidence([shared], float("nan")), "k of LowerConfidence is nan"),
        (lambda: LowerConfidence([shared], float("-inf")), "k of LowerConfidence is -inf"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_parts_of_another_shape_are_refused(name):
    objective = OBJECTIVES[name]([nn.Linear(12, 1).double(), shared, shared])
    message = re.escape("returned shape (5, 1); one score per design, shape (5,), is needed")
    with pytest.raises(InputError, match=f"part 1 of .* {message}"):
        objective(designs("points"))


def test_the_mean_of_trained_networks(members):
    networks = [member.network(-1) for member in members]
    space = members[0].spec.space
    one_hot = space.relax(space.random(50, torch_generator(0, "check")))
    mean = torch.stack([network(one_hot) for network in networks]).mean(0)
    assert torch.equal(EnsembleMean(networks)(one_hot), mean)
