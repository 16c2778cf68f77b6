"""The figures of a campaign of several rounds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from designlib.reports.calibration import EXPECTED_WITHIN
from designlib.reports.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILION,
    Picture,
    legend_above,
    panels,
    to_png,
    with_units,
)

__all__ = [
    "calibration_figure",
    "ground_figure",
    "learning_figure",
    "map_figure",
    "progress_figure",
    "scatter_figure",
]


def progress_figure(candidates: pd.DataFrame, value: str, units: str, *, maximise: bool) -> Picture:
    """Return best, median and spread of the measured candidates of each round.

    ``candidates`` has ``round``, ``measured_value`` and ``predicted_mean``; a round without any
    measured value shows its predictions.
    """
    figure, (axis,) = panels(1, 1, 7.0, 4.4)
    known = candidates[candidates["measured_value"].notna()]
    rounds = known.groupby("round")["measured_value"]
    low, median, high = (rounds.quantile(share) for share in (0.1, 0.5, 0.9))
    best = rounds.max() if maximise else rounds.min()
    numbers = median.index.to_numpy()
    axis.vlines(numbers, low, high, color=BLUE, linewidth=5, alpha=0.35, label="10 to 90 %")
    axis.plot(numbers, median, "o-", color=BLUE, markersize=5, label="median")
    axis.plot(numbers, best, "^", color=VERMILION, markersize=7, label="best of the round")
    so_far = best.cummax() if maximise else best.cummin()
    axis.step(numbers, so_far, where="post", color=VERMILION, linewidth=1, label="best so far")
    waiting = candidates[~candidates["round"].isin(numbers)]
    if len(waiting):
        predicted = waiting.groupby("round")["predicted_mean"].median()
        axis.plot(predicted.index, predicted, "s", color=GREY, markerfacecolor="none",
                  label="predicted, not measured yet")  # fmt: skip
    _rounds(axis)
    axis.set_ylabel(with_units(value, units))
    legend_above(axis)
    return Picture(
        "progress",
        "Is it getting better?",
        to_png(figure),
        "Measured values of the candidates of each round: the median, the range of all but the "
        "highest and the lowest tenth, and the best.",
    )


def scatter_figure(candidates: pd.DataFrame, value: str, units: str) -> Picture:
    """Return predicted against measured values, coloured by round."""
    figure, (axis,) = panels(1, 1, 6.4, 5.4)
    known = candidates[candidates["measured_value"].notna()]
    points = axis.scatter(
        known["measured_value"], known["predicted_mean"], c=known["round"], s=22, cmap="viridis",
        edgecolors="black", linewidths=0.3, vmin=1, vmax=max(2, int(candidates["round"].max())),
    )  # fmt: skip
    both = np.concatenate([known["measured_value"], known["predicted_mean"]])
    ends = [both.min(), both.max()]
    axis.plot(ends, ends, color=GREY, linestyle="--", linewidth=1, label="predicted = measured")
    bar = figure.colorbar(points, ax=axis, shrink=0.8, pad=0.02)
    bar.set_label("round", fontsize=9)
    bar.ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel(with_units(f"measured {value}", units))
    axis.set_ylabel(with_units(f"predicted {value}", units))
    legend_above(axis)
    return Picture(
        "predicted",
        "Predicted against measured",
        to_png(figure),
        "Each point is a candidate, predicted before anybody had measured it. Points below the "
        "line turned out larger than predicted, points above it smaller.",
    )


def calibration_figure(calibration: pd.DataFrame) -> Picture:
    """Return how many measured values lie within one and two standard deviations, by round.

    ``calibration`` is what `calibration_by_round` returns.
    """
    figure, (axis,) = panels(1, 1, 7.0, 3.8)
    for (k, expected), colour in zip(EXPECTED_WITHIN.items(), (BLUE, GREEN), strict=True):
        label = f"within {k} standard deviation{'s' if k > 1 else ''}"
        share = calibration[f"within_{k}"]
        axis.plot(calibration["round"], share, "o-", color=colour, markersize=5, label=label)
        axis.axhline(expected, color=colour, linestyle=":", linewidth=1)
    axis.set_ylim(-0.03, 1.03)
    axis.set_ylabel("share of the candidates")
    _rounds(axis)
    legend_above(axis)
    return Picture(
        "calibration",
        "Do the standard deviations match the errors?",
        to_png(figure),
        "Share of the measured values that lie within one and two standard deviations of "
        "the ensemble around the prediction. Dotted: the shares of a normal distribution, 68 % and "
        "95 %. Curves below the dotted lines mean that the ensemble is overconfident.",
    )


def learning_figure(curves: pd.DataFrame) -> Picture:
    """Return what the predictors of a round have learned at each checkpoint.

    ``curves`` has ``step``, ``rank_correlation`` and, for sequences, ``variance_of_single_sites``
    and ``variance_of_pairs``, one row for each checkpoint of each member.
    """
    figure, (axis,) = panels(1, 1, 7.0, 3.8)
    names = {
        "rank_correlation": ("rank correlation with validation designs", "-", BLUE),
        "variance_of_single_sites": ("variance of single sites", "--", ORANGE),
        "variance_of_pairs": ("variance of pairs", ":", VERMILION),
    }
    means = curves.groupby("step").mean()
    for column, (label, style, colour) in names.items():
        if column in means:
            axis.plot(means.index, means[column], style, color=colour, linewidth=1.6, label=label)
    axis.set_xscale("symlog", linthresh=1)
    axis.set_xlabel("training step")
    axis.set_ylim(min(-0.05, float(means["rank_correlation"].min()) - 0.05), 1.05)
    axis.set_ylabel("share, or correlation")
    legend_above(axis)
    return Picture(
        "learning",
        "In which order the predictor learned",
        to_png(figure),
        "Mean over the members of the latest round. How well each checkpoint ranks validation "
        "designs, and which share of its own variance single sites and pairs of sites explain; "
        "the rest are higher interactions. Chains walk these checkpoints from left to right.",
    )


def ground_figure(candidates: pd.DataFrame, diversity: pd.Series) -> Picture:
    """Return how far each round went from what was measured, and how diverse it is.

    ``candidates`` has ``round`` and ``distance_to_measured``; ``diversity`` is the mean distance
    between two candidates of a round, indexed by round.
    """
    figure, (axis,) = panels(1, 1, 7.0, 3.8)
    distance = candidates.groupby("round")["distance_to_measured"]
    numbers = distance.mean().index.to_numpy()
    axis.vlines(numbers, distance.min(), distance.max(), color=ORANGE, linewidth=5, alpha=0.4)
    axis.plot(numbers, distance.mean(), "o-", color=ORANGE, markersize=5,
              label="to the nearest measured (mean, range)")  # fmt: skip
    axis.plot(diversity.index, diversity, "s-", color=BLUE, markersize=5,
              label="between two of the round (mean)")  # fmt: skip
    axis.set_ylim(bottom=0)
    axis.set_ylabel("distance")
    _rounds(axis)
    legend_above(axis)
    return Picture(
        "ground",
        "How far from measured ground?",
        to_png(figure),
        "Distance of the candidates to the nearest design that was measured when they were "
        "proposed, and between each other. Predictions far from measured ground are "
        "extrapolations; a batch whose members are alike teaches little.",
    )


def map_figure(distances: Int[np.ndarray, "designs designs"], rounds: pd.Series) -> Picture:
    """Return all candidates on a plane that keeps distances as well as it can, by round."""
    figure, (axis,) = panels(1, 1, 6.4, 5.4)
    places = _plane(distances.astype(np.float64))
    points = axis.scatter(
        places[:, 0], places[:, 1], c=rounds, s=22, cmap=colormaps["viridis"], vmin=1,
        vmax=max(2, int(rounds.max())), edgecolors="black", linewidths=0.3,
    )  # fmt: skip
    bar = figure.colorbar(points, ax=axis, shrink=0.8, pad=0.02)
    bar.set_label("round", fontsize=9)
    bar.ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_aspect("equal", adjustable="datalim")
    return Picture(
        "map",
        "Where the rounds are",
        to_png(figure),
        "All candidates on a plane, near each other where their designs are alike (classical "
        "multidimensional scaling of the distances between designs). The axes have no meaning of "
        "their own.",
    )


def _plane(distances: Float[np.ndarray, "designs designs"]) -> Float[np.ndarray, "designs 2"]:
    """Return classical multidimensional scaling (Torgerson 1952) in two dimensions."""
    squares = distances**2
    centred = squares - squares.mean(0) - squares.mean(1)[:, None] + squares.mean()
    values, vectors = np.linalg.eigh(-0.5 * centred)
    top = np.argsort(values)[::-1][:2]
    axes = vectors[:, top] * np.sqrt(np.maximum(values[top], 0.0))
    # An eigenvector may point either way; the largest entry is made positive.
    signs = np.sign(axes[np.abs(axes).argmax(0), [0, 1][: axes.shape[1]]])
    return axes * np.where(signs == 0, 1.0, signs)


def _rounds(axis: Axes) -> None:
    axis.set_xlabel("round")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
