"""Figures of compositions: a ternary diagram and parallel coordinates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from designlib.reporting.style import GREY, Picture, legend_above, panels, to_png, with_units
from designlib.types import InputError

__all__ = ["parallel_figure", "ternary_figure"]

_MOST_AXES = 12
_HEIGHT = np.sqrt(3) / 2
_COLOURS = "viridis"


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
) -> Picture:
    """Return each candidate as a line over the amounts of its components.

    Grey behind them are other designs, ``best``, that ``beside`` names. Shares from 0 to 1.
    Raises InputError for no candidates.
    """
    if not len(candidates):
        raise InputError("a diagram needs at least one candidate")
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    shown = sorted(_commonest(candidates, _MOST_AXES))
    figure, (axis,) = panels(1, 1, max(6.0, 0.7 * len(shown)), 4.2)
    colour = ScalarMappable(Normalize(predicted.min(), predicted.max()), colormaps[_COLOURS])
    colours = colour.to_rgba(predicted)
    place = np.arange(len(shown))
    for number, row in enumerate(100 * best[:, shown]):
        label = beside if number == 0 else None
        axis.plot(place, row, color=GREY, alpha=0.25, linewidth=0.9, label=label)
    for row, drawn in zip(100 * candidates[:, shown], colours, strict=True):
        axis.plot(place, row, color=tuple(drawn), linewidth=1.2, alpha=0.85)
    axis.set_xticks(place, [components[column] for column in shown])
    axis.set_ylabel("amount (%)")
    axis.set_ylim(bottom=0)
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
        "One line per candidate over the amounts of its components, coloured by the predicted "
        f"value; grey, {beside}.{more}",
    )


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
