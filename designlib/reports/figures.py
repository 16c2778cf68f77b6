"""The figures of a round: predictions, the ladder, distances and training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from designlib.predictors import rank_correlation
from designlib.reports.style import (
    BLUE,
    GREEN,
    ORANGE,
    SERIES,
    VERMILION,
    Picture,
    colour_scale,
    identity_line,
    legend_above,
    panels,
    plain_decades,
    to_png,
    training_axis,
    with_units,
)
from designlib.types import InputError

_HEXBIN_FROM = 1500  # single points hide each other beyond this many
_TICKS = 9
_DISTANCES = {
    "letters": "Hamming distance, the number of letters that differ.",
    "hundredths of ranges": "Sum of the differences of variables, in hundredths of their ranges.",
}
_MOVED = "The number of steps of one component that are replaced by another."
_STARTS = {"random": ("random starts", BLUE), "elite": ("elite starts", VERMILION)}


class Points(NamedTuple):
    """Predictions and what is known of the same designs, in the same units."""

    predicted: Float[np.ndarray, "designs"]
    known: Float[np.ndarray, "designs"]


def predicted_against_known(
    test: Points,
    candidates: Points | None,
    *,
    known_name: str,
    value_name: str,
    units: str,
) -> Picture:
    """Return predictions of held-out test designs, and of the candidates, against what is known.

    ``known_name`` says what the known values are: "measured", "true", "validation score of".
    """
    figure, (axis,) = panels(1, 1, 6.0, 5.6)
    if len(test.known) >= _HEXBIN_FROM:
        look = {"gridsize": 45, "bins": "log", "mincnt": 1, "cmap": "Blues", "vmin": 0.4}
        cells = axis.hexbin(test.known, test.predicted, **look)
        plain_decades(colour_scale(figure, axis, cells, "held-out test designs per cell"))
    else:
        look = {"s": 12, "color": BLUE, "alpha": 0.5, "linewidths": 0}
        axis.scatter(test.known, test.predicted, label="held-out test designs", **look)
    if candidates is not None:
        look = {"s": 24, "color": ORANGE, "edgecolors": "black", "linewidths": 0.5, "zorder": 3}
        axis.scatter(candidates.known, candidates.predicted, label="candidates", **look)
    identity_line(axis, [*test, *(candidates or ())], "predicted = known")
    axis.set_xlabel(with_units(f"{known_name} {value_name}", units))
    axis.set_ylabel(with_units(f"predicted {value_name}", units))
    legend_above(axis)
    said = [f"Held-out test designs: {_agreement(test, units)}."]
    if candidates is not None:
        said.append(
            f"Candidates: {_agreement(candidates, units)}; a narrow group of the best always "
            "correlates less than a whole table."
        )
    return Picture(
        f"predicted_against_{known_name.split(' ', maxsplit=1)[0].lower().replace('-', '_')}",
        f"Predicted against {known_name} {value_name}",
        to_png(figure),
        f"Each point is a design; on the dashed line the prediction equals the {known_name} "
        f"{value_name}. No predictor was fitted to the test designs. {' '.join(said)}",
    )


def ladder_figure(frame: pd.DataFrame, *, value_name: str, units: str) -> Picture:
    """Return the predicted value along the ladder, with acceptance rate and inverse temperature.

    ``frame`` has one row per rung and kind of start: ``rung``, ``step`` (training step of
    the rung's checkpoint), ``start`` ("random" or "elite"), ``low``, ``median`` and
    ``high`` (5 %, 50 % and 95 % of the chains' predicted values, by the final predictor),
    ``acceptance`` (0 to 1) and ``beta``.

    Raises InputError for another kind of start.
    """
    unknown = sorted(set(frame["start"]) - _STARTS.keys())
    if unknown:
        raise InputError(f"chains start at {unknown[0]!r}; {' and '.join(_STARTS)} are known")
    figure, axes = panels(3, 1, 7.0, 7.2)
    for start, (label, colour) in _STARTS.items():
        rows = frame.loc[frame["start"] == start, :].sort_values("rung")
        if rows.empty:
            continue
        band = {"color": colour, "alpha": 0.2, "linewidth": 0}
        axes[0].fill_between(rows["rung"], rows["low"], rows["high"], **band)
        line = {"color": colour, "marker": "o", "markersize": 3, "linewidth": 1.5, "label": label}
        axes[0].plot(rows["rung"], rows["median"], **line)
        axes[1].plot(rows["rung"], rows["acceptance"], **line)
    rungs = frame.drop_duplicates("rung").sort_values("rung")
    axes[2].plot(rungs["rung"], rungs["beta"], color=GREEN, marker="o", markersize=3)
    axes[0].set_ylabel(with_units(f"predicted {value_name}", units))
    axes[1].set_ylabel("acceptance rate")
    axes[1].set_ylim(0, 1)
    axes[2].set_ylabel("inverse temperature β")
    axes[2].set_yscale("log")
    plain_decades(axes[2].yaxis)
    legend_above(axes[0])
    shown = rungs.iloc[np.unique(np.linspace(0, len(rungs) - 1, _TICKS).round().astype(int))]
    labels = [f"{row.rung}\n{row.step:,}" for row in shown.itertuples()]
    for axis in axes:
        axis.set_xlim(rungs["rung"].min() - 0.5, rungs["rung"].max() + 0.5)
        axis.set_xticks(shown["rung"].tolist(), labels)
        axis.label_outer()
    axes[2].set_xlabel("rung of the ladder, and below it the training step of its checkpoint")
    return Picture(
        "ladder",
        "Sampling along the training trajectory",
        to_png(figure),
        f"Top: {value_name} of the chains after each rung, as the final predictor predicts it; the "
        "line is the median, the band holds 90 % of the chains. Middle: share of proposed moves "
        "that were accepted. Bottom: the factor by which each checkpoint's output is multiplied. "
        "Sampling is a search heuristic: its end states are not exact draws from a density.",
    )


def distance_figure(
    pairwise: Int[np.ndarray, "candidates candidates"],
    to_measured: Int[np.ndarray, "candidates"],
    units: str = "letters",
) -> Picture:
    """Return how far the candidates are from each other and from measured designs.

    ``units`` are letters, or the steps that have to be moved within a composition.
    """
    figure, axes = panels(1, 2, 7.6, 3.6)
    among = pairwise[np.triu_indices(len(pairwise), 1)]
    _bars(axes[0], among, BLUE)
    axes[0].set_ylabel("share of pairs (%)")
    axes[0].set_xlabel(f"distance between\ntwo candidates ({units})")
    _bars(axes[1], to_measured, ORANGE)
    axes[1].set_ylabel("share of candidates (%)")
    axes[1].set_xlabel(f"distance to the nearest\nmeasured design ({units})")
    mean = f"{among.mean():.1f} {units} on average" if among.size else "not defined for one"
    return Picture(
        "distances",
        "Diversity and novelty",
        to_png(figure),
        f"{_DISTANCES.get(units, _MOVED)} Left: between candidates "
        f"({mean}); few near-copies mean a diverse plate. Right: from each candidate to the most "
        f"similar measured design (median {np.median(to_measured):g}); the farther away, the less "
        "reliable the prediction.",
    )


def training_figure(frame: pd.DataFrame, rungs: Sequence[int]) -> Picture:
    """Return the training curves of the ensemble's members.

    ``frame`` has one row per member and checkpoint: ``member``, ``step``, ``train_loss``,
    ``validation_loss``, ``validation_rank_correlation`` and ``spread`` (of the outputs, in
    units of the standardised target). ``rungs`` are the training steps that the ladder uses.
    """
    figure, axes = panels(3, 1, 7.0, 7.2)
    last = int(frame["step"].to_numpy().max())
    for at, (member, rows) in enumerate(frame.sort_values("step").groupby("member")):
        line = {"color": SERIES[at % len(SERIES)], "linewidth": 1.4}
        axes[0].plot(rows["step"], rows["validation_loss"], **line, label=f"member {member}")
        axes[0].plot(rows["step"], rows["train_loss"], **line, linestyle=":")
        axes[1].plot(rows["step"], rows["validation_rank_correlation"], **line)
        axes[2].plot(rows["step"], rows["spread"], **line)
    axes[0].set_ylabel("squared error (solid:\nvalidation, dotted: train)")
    axes[0].set_yscale("log")
    plain_decades(axes[0].yaxis)
    axes[1].set_ylabel("validation rank correlation\n(Spearman)")
    axes[2].set_ylabel("spread of outputs\n(standardised units)")
    for axis in axes:
        training_axis(axis, last, rungs)
        axis.label_outer()
    legend_above(axes[0])
    return Picture(
        "training",
        "How the predictors learned",
        to_png(figure),
        "One colour per member of the ensemble. Black ticks mark the checkpoints that the chains "
        "follow. Early ones know only the broad trend and hardly vary, so each is scaled by the "
        "spread of its outputs.",
    )


def _agreement(points: Points, units: str) -> str:
    """Return count, rank correlation and root mean squared error in words."""
    rmse = float(np.sqrt(np.mean((points.predicted - points.known) ** 2)))
    if np.ptp(points.predicted) == 0 or np.ptp(points.known) == 0:
        spearman = "undefined"
    else:
        spearman = f"{rank_correlation(points.predicted, points.known):.2f}"
    error = f"{rmse:.3g} {units}".strip()
    return f"n = {len(points.known):,}, RMSE {error}, Spearman correlation {spearman}"


def _bars(axis: Axes, distances: Int[np.ndarray, "pairs"], colour: str) -> None:
    """Draw the share of each whole distance."""
    if distances.size:
        values, counts = np.unique(distances, return_counts=True)
        axis.bar(values, counts / counts.sum() * 100, width=0.85, color=colour)
        axis.set_xlim(min(0, values.min()) - 0.6, values.max() + 0.6)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=_TICKS))
    axis.grid(visible=False, axis="x")
