"""Boxes and compositions."""

import math

import pytest
import torch
from scipy import stats

from designlib.notation.alphabets import BINARY
from designlib.randomness import torch_generator
from designlib.spaces import BoxSpace, SequenceSpace, SimplexSpace, Space
from designlib.types import InputError

BOX = BoxSpace((0.0, -math.inf, 2.0, -math.inf), (1.0, math.inf, math.inf, -1.0), tuple("abcd"))
ALLOY = SimplexSpace(("Fe", "Ni", "Co"))


@pytest.mark.parametrize("space", [BOX, ALLOY, SequenceSpace(BINARY, 5)])
def test_every_space_joins_the_contract(space):
    assert isinstance(space, Space)
    designs = space.random(500, torch_generator(0))
    assert designs.shape == (500, space.columns)
    space.check(designs)
    assert torch.equal(designs, space.random(500, torch_generator(0)))
    relaxed = space.relax(designs, torch.float64)
    assert relaxed.dtype == torch.float64
    assert len(relaxed) == 500
    relaxed.zero_()
    space.check(designs)
    assert len(space.decode(designs[:3])) == 3


def test_compositions_are_uniform():
    shares = ALLOY.random(20_000, torch_generator(1))
    # Each share of a uniform composition of three has the distribution function 1 - (1 - s)^2.
    grid = torch.linspace(0.05, 0.95, 10).double()
    seen = (shares[:, 0, None] < grid).double().mean(0)
    assert (seen - (1 - (1 - grid) ** 2)).abs().max() < 0.012


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BoxSpace((), ()), "at least one of each, not 0 and 0"),
        (lambda: BoxSpace((0.0,), (0.0,)), "variable x1 has limits 0 and 0"),
        (lambda: BoxSpace((0.0,), (math.nan,)), "variable x1"),
        (lambda: BoxSpace((0.0,), (1.0,), ("a", "b")), "2 names for 1 variables"),
        (lambda: SimplexSpace(("Fe",)), "at least two components, not 1"),
        (lambda: SimplexSpace(("Fe", "Ni", "Fe")), "'Fe' is given twice"),
        (lambda: BOX.check(torch.zeros(1, 3)), "3 variables; 4 are needed"),
        (lambda: BOX.check(torch.tensor([[2.0, 0, 3, -2]])), "design 1 has a = 2; .* 0 to 1"),
        (lambda: BOX.check(torch.tensor([[0.5, math.nan, 3, -2]])), "b = nan"),
        (lambda: ALLOY.check(torch.zeros(1, 4)), "4 components; 3 are needed"),
        (lambda: ALLOY.check(torch.tensor([[0.5, 0.6, -0.1]])), "Co = -0.1"),
        (lambda: ALLOY.check(torch.tensor([[0.5, 0.6, 0.1]])), "design 1 sum to 1.2"),
    ],
)
def test_what_is_wrong_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_limits_are_exact():
    box = BoxSpace((0.1,), (0.3,))
    box.check(torch.tensor([[0.1], [0.3]], dtype=torch.float64))


GRID = SimplexSpace(("Fe", "Ni", "Co"), grid_steps=4)


def test_every_composition_of_a_grid_is_as_likely():
    designs = GRID.random(30_000, torch_generator(2))
    GRID.check(designs)
    _, counts = GRID.amounts(designs).unique(dim=0, return_counts=True)
    assert len(counts) == 15
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3


@pytest.mark.parametrize("space", [ALLOY, GRID, SimplexSpace(("x y", "z1"), grid_steps=10_000)])
def test_compositions_are_read_as_they_were_written(space):
    designs = space.random(200, torch_generator(3))
    written = space.decode(designs)
    again = space.encode(written)
    assert (again - designs).abs().max() < 1e-5
    assert space.grid_steps is None or torch.equal(again, designs)
    assert space.grid_steps is None or space.decode(again) == written


def test_rounding_keeps_the_sum_and_what_is_absent():
    space = SimplexSpace(tuple("abcdef"), grid_steps=100)
    shares = SimplexSpace(tuple("abcdef")).random(500, torch_generator(4))
    shares[:, 2] = 0
    shares = shares / shares.sum(1, keepdim=True)
    rounded = space.on_grid(shares)
    space.check(rounded)
    assert (rounded - shares).abs().max() <= 0.01
    assert (rounded[:, 2] == 0).all()
    assert torch.equal(space.on_grid(rounded), rounded)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SimplexSpace(("a=b", "c")), "'a=b' cannot be called so"),
        (lambda: SimplexSpace(("a", "b"), grid_steps=0), "1 to 10000 steps, not 0"),
        (lambda: GRID.check(torch.tensor([[0.3, 0.7, 0.0]])), "Fe = 0.3, which is not on the grid"),
        (lambda: GRID.encode(["Fe=0.5, Cu=0.5"]), "'Cu=0.5' is no share of a component"),
        (lambda: GRID.encode(["Fe=1", "Fe=x"]), "composition 2 .*'x' is not a number"),
        (lambda: GRID.encode(["Fe=0.5, Ni=0.25"]), "sum to 0.75"),
        (lambda: ALLOY.on_grid(torch.ones(1, 3)), "a grid is needed"),
    ],
)
def test_what_is_wrong_with_a_grid_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
