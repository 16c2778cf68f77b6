"""Figures of compositions: what they show, for few and for many components."""

import numpy as np
import pytest
import torch

from designlib.reports.designs import parallel_figure, ternary_figure
from designlib.spaces import SimplexSpace
from designlib.types import InputError

NAMES = {"value_name": "activity", "units": "mA"}


def shares(rows, components, seed=0):
    amounts = np.random.default_rng(seed).exponential(size=(rows, components))
    return torch.from_numpy(amounts / amounts.sum(1, keepdims=True))


@pytest.mark.parametrize("components", [2, 3, 5, 20])
def test_the_figures_are_drawn_and_say_what_they_leave_out(components):
    space = SimplexSpace(tuple(f"c{index}" for index in range(components)), 100)
    candidates, measured = shares(24, components), shares(100, components, 1)
    # A measured composition of none of the three commonest components has no place.
    measured[0] = torch.eye(components)[int(candidates.mean(0).argmin())]
    predicted, values = np.linspace(1, 2, 24), np.linspace(0, 2, 100)
    first = ternary_figure(space, candidates, predicted, measured, values, **NAMES)
    second = parallel_figure(
        space, candidates, predicted, measured[:24], beside="best measured designs", **NAMES
    )
    for picture in (first, second):
        assert picture.png.startswith(b"\x89PNG")
    assert space.components[int(candidates.mean(0).argmax())] in first.caption
    assert ("8 least abundant components" in second.caption) == (components == 20)
    again = ternary_figure(space, candidates, predicted, measured, values, **NAMES)
    assert again.png == first.png


def test_without_candidates_nothing_is_drawn():
    space, empty, none = SimplexSpace(("a", "b", "c"), 10), shares(0, 3), np.zeros(0)
    with pytest.raises(InputError, match="at least one candidate"):
        ternary_figure(space, empty, none, empty, none, **NAMES)
    with pytest.raises(InputError, match="at least one candidate"):
        parallel_figure(space, empty, none, empty, beside="others", **NAMES)
