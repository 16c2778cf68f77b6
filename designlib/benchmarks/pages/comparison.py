"""The comparison of methods as tables and figures, made from its benchmark runs alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import pandas as pd
from scipy import stats

from designlib.reports import SERIES, panels, to_png

__all__ = [
    "ABLATION",
    "MERITS",
    "Drawing",
    "budget_drawing",
    "detail_table",
    "half_interval",
    "learning_table",
    "merge_learning",
    "merge_runs",
    "merit_of",
    "names_of",
    "quality_table",
    "shown_runs",
    "summarise",
    "with_interval",
]

_FIGURES = (
    "success",
    "median",
    "mean",
    "best",
    "percentile",
    "feasible",
    "diversity",
    "novelty",
    "overprediction",
)
ABLATION = "walk: "
"""Prefix of the names of ablations, which have a table of their own."""

_STYLES = ("-", "--", ":")
_DPI = 80
_FOUND, _FINDERS = 0.05, 3
"""What share counts as finding anything, and how many methods have to for it to rank them."""
MERITS = {"success": "share found", "median": "median true value", "diversity": "mean distance"}


class Drawing(NamedTuple):
    """A figure that is drawn when it is written."""

    name: str
    """File name without its ending."""
    caption: str
    png: Callable[[], bytes]


def merge_runs(known: pd.DataFrame | None, new: pd.DataFrame) -> pd.DataFrame:
    """Return all runs, the new ones in place of earlier ones of the same problem and method.

    Tuned and untuned runs of a method are kept side by side.
    """
    if known is not None:
        if "tuned_at" not in known:
            # Runs of releases that tuned at one budget.
            known = known.assign(tuned_at=known["tuned"].astype(int) * 120)
        of = ["problem", "method", "tuned"]
        replaced = pd.MultiIndex.from_frame(known[of]).isin(pd.MultiIndex.from_frame(new[of]))
        new = pd.concat([known[~replaced], new], ignore_index=True)
    order = ["problem", "method", "tuned", "budget", "seed"]
    return new.sort_values(order, kind="stable").reset_index(drop=True)


def merge_learning(known: pd.DataFrame | None, new: pd.DataFrame) -> pd.DataFrame:
    """Return all rows of what was learned when, the new ones in place of the same problem's."""
    if known is not None:
        new = pd.concat([known[~known["problem"].isin(new["problem"])], new], ignore_index=True)
    order = ["problem", "seed", "step", "degree"]
    return new.sort_values(order, kind="stable").reset_index(drop=True)


def learning_table(learned: pd.DataFrame) -> list[str]:
    """Return how much of each degree of one problem's truth checkpoints have, mean over seeds."""
    steps = sorted(learned["step"].unique().tolist())
    lines = [
        f"| degree | {' | '.join(f'step {step}' for step in steps)} |",
        "|---" * (len(steps) + 1) + "|",
    ]
    for degree, group in learned.groupby("degree"):
        if not (group["learned"] != 0).any():
            continue
        cells = []
        for step in steps:
            values = group.loc[group["step"] == step, "learned"]
            half = half_interval(values)
            told = "" if math.isnan(half) else f" ± {half:.2f}"
            cells.append(f"{values.mean():.2f}{told}")
        lines.append(f"| {degree} | {' | '.join(cells)} |")
    return lines


