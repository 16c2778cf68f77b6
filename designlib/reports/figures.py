"""The figures of a round: predictions, the walk, distances and training."""

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
    GREY,
    ORANGE,
    SERIES,
    VERMILION,
    Picture,
    legend_above,
    panels,
    plain_decades,
    to_png,
    with_units,
)
from designlib.types import InputError

__all__ = [
    "Points",
    "distance_figure",
    "ladder_figure",
    "predicted_against_known",
    "training_figure",
]

_HEXBIN_FROM = 1500  # single points hide each other beyond this many
_TICKS = 9
_DISTANCES = {"letters": "Hamming distance, the number of letters that differ."}
_MOVED = "How many steps of one component have to be replaced by another."
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
        cells = axis.hexbin(
            test.known, test.predicted, gridsize=45, bins="log", mincnt=1, cmap="Blues", vmin=0.4
        )
        bar = figure.colorbar(cells, ax=axis, shrink=0.7, pad=0.02)
        bar.set_label("held-out test designs per cell", fontsize=9)
        bar.ax.tick_params(labelsize=8)
        plain_decades(bar.ax.yaxis)
    else:
        axis.scatter(
            test.known, test.predicted, s=12, color=BLUE, alpha=0.5, linewidths=0,
            label="held-out test designs",
        )  # fmt: skip
    if candidates is not None:
        axis.scatter(
            candidates.known, candidates.predicted, s=24, color=ORANGE, edgecolors="black",
            linewidths=0.5, label="candidates", zorder=3,
        )  # fmt: skip
    every = np.concatenate([*test, *(candidates or ())])
    ends = [float(every.min()), float(every.max())]
    axis.plot(ends, ends, color=GREY, linestyle="--", linewidth=1, label="predicted = known")
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
        axes[0].fill_between(
            rows["rung"], rows["low"], rows["high"], color=colour, alpha=0.2, linewidth=0
        )
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
    places = rungs["rung"].tolist()
    shown = rungs.iloc[np.unique(np.linspace(0, len(rungs) - 1, _TICKS).round().astype(int))]
    for axis in axes:
        axis.set_xlim(places[0] - 0.5, places[-1] + 0.5)
        axis.set_xticks(shown["rung"].tolist(), [""] * len(shown))
    labels = [f"{row.rung}\n{row.step:,}" for row in shown.itertuples()]
    axes[2].set_xticklabels(labels)
    axes[2].set_xlabel("rung of the ladder, and below it the training step of its checkpoint")
    return Picture(
        "ladder",
        "The walk along the training trajectory",
        to_png(figure),
        f"Top: predicted {value_name} of the chains after each rung, always by the final "
        "predictor: the line is the median, the band holds 90 % of the chains. Middle: share "
        "of proposed moves that were accepted. Bottom: the factor by which each checkpoint's "
        "output is multiplied before it steers the walk. The walk is a search heuristic: what "
        "it ends in are not exact draws from a density.",
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
        f"similar measured design (median {np.median(to_measured):g}); far from measured ground a "
        "prediction is less to be trusted.",
    )


def training_figure(frame: pd.DataFrame, rungs: Sequence[int]) -> Picture:
    """Return the training curves of the ensemble's members.

    ``frame`` has one row per member and checkpoint: ``member``, ``step``, ``train_loss``,
    ``validation_loss``, ``validation_rank_correlation`` and ``spread`` (of the outputs, in
    units of the standardised target). ``rungs`` are the training steps that the ladder uses.
    """
    figure, axes = panels(3, 1, 7.0, 7.2)
    last = int(frame["step"].to_numpy().max())
    ticks = [0, *(10**power for power in range(len(str(last))))]
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
        axis.set_xscale("symlog", linthresh=1, linscale=0.4)
        axis.set_xlim(0, last * 1.1)
        axis.set_xticks(ticks, [""] * len(ticks))
        axis.plot(
            rungs, np.full(len(rungs), 0.04), "|", color="black", markersize=8,
            transform=axis.get_xaxis_transform(), label="rung of the ladder",
        )  # fmt: skip
    axes[2].set_xticklabels([f"{tick:,}" for tick in ticks])
    axes[2].set_xlabel("training step (logarithmic)")
    legend_above(axes[0])
    return Picture(
        "training",
        "How the predictors learned",
        to_png(figure),
        "One colour per member of the ensemble. Black ticks mark the checkpoints that the walk "
        "uses. Early ones know the broad trend only and their outputs hardly vary, so each is "
        "scaled by its spread before it steers the walk.",
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
