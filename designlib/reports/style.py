"""The look that all figures share: colours, panels, legends, scales, and PNG bytes.

Figures are made with matplotlib's objects, never with pyplot, so drawing one leaves
no trace in the process.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import ArrayLike

# Okabe and Ito's palette, told apart by colour-blind readers (jfly.uni-koeln.de/color).
BLUE, VERMILION, GREEN = "#0072B2", "#D55E00", "#009E73"
ORANGE, PURPLE, SKY, GREY = "#E69F00", "#CC79A7", "#56B4E9", "#666666"
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, "#000000")

_DPI = 150


class Picture(NamedTuple):
    """A finished figure."""

    name: str
    """File name without its ending."""
    title: str
    png: bytes
    caption: str
    """What is shown and how to read it, in full sentences."""


def panels(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure of the given size in inches and its panels, row by row."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = [figure.add_subplot(rows, columns, at + 1) for at in range(rows * columns)]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(visible=True, color="#e6e6e6", linewidth=0.6)
        axis.set_axisbelow(True)
        axis.tick_params(labelsize=9)
        axis.xaxis.label.set_fontsize(9.5)
        axis.yaxis.label.set_fontsize(9.5)
    return figure, axes


def legend_above(axis: Axes) -> None:
    """Put the legend over the panel's upper edge, where it covers no data."""
    labels = axis.get_legend_handles_labels()[1]
    style = {"fontsize": 9, "borderaxespad": 0.2, "handlelength": 1.6, "columnspacing": 1.4}
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": min(4, len(labels))}
    axis.legend(frameon=False, **place, **style)


def colour_scale(figure: Figure, axis: Axes, drawn: ScalarMappable, label: str) -> Axis:
    """Put the scale of colours beside a panel and return its axis."""
    bar = figure.colorbar(drawn, ax=axis, shrink=0.8, pad=0.02)
    bar.set_label(label, fontsize=9)
    bar.ax.tick_params(labelsize=8)
    return bar.ax.yaxis


def scatter_by_round(
    axis: Axes, across: ArrayLike, up: ArrayLike, rounds: ArrayLike, last: int
) -> None:
    """Draw one point per candidate, coloured by its round; ``last`` is the latest of all."""
    outline = {"edgecolors": "black", "linewidths": 0.3}
    points = axis.scatter(
        across, up, c=rounds, s=22, cmap="viridis", vmin=1, vmax=max(2, last), **outline
    )
    scale = colour_scale(axis.figure.figure, axis, points, "round")
    scale.set_major_locator(MaxNLocator(integer=True))


def identity_line(axis: Axes, values: Sequence[ArrayLike], label: str) -> None:
    """Draw the dashed line on which both coordinates are equal, over the range of the values."""
    every = np.concatenate(values)
    ends = [float(every.min()), float(every.max())]
    axis.plot(ends, ends, color=GREY, linestyle="--", linewidth=1, label=label)


def round_axis(axis: Axes) -> None:
    """Label the horizontal axis with whole rounds."""
    axis.set_xlabel("round")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))


def training_axis(axis: Axes, last: int, rungs: Sequence[int] = ()) -> None:
    """Make the horizontal axis one of training steps, logarithmic from 1 on, with rungs marked."""
    axis.set_xscale("symlog", linthresh=1, linscale=0.4)
    axis.set_xlim(0, last * 1.1)
    ticks = [0, *(10**power for power in range(len(str(last))))]
    axis.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axis.set_xlabel("training step (logarithmic)")
    if rungs:
        low = {"transform": axis.get_xaxis_transform(), "color": "black", "markersize": 8}
        axis.plot(rungs, [0.04] * len(rungs), "|", **low, label="rung of the ladder")


def plain_decades(axis: Axis) -> None:
    """Label a logarithmic axis 0.1, 0.2, 0.5, 1 in place of powers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def to_png(figure: Figure, dpi: int = _DPI) -> bytes:
    """Return the figure as PNG, without the version of the library that drew it."""
    sink = io.BytesIO()
    figure.savefig(sink, format="png", dpi=dpi, metadata={"Software": None})
    return sink.getvalue()


def with_units(name: str, units: str) -> str:
    """Return an axis label.

    >>> with_units("predicted fluorescence", "a.u.")
    'predicted fluorescence (a.u.)'
    """
    return f"{name} ({units})" if units else name