def shown_runs(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that tables show: of each problem and method the tuned ones, if any."""
    tuned = cells.groupby(["problem", "method"])["tuned"].transform("any")
    return cells[cells["tuned"] == tuned]


def summarise(cells: pd.DataFrame) -> pd.DataFrame:
    """Return mean and 95 % interval over seeds for each problem, method and budget.

    For each figure f there is ``f`` and ``f_interval``, half the width of Student's interval; the
    latter is NaN for a single seed. Columns ``seeds``, ``evaluations`` and ``wall_seconds`` and
    ``cpu_seconds`` are the number of seeds and means.
    """
    rows = []
    for (problem, method, budget), group in cells.groupby(["problem", "method", "budget"]):
        row: dict[str, object] = {"problem": problem, "method": method, "budget": budget}
        row["seeds"] = len(group)
        row["tuned"] = bool(group["tuned"].any())
        for name in ("evaluations", "wall_seconds", "cpu_seconds"):
            row[name] = group[name].mean()
        for figure in _FIGURES:
            values = group[figure].dropna()
            row[figure] = values.mean() if len(values) else math.nan
            row[f"{figure}_interval"] = half_interval(values)
        rows.append(row)
    return pd.DataFrame(rows)


def half_interval(values: pd.Series) -> float:
    """Return half the width of Student's 95 % interval of a mean; NaN for a single value."""
    if len(values) < 2:
        return math.nan
    factor = stats.t.ppf(0.975, len(values) - 1)
    return float(factor * values.std(ddof=1) / math.sqrt(len(values)))


def merit_of(summary: pd.DataFrame) -> str:
    """Return which figure ranks the methods of one problem: what counts as found, or the median.

    Where only one or two methods find anything to speak of, or all of them nearly everything at any
    budget, the median tells more.
    """
    most = summary.groupby("method")["success"].max()
    told_apart = (most >= _FOUND).sum() >= min(_FINDERS, len(most))
    return "success" if told_apart and summary["success"].min() < 0.9 else "median"


def budget_drawing(problem: str, summary: pd.DataFrame) -> Drawing:
    """Return quality and diversity of each method against the budget."""
    caption = (
        f"{problem}: mean over seeds with 95 % intervals, cut at the edge. Left: what the "
        "proposals are worth by the truth. Right: how far apart they are. Thick: methods along the "
        "trajectory."
    )
    return Drawing(f"budget-{problem}", caption, partial(_draw_budgets, summary))


def _draw_budgets(summary: pd.DataFrame) -> bytes:
    merit = merit_of(summary)
    figure, axes = panels(1, 2, 12.0, 4.4)
    for at, (method, group) in enumerate(summary.groupby("method", sort=False)):
        ordered = group.sort_values("budget")
        style = _STYLES[at // len(SERIES) % len(_STYLES)]
        for axis, quantity in zip(axes, (merit, "diversity"), strict=True):
            axis.errorbar(
                ordered["budget"], ordered[quantity],
                yerr=ordered[f"{quantity}_interval"].fillna(0.0),
                color=SERIES[at % len(SERIES)], linestyle=style, marker="o", markersize=3,
                linewidth=2.2 if "trajectory" in str(method) else 1.0, elinewidth=0.6,
                label=str(method),
            )  # fmt: skip
    budgets = sorted(summary["budget"].unique())
    for axis, quantity in zip(axes, (merit, "diversity"), strict=True):
        low, high = summary[quantity].min(), summary[quantity].max()
        # Intervals of two seeds are wide: they are cut rather than the curves made flat.
        room = 0.06 * (high - low) or 0.06
        axis.set_ylim(low - room, high + room)
        axis.set_xscale("log")
        axis.set_xticks(budgets, [str(budget) for budget in budgets])
        axis.minorticks_off()
        axis.set_xlabel("predictor evaluations for each design")
        axis.set_ylabel(MERITS[quantity])
    axes[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
    return to_png(figure, _DPI)


def quality_table(group: pd.DataFrame) -> list[str]:
    """Return one problem's quality by method and budget, the best at the largest budget first."""
    merit = merit_of(group)
    budgets = sorted(group["budget"].unique())
    lines = [
        f"| {MERITS[merit]} | {' | '.join(f'{budget}' for budget in budgets)} | seeds |",
        "|---" * (len(budgets) + 2) + "|",
    ]
    cells = {(row["method"], row["budget"]): row for row in group.to_dict("records")}
    last = group[group["budget"] == budgets[-1]].sort_values(merit, ascending=False)
    methods = dict.fromkeys([*last["method"], *group["method"]])
    for method, seeds in group.groupby("method", sort=False)["seeds"].max()[list(methods)].items():
        row = [
            with_interval(cells[method, budget], merit) if (method, budget) in cells else "-"
            for budget in budgets
        ]
        lines.append(f"| {method} | {' | '.join(row)} | {seeds} |")
    return lines


def detail_table(group: pd.DataFrame, budget: int) -> list[str]:
    """Return all figures of one problem's methods at one budget."""
    merit = merit_of(group)
    lines = [
        "| method | found | median | best | mean | percentile | feasible | diversity | novelty "
        "| overprediction | wall s | CPU s |",
        "|---" * 12 + "|",
    ]
    ranked = group[group["budget"] == budget].sort_values(merit, ascending=False)
    names = ("success", "median", "best", "mean", "percentile")
    for row in ranked.to_dict("records"):
        cells = [
            str(row["method"]), *(with_interval(row, name) for name in names),
            f"{100 * row['feasible']:.0f} %",
            *(with_interval(row, name) for name in ("diversity", "novelty", "overprediction")),
            f"{row['wall_seconds']:.2g}", f"{row['cpu_seconds']:.2g}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def with_interval(row: Mapping[Any, Any], name: str) -> str:
    """Return a figure with its interval as text, or a dash where it has no meaning."""
    value, half = row[name], row[f"{name}_interval"]
    if math.isnan(value):
        return "-"
    return f"{value:.3g}" if math.isnan(half) else f"{value:.3g} ± {half:.2g}"


def names_of(values: Sequence[object]) -> str:
    """Return distinct values in one line."""
    return "; ".join(str(value) for value in dict.fromkeys(values))
