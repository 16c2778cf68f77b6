"""Figures of the designs themselves: a logo, a ternary diagram, parallel coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from torch import Tensor

from designlib.notation import Choice, Quantity
from designlib.reports.logo import logo_figure
from designlib.reports.style import (
    GREY,
    Picture,
    colour_scale,
    legend_above,
    panels,
    to_png,
    with_units,
)
from designlib.spaces import DesignSpace, MixedSpace, SequenceSpace, SimplexSpace
from designlib.types import InputError

_MOST_AXES = 12
_HEIGHT = np.sqrt(3) / 2
_COLOURS = "viridis"

MaterialSpace: TypeAlias = SimplexSpace | MixedSpace


def design_figure(
    space: DesignSpace,
    designs: Sequence[str],
    predicted: Float[np.ndarray, "designs"],
    others: Sequence[str],
    *,
    names: tuple[str, str],
    both_strands: bool,
    value_name: str,
    units: str,
) -> Picture:
    """Return what designs look like beside others: a logo of sequences, else parallel coordinates.

    ``names`` say what the designs and the others are.
    """
    shown, beside = space.encode(list(designs)), space.encode(list(others))
    if isinstance(space, SequenceSpace):
        return logo_figure(space, shown, beside, both_strands=both_strands, names=names)
    return parallel_figure(
        space, shown, predicted, beside, beside=names[1], value_name=value_name, units=units
    )


def ternary_figure(
    space: MaterialSpace,
    candidates: Float[Tensor, "candidates columns"],
    predicted: Float[np.ndarray, "candidates"],
    measured: Float[Tensor, "measured columns"],
    values: Float[np.ndarray, "measured"],
    *,
    value_name: str,
    units: str,
) -> Picture:
    """Return candidates and measured compositions by the shares of three components.

    The three are those with the largest mean amount in the candidates; of two components the
    corner of a third stays empty.

    Raises InputError for no candidates.
    """
    shares = _shares(space, candidates)
    chosen = _commonest(shares, 3)
    named = [space.components[column] for column in chosen]
    figure, (axis,) = panels(1, 1, 6.4, 5.6)
    _triangle(axis, named)
    known, candidate = (_placed(one[:, chosen]) for one in (_shares(space, measured), shares))
    colours = {"cmap": _COLOURS, "vmin": float(values.min()), "vmax": float(values.max())}
    plain = {"s": 14 * known[:, 2] + 2, "alpha": 0.6, "linewidths": 0, "label": "measured"}
    axis.scatter(known[:, 0], known[:, 1], c=values, **plain, **colours)
    outlined = {"s": 60 * candidate[:, 2] + 12, "edgecolors": "black", "linewidths": 0.9}
    drawn = axis.scatter(
        *candidate[:, :2].T,
        c=predicted,
        label="candidates, predicted",
        zorder=3,
        **outlined,
        **colours,
    )
    colour_scale(figure, axis, drawn, with_units(value_name, units))
    legend_above(axis)
    return Picture(
        "ternary",
        "Where the candidates lie",
        to_png(figure),
        f"Shares of {', '.join(named)}, the most abundant components of the candidates, among each "
        "other; each corner is one of them alone. The smaller a point, the more there is of other "
        "components. Colours are measured and predicted values.",
    )


def parallel_figure(
    space: MaterialSpace,
    candidates: Float[Tensor, "candidates columns"],
    predicted: Float[np.ndarray, "candidates"],
    others: Float[Tensor, "others columns"],
    *,
    beside: str,
    value_name: str,
    units: str,
) -> Picture:
    """Return each candidate as a line over the amounts of its components and its variables.

    Grey behind them are other designs, which ``beside`` names. Each of the variables has a scale of
    its own.

    Raises InputError for no candidates.
    """
    shown = sorted(_commonest(_shares(space, candidates), _MOST_AXES))
    amounts = [100 * _shares(space, designs)[:, shown] for designs in (others, candidates)]
    top = max((float(one.max()) for one in amounts if one.size), default=100.0)
    variables = [*space.quantities, *space.choices] if isinstance(space, MixedSpace) else []
    names = [*(space.components[column] for column in shown), *map(_label, variables)]
    figure, (axis,) = panels(1, 1, max(6.0, 0.7 * len(names), 1.7 * len(variables)), 4.2)
    colour = ScalarMappable(Normalize(predicted.min(), predicted.max()), colormaps[_COLOURS])
    rows = []
    for amount, designs in zip(amounts, (others, candidates), strict=True):
        settings = space.values(designs) if isinstance(space, MixedSpace) else {}
        heights = [top * _heights(variable, settings[variable.name]) for variable in variables]
        rows.append(np.column_stack([amount, *heights]))
    behind, lines = rows
    places = np.arange(len(names))
    if len(behind):
        grey = axis.plot(places, behind.T, color=GREY, alpha=0.25, linewidth=0.9)
        grey[0].set_label(beside)
        legend_above(axis)
    for line, drawn in zip(lines, colour.to_rgba(predicted), strict=True):
        axis.plot(places, line, color=tuple(drawn), linewidth=1.2, alpha=0.85)
    axis.set_xticks(places, names)
    axis.set_ylim(0, 1.05 * top)
    if shown:
        axis.set_ylabel("amount (%)")
    else:
        axis.set_yticks([])
    for place, variable in enumerate(variables, start=len(shown)):
        _own_scale(axis, place, variable, top)
    colour_scale(figure, axis, colour, with_units(f"predicted {value_name}", units))
    left_out = len(space.components) - len(shown)
    more = f" The {left_out} least abundant components are left out." if left_out else ""
    over = ["the amounts of its components"] * bool(shown)
    over += ["its variables, each on a scale of its own"] * bool(variables)
    return Picture(
        "parallel",
        "What the candidates are made of",
        to_png(figure),
        f"One line per candidate over {' and '.join(over)}, coloured by the predicted value; "
        f"grey, {beside}.{more}",
    )


def _label(variable: Quantity | Choice) -> str:
    unit = variable.unit if isinstance(variable, Quantity) else ""
    return f"{variable.name}\n({unit})" if unit else variable.name


def _heights(variable: Quantity | Choice, values: Sequence[float] | Sequence[str]) -> np.ndarray:
    """Return where values lie on the scale of a variable, from 0 to 1."""
    if isinstance(variable, Quantity):
        return (np.array(values, float) - variable.low) / (variable.high - variable.low)
    places = [variable.options.index(str(value)) for value in values]
    return np.array(places, float) / (len(variable.options) - 1)


def _own_scale(axis: Axes, place: int, variable: Quantity | Choice, top: float) -> None:
    if isinstance(variable, Quantity):
        width = variable.high - variable.low
        ticks = {share: f"{variable.low + share * width:g}" for share in (0.0, 0.5, 1.0)}
    else:
        ticks = dict(zip(_heights(variable, variable.options), variable.options, strict=True))
    axis.axvline(place, color="black", linewidth=0.8, zorder=0)
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5}
    beside = {"xytext": (3, 2), "textcoords": "offset points"}
    for height, text in ticks.items():
        axis.annotate(text, (place, top * height), **beside, fontsize=7, bbox=box)


def _shares(
    space: MaterialSpace, designs: Float[Tensor, "designs columns"]
) -> Float[np.ndarray, "designs components"]:
    return designs[:, : len(space.components)].numpy()


def _commonest(shares: Float[np.ndarray, "designs components"], most: int) -> list[int]:
    """Return the columns of the largest mean shares, largest first, of equals the first."""
    if not len(shares):
        raise InputError("a diagram needs at least one candidate")
    return np.argsort(-shares.mean(0), kind="stable")[:most].tolist()


def _placed(shares: Float[np.ndarray, "designs chosen"]) -> Float[np.ndarray, "designs 3"]:
    """Return x, y in the triangle and the sum of the chosen shares.

    Designs without any of the three have no place; NaN draws nothing and keeps colours in line.
    """
    total = shares.sum(1)
    full = np.zeros((len(shares), 3))
    full[:, : shares.shape[1]] = shares
    with np.errstate(invalid="ignore"):
        full /= np.where(total > 0, total, np.nan)[:, None]
    return np.stack([full[:, 1] + full[:, 2] / 2, full[:, 2] * _HEIGHT, total], axis=1)


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
    places = ((0, -0.03), (1, -0.03), (0.5, _HEIGHT + 0.02))
    aligned = (("right", "top"), ("left", "top"), ("center", "bottom"))
    for name, place, (across, up) in zip(names, places, aligned, strict=False):
        axis.text(*place, name, ha=across, va=up, fontsize=10)
