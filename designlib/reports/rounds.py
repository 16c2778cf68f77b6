"""The rounds of a campaign compared: calibration, fronts, and their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from sklearn.manifold import ClassicalMDS

from designlib.predictors import rank_correlation
from designlib.reports.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILION,
    Picture,
    identity_line,
    legend_above,
    panels,
    round_axis,
    scatter_by_round,
    to_png,
    training_axis,
    with_units,
)
from designlib.selection import coverage, hypervolume, non_dominated

EXPECTED_WITHIN = {1: 0.683, 2: 0.954}
"""Share of a normal distribution within so many standard deviations."""

Objectives = Sequence[Mapping[str, Any]]
"""Objectives as a ledger records them: name, maximise and reference, the first one first."""


def progress_figure(candidates: pd.DataFrame, value: str, units: str, *, maximise: bool) -> Picture:
    """Return best, median and range of the measured candidates of each round.

    ``candidates`` has ``round``, ``measured_value`` and ``predicted_mean``; a round without any
    measured value shows its predictions.
    """
    figure, (axis,) = panels(1, 1, 7.0, 4.4)
    rounds = _measured(candidates).groupby("round")["measured_value"]
    low, median, high = (rounds.quantile(share) for share in (0.1, 0.5, 0.9))
    best = rounds.max() if maximise else rounds.min()
    so_far = best.cummax() if maximise else best.cummin()
    numbers = median.index.to_numpy()
    axis.vlines(numbers, low, high, color=BLUE, linewidth=5, alpha=0.35, label="10 to 90 %")
    axis.plot(numbers, median, "o-", color=BLUE, markersize=5, label="median")
    axis.plot(numbers, best, "^", color=VERMILION, markersize=7, label="best of the round")
    axis.step(numbers, so_far, where="post", color=VERMILION, linewidth=1, label="best so far")
    waiting = candidates[~candidates["round"].isin(numbers)]
    if len(waiting):
        predicted = waiting.groupby("round")["predicted_mean"].median()
        axis.plot(predicted.index, predicted, "s", color=GREY, markerfacecolor="none")
        axis.lines[-1].set_label("predicted, not measured yet")
    round_axis(axis)
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
    known = _measured(candidates)
    pair = (known["measured_value"], known["predicted_mean"])
    scatter_by_round(axis, *pair, known["round"], int(candidates["round"].max()))
    identity_line(axis, pair, "predicted = measured")
    axis.set_xlabel(with_units(f"measured {value}", units))
    axis.set_ylabel(with_units(f"predicted {value}", units))
    legend_above(axis)
    return Picture(
        "predicted",
        "Predicted against measured",
        to_png(figure),
        "Each point is a candidate, predicted before it was measured. Points below the line turned "
        "out larger than predicted, points above it smaller.",
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
    round_axis(axis)
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
    training_axis(axis, int(means.index.max()))
    axis.set_ylim(min(-0.05, float(means["rank_correlation"].min()) - 0.05), 1.05)
    axis.set_ylabel("share, or correlation")
    legend_above(axis)
    return Picture(
        "learning",
        "In which order the predictor learned",
        to_png(figure),
        "Mean over the members of the latest round. How well each checkpoint ranks validation "
        "designs, and which share of its own variance single sites and pairs of sites explain; "
        "the rest are higher interactions. Chains follow these checkpoints from left to right.",
    )


def distances_figure(
    candidates: pd.DataFrame, distances: Int[np.ndarray, "designs designs"]
) -> Picture:
    """Return how far each round is from what was measured, and how diverse it is.

    ``candidates`` has ``round`` and ``distance_to_measured``; ``distances`` are those between
    candidates.
    """
    figure, (axis,) = panels(1, 1, 7.0, 3.8)
    distance = candidates.groupby("round")["distance_to_measured"]
    numbers = distance.mean().index.to_numpy()
    diversity = []
    for number in numbers:
        of_round = (candidates["round"] == number).to_numpy()
        pairs = of_round.sum() * (of_round.sum() - 1)
        diversity.append(distances[np.ix_(of_round, of_round)].sum() / max(1, pairs))
    axis.vlines(numbers, distance.min(), distance.max(), color=ORANGE, linewidth=5, alpha=0.4)
    nearest = "to the nearest measured (mean, range)"
    axis.plot(numbers, distance.mean(), "o-", color=ORANGE, markersize=5, label=nearest)
    among = "between two of the round (mean)"
    axis.plot(numbers, diversity, "s-", color=BLUE, markersize=5, label=among)
    axis.set_ylim(bottom=0)
    axis.set_ylabel("distance")
    round_axis(axis)
    legend_above(axis)
    return Picture(
        "distances",
        "How far from measured designs?",
        to_png(figure),
        "Distance of the candidates to the nearest design that was measured when they were "
        "proposed, and between each other. Predictions far from measured designs are "
        "extrapolations; a batch whose members are alike teaches little.",
    )


def map_figure(distances: Int[np.ndarray, "designs designs"], rounds: pd.Series) -> Picture:
    """Return all candidates on a plane that keeps distances as well as it can, by round."""
    figure, (axis,) = panels(1, 1, 6.4, 5.4)
    with np.errstate(invalid="ignore"):
        places = ClassicalMDS(metric="precomputed").fit_transform(distances)
    # Distances that no plane has give negative eigenvalues, and these coordinates of NaN.
    across, up = np.nan_to_num(places).T
    scatter_by_round(axis, across, up, rounds, int(rounds.max()))
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


def front_figure(candidates: pd.DataFrame, objectives: Objectives) -> Picture:
    """Return the first two objectives of all measured candidates, and hypervolume by round."""
    known, points = _points(candidates, objectives)
    figure, (above, below) = panels(2, 1, 7.0, 8.6)
    across, up = _columns(objectives)[:2]
    last = int(candidates["round"].max())
    scatter_by_round(above, known[across], known[up], known["round"], last)
    front = known[non_dominated(points)].sort_values(across)
    look = {"color": VERMILION, "markerfacecolor": "none", "markersize": 8, "linewidth": 1}
    above.plot(front[across], front[up], "o--", label="front", **look)
    for label, objective in zip((above.set_xlabel, above.set_ylabel), objectives, strict=False):
        better = "more" if objective["maximise"] else "less"
        label(f"measured {objective['name']} ({better} is better)")
    legend_above(above)
    fronts = fronts_by_round(candidates, objectives)
    below.plot(fronts["round"], fronts["hypervolume"], "o-", color=BLUE, markersize=5)
    below.set_ylim(0, 1.03)
    round_axis(below)
    below.set_ylabel("hypervolume of the front so far")
    return Picture(
        "front",
        "The front of the objectives",
        to_png(figure),
        "Above: measured candidates; no other candidate is as good in every objective and better "
        "in one than those on the front. Below: the share that the front dominates of the box "
        "between the median of the first table and the best value of each objective.",
    )


def fronts_by_round(candidates: pd.DataFrame, objectives: Objectives) -> pd.DataFrame:
    """Return the front and its hypervolume, of the candidates measured up to each round.

    Columns: round, designs (with every objective measured), on_front, and hypervolume above the
    reference, as a share of the box from it to the best value of each objective in all rounds.
    No rows where there are no objectives, or no candidate has all of them measured.
    """
    if not objectives:
        return pd.DataFrame()
    known, points = _points(candidates, objectives)
    reference = np.array([_signed(o, o["reference"]) for o in objectives])
    box = float(np.maximum(points.max(0) - reference, 0.0).prod()) if len(points) else 0.0
    rows = []
    for number in sorted(known["round"].unique()):
        until = points[(known["round"] <= number).to_numpy()]
        row: dict[str, float] = {"round": int(number), "designs": len(until)}
        row["on_front"] = int(non_dominated(until).sum())
        row["hypervolume"] = hypervolume(until, reference) / box if box > 0 else 0.0
        rows.append(row)
    return pd.DataFrame(rows)


def calibration_by_round(candidates: pd.DataFrame) -> pd.DataFrame:
    """Return one row per round with at least one measured candidate.

    ``candidates`` has ``round``, ``predicted_mean``, ``predicted_std`` and ``measured_value``,
    which is NaN if unknown. Columns of the result: round, designs, bias (mean of measured less
    predicted), rmse, rank_correlation (0 for fewer than three designs), within_1 and within_2
    (share of the measured values within one and two standard deviations of the prediction), and
    std_factor, the root mean square of the errors in standard deviations; infinite if these are
    zero. If candidates have intervals, in_interval is the share of measured values inside them.
    """
    rows = []
    for number, batch in _measured(candidates).groupby("round"):
        predicted = batch["predicted_mean"].to_numpy(dtype=np.float64)
        measured = batch["measured_value"].to_numpy(dtype=np.float64)
        std = batch["predicted_std"].to_numpy(dtype=np.float64)
        error = measured - predicted
        with np.errstate(divide="ignore", invalid="ignore"):
            in_stds = np.where(error == 0, 0.0, np.abs(error) / std)
        correlation = rank_correlation(predicted, measured) if len(batch) > 2 else 0.0
        rows.append(
            {
                "round": number,
                "designs": len(batch),
                "bias": float(error.mean()),
                "rmse": float(np.sqrt((error**2).mean())),
                "rank_correlation": correlation,
                **{f"within_{k}": float((in_stds <= k).mean()) for k in EXPECTED_WITHIN},
                "std_factor": float(np.sqrt((in_stds**2).mean())),
                **_inside(batch, measured),
            }
        )
    return pd.DataFrame(rows)


def _inside(batch: pd.DataFrame, measured: np.ndarray) -> dict[str, float]:
    if "interval_low" not in batch:
        return {}
    low, high = (batch[n].to_numpy(dtype=np.float64) for n in ("interval_low", "interval_high"))
    share = coverage(low, high, measured)
    return {"in_interval": np.nan if share is None else share}


def _measured(candidates: pd.DataFrame) -> pd.DataFrame:
    return candidates[candidates["measured_value"].notna()]


def _columns(objectives: Objectives) -> list[str]:
    return ["measured_value", *(f"measured_{o['name']}" for o in objectives[1:])]


def _points(
    candidates: pd.DataFrame, objectives: Objectives
) -> tuple[pd.DataFrame, Float[np.ndarray, "designs objectives"]]:
    """Return the candidates with every objective measured, and their values, more being better."""
    columns = _columns(objectives)
    known = candidates.dropna(subset=columns)
    values = [
        _signed(objective, known[column].to_numpy(dtype=np.float64))
        for column, objective in zip(columns, objectives, strict=True)
    ]
    return known, np.stack(values, axis=1)


def _signed(objective: Mapping[str, Any], values: Any) -> Any:
    return values if objective["maximise"] else -values
