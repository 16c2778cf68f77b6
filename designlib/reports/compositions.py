"""Figures of compositions and variables: a ternary diagram and parallel coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from designlib.reports.style import GREY, Picture, legend_above, panels, to_png, with_units
from designlib.spaces import DesignSpace, MixedSpace
from designlib.types import InputError

__all__ = ["VariableAxis", "parallel_figure", "ternary_figure", "variable_axes"]

_MOST_AXES = 12
_HEIGHT = np.sqrt(3) / 2
_COLOURS = "viridis"


class VariableAxis(NamedTuple):
    """A vertical axis of its own scale."""

    label: str
    candidates: Float[np.ndarray, "candidates"]
    """Height of each candidate, from 0 to 1."""
    best: Float[np.ndarray, "best"]
    ticks: Sequence[tuple[float, str]]
    """Heights and what is written there."""


def variable_axes(
    space: DesignSpace,
    candidates: Float[Tensor, "candidates columns"],
    best: Float[Tensor, "best columns"],
) -> list[VariableAxis]:
    """Return an axis for each quantity, over its range, and for each choice; else none."""
    if not isinstance(space, MixedSpace):
        return []
    axes, ours, theirs = [], space.values(candidates), space.values(best)
    for quantity in space.quantities:
        low, width = quantity.low, quantity.high - quantity.low
        ticks = [(height, f"{low + height * width:g}") for height in (0.0, 0.5, 1.0)]
        heights = [(np.array(own[quantity.name], float) - low) / width for own in (ours, theirs)]
        label = f"{quantity.name}\n({quantity.unit})" if quantity.unit else quantity.name
        axes.append(VariableAxis(label, heights[0], heights[1], ticks))
    for choice in space.choices:
        place = {name: k / (len(choice.options) - 1) for k, name in enumerate(choice.options)}
        heights = [np.array([place[str(one)] for one in own[choice.name]], float)
                   for own in (ours, theirs)]  # fmt: skip
        ticks = [(height, name) for name, height in place.items()]
        axes.append(VariableAxis(choice.name, heights[0], heights[1], ticks))
    return axes


def ternary_figure(
    components: Sequence[str],
    candidates: Float[np.ndarray, "candidates components"],
    predicted: Float[np.ndarray, "candidates"],
    measured: Float[np.ndarray, "measured components"],
    values: Float[np.ndarray, "measured"],
    *,
    value_name: str,
    units: str,
) -> Picture:
    """Return candidates and measured compositions by the shares of three components.

    The three are those with the largest mean amount in the candidates; of two components the
    corner of a third stays empty. Shares from 0 to 1.

    Raises InputError for no candidates.
    """
    if not len(candidates):
        raise InputError("a diagram needs at least one candidate")
    chosen = _commonest(candidates, 3)
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axis = figure.add_subplot()
    _triangle(axis, [components[column] for column in chosen])
    low, high = float(values.min()), float(values.max())
    known, candidate = (_placed(shares[:, chosen]) for shares in (measured, candidates))
    shared = {"cmap": _COLOURS, "vmin": low, "vmax": high}
    axis.scatter(
        known[:, 0], known[:, 1], c=values, s=14 * known[:, 2] + 2, alpha=0.6, linewidths=0,
        label="measured", **shared,
    )  # fmt: skip
    drawn = axis.scatter(
        candidate[:, 0], candidate[:, 1], c=predicted, s=60 * candidate[:, 2] + 12,
        edgecolors="black", linewidths=0.9, label="candidates, predicted", zorder=3, **shared,
    )  # fmt: skip
    bar = figure.colorbar(drawn, ax=axis, shrink=0.7, pad=0.04)
    bar.set_label(with_units(value_name, units), fontsize=9)
    bar.ax.tick_params(labelsize=8)
    legend_above(axis)
    named = ", ".join(components[column] for column in chosen)
    return Picture(
        "ternary",
        "Where the candidates lie",
        to_png(figure),
        f"Shares of {named}, the components that the candidates have most of, among each other; "
        "each corner is one of them alone. The smaller a point, the more there is of other "
        "components. Colours are measured and predicted values.",
    )


def parallel_figure(
    components: Sequence[str],
    candidates: Float[np.ndarray, "candidates components"],
    predicted: Float[np.ndarray, "candidates"],
    best: Float[np.ndarray, "best components"],
    *,
    value_name: str,
    units: str,
    beside: str = "best measured",
    variables: Sequence[VariableAxis] = (),
) -> Picture:
    """Return each candidate as a line over the amounts of its components and its variables.

    Grey behind them are other designs, ``best``, that ``beside`` names. Shares from 0 to 1; each
    of the variables has a scale of its own.

    Raises InputError for no candidates.
    """
    if not len(candidates):
        raise InputError("a diagram needs at least one candidate")
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    shown = sorted(_commonest(candidates, _MOST_AXES))
    names = [*(components[column] for column in shown), *(one.label for one in variables)]
    figure, (axis,) = panels(1, 1, max(6.0, 0.7 * len(names), 1.7 * len(variables)), 4.2)
    colour = ScalarMappable(Normalize(predicted.min(), predicted.max()), colormaps[_COLOURS])
    colours = colour.to_rgba(predicted)
    place = np.arange(len(names))
    top = _top(np.vstack([best[:, shown], candidates[:, shown]]))
    behind, lines = (
        np.column_stack([100 * shares[:, shown], *(top * heights for heights in own)])
        for shares, own in (
            (best, [one.best for one in variables]),
            (candidates, [one.candidates for one in variables]),
        )
    )
    for number, row in enumerate(behind):
        label = beside if number == 0 else None
        axis.plot(place, row, color=GREY, alpha=0.25, linewidth=0.9, label=label)
    for row, drawn in zip(lines, colours, strict=True):
        axis.plot(place, row, color=tuple(drawn), linewidth=1.2, alpha=0.85)
    axis.set_xticks(place, names)
    axis.set_ylim(0, 1.05 * top)
    if shown:
        axis.set_ylabel("amount (%)")
    else:
        axis.set_yticks([])
    for number, one in enumerate(variables, start=len(shown)):
        _own_scale(axis, number, one.ticks, top)
    bar = figure.colorbar(colour, ax=axis, pad=0.02)
    bar.set_label(with_units(f"predicted {value_name}", units), fontsize=9)
    bar.ax.tick_params(labelsize=8)
    if len(best):
        legend_above(axis)
    left_out = len(components) - len(shown)
    more = f" {left_out} components that they have least of are left out." if left_out else ""
    return Picture(
        "parallel",
        "What the candidates are made of",
        to_png(figure),
        f"One line per candidate over {_over(shown, variables)}, coloured by the predicted value; "
        f"grey, {beside}.{more}",
    )


def _over(shown: Sequence[int], variables: Sequence[VariableAxis]) -> str:
    parts = ["the amounts of its components"] * bool(shown)
    parts += ["its variables, each on a scale of its own"] * bool(variables)
    return " and ".join(parts)


def _top(shares: Float[np.ndarray, "designs shown"]) -> float:
    """Return the largest amount that is drawn, in %."""
    return 100 * float(shares.max()) if shares.size else 100.0


def _own_scale(axis: Axes, place: int, ticks: Sequence[tuple[float, str]], top: float) -> None:
    axis.axvline(place, color="black", linewidth=0.8, zorder=0)
    for height, text in ticks:
        axis.annotate(
            text, (place, top * height), xytext=(3, 2), textcoords="offset points", fontsize=7,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
        )  # fmt: skip


def _commonest(shares: Float[np.ndarray, "designs components"], most: int) -> list[int]:
    """Return the columns of the largest mean shares, largest first, of equals the first."""
    order = np.argsort(-shares.mean(0), kind="stable")
    return [int(column) for column in order[: min(most, shares.shape[1])]]


def _placed(shares: Float[np.ndarray, "designs chosen"]) -> Float[np.ndarray, "designs 3"]:
    """Return x, y in the triangle and the sum of the chosen shares; only those that have any."""
    total = shares.sum(1)
    shares = shares[total > 0] / total[total > 0, None]
    full = np.zeros((len(shares), 3))
    full[:, : shares.shape[1]] = shares
    # Rows without any of the three have no place; NaN draws nothing and keeps colours in line.
    placed = np.full((len(total), 3), np.nan)
    placed[total > 0] = np.stack(
        [full[:, 1] + full[:, 2] / 2, full[:, 2] * _HEIGHT, total[total > 0]], axis=1
    )
    return placed


def _triangle(axis: Axes, names: Sequence[str]) -> None:
    axis.set_aspect("equal")
    axis.set_axis_off()
    corners = np.array([[0, 0], [1, 0], [0.5, _HEIGHT], [0, 0]])
    axis.plot(corners[:, 0], corners[:, 1], color="black", linewidth=1.0)
    for share in (0.2, 0.4, 0.6, 0.8):
        for first, second, third in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
            start = (1 - share) * corners[first] + share * corners[third]
            end = (1 - share) * corners[second] + share * corners[third]
            axis.plot(*zip(start, end, strict=True), color="#e0e0e0", linewidth=0.6, zorder=0)
    places = (((0, -0.03), "right", "top"), ((1, -0.03), "left", "top"),
              ((0.5, _HEIGHT + 0.02), "center", "bottom"))  # fmt: skip
    for name, ((x, y), across, up) in zip(names, places, strict=False):
        axis.text(x, y, name, ha=across, va=up, fontsize=10)
