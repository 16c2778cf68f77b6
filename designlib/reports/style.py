"""The look that all figures share: colours, panels, legends, and PNG bytes.

Figures are made with matplotlib's objects, never with pyplot, so drawing one leaves
no trace in the process.
"""

from __future__ import annotations

import io
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "PURPLE",
    "SERIES",
    "VERMILION",
    "Picture",
    "legend_above",
    "panels",
    "plain_decades",
    "to_png",
    "with_units",
]

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
    handles, labels = axis.get_legend_handles_labels()
    axis.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=min(4, len(labels)),
        frameon=False,
        fontsize=9,
        borderaxespad=0.2,
        handlelength=1.6,
        columnspacing=1.4,
    )


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
