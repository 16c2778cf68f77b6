"""Figures of compositions: what they show, for few and for many components."""

import numpy as np
import pytest

from designlib.reports.compositions import parallel_figure, ternary_figure
from designlib.types import InputError


def shares(rows, components, seed=0):
    amounts = np.random.default_rng(seed).exponential(size=(rows, components))
    return amounts / amounts.sum(1, keepdims=True)


@pytest.mark.parametrize("components", [2, 3, 5, 20])
def test_the_figures_are_drawn_and_say_what_they_leave_out(components):
    names = [f"c{index}" for index in range(components)]
    candidates, measured = shares(24, components), shares(100, components, 1)
    # A measured composition of none of the three commonest components has no place.
    measured[0] = np.eye(components)[np.argmin(candidates.mean(0))]
    predicted, values = np.linspace(1, 2, 24), np.linspace(0, 2, 100)
    text = {"value_name": "activity", "units": "mA"}
    first = ternary_figure(names, candidates, predicted, measured, values, **text)
    second = parallel_figure(
        names, candidates, predicted, measured[:24], value_name="activity", units="mA"
    )
    for picture in (first, second):
        assert picture.png.startswith(b"\x89PNG")
    commonest = names[int(np.argmax(candidates.mean(0)))]
    assert commonest in first.caption
    assert ("8 components" in second.caption) == (components == 20)
    again = ternary_figure(names, candidates, predicted, measured, values, **text)
    assert again.png == first.png


def test_without_candidates_nothing_is_drawn():
    empty, none = shares(0, 3), np.zeros(0)
    with pytest.raises(InputError, match="at least one candidate"):
        ternary_figure("abc", empty, none, empty, none, value_name="y", units="")
    with pytest.raises(InputError, match="at least one candidate"):
        parallel_figure("abc", empty, none, empty, value_name="y", units="")
