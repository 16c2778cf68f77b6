"""The comparison of methods on one problem as a page with a figure."""

from __future__ import annotations

from functools import partial

import pandas as pd

from designlib.benchmarks.pages.tables import (
    Drawing,
    draw_curves,
    markdown_table,
    mean_with_interval,
    names_of,
    settings_text,
    summarise,
    with_interval,
)
from designlib.reports import panels, to_png

ABLATION = "walk: "
"""Prefix of the names of ablations, which have a table of their own."""

MERITS = {"success": "share found", "median": "median true value", "diversity": "mean distance"}
_FOUND, _FINDERS = 0.05, 3
"""What share counts as finding anything, and how many methods have to for it to rank them."""
_DETAILED = 300
"""Budget of the detailed tables: 100 gradients, the scale of the paper's DNA tables."""


def shown_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that tables show: of each problem and method the tuned ones, if any."""
    tuned = runs.groupby(["problem", "method"])["tuned"].transform("any")
    return runs[runs["tuned"] == tuned]


def merit_of(summary: pd.DataFrame) -> str:
    """Return which figure ranks the methods of one problem: what counts as found, or the median.

    Where only one or two methods find anything to speak of, or all of them nearly everything at any
    budget, the median tells more.
    """
    most = summary.groupby("method")["success"].max()
    told_apart = (most >= _FOUND).sum() >= min(_FINDERS, len(most))
    return "success" if told_apart and summary["success"].min() < 0.9 else "median"


def ablation_page(introduction: str, runs: pd.DataFrame) -> str:
    """Return the page on number, choice and scaling of checkpoints."""
    lines = [f"{introduction} Commit {names_of(runs['commit'])}."]
    for problem, group in summarise("runs", runs).groupby("problem"):
        lines += ["", f"{problem}, {group['seeds'].max()} seeds:", ""]
        lines += quality_table(group.assign(method=group["method"].str.removeprefix(ABLATION)))
    return "\n".join(lines)


def problem_page(
    problem: str,
    explained: str,
    summary: pd.DataFrame,
    runs: pd.DataFrame,
    learning: pd.DataFrame | None,
) -> str:
    """Return the page of one problem from its runs and their summary."""
    budgets = sorted(summary["budget"].unique().tolist())
    detailed = max((b for b in budgets if b <= _DETAILED), default=budgets[0])
    about = f"{runs['seed'].nunique()} seeds; {_tuning(runs)}; commit {names_of(runs['commit'])}."
    settings = [
        f"- {method}: {settings_text(mine, 'budget')}" for method, mine in runs.groupby("method")
    ]
    parts = [
        [f"# {problem}"],
        [about],
        [budget_drawing(problem, summary).link()],
        ["By evaluations for each design:"],
        quality_table(summary),
        [f"All figures at {detailed} evaluations. {explained}"],
        _detail_table(summary, detailed),
        ["Settings:"],
        settings,
    ]
    if learning is not None and (mine := learning["problem"] == problem).any():
        parts += _learning(learning[mine])
    return "\n\n".join("\n".join(part) for part in parts)


def _tuning(runs: pd.DataFrame) -> str:
    """Return how the settings of one problem's runs were chosen."""
    tuned = runs["tuned"]
    if not tuned.any():
        return "default settings"
    budgets = sorted(runs.loc[tuned, "tuned_at"].astype(int).unique())
    how = f"settings tuned on two other seeds at {', '.join(map(str, budgets))} evaluations"
    return how if tuned.all() else f"some {how}, some the defaults"


def _learning(learned: pd.DataFrame) -> list[list[str]]:
    """Return how much of each degree of one problem's truth checkpoints have, mean over seeds."""
    steps = sorted(learned["step"].unique().tolist())
    rows = [
        [
            degree,
            *(
                mean_with_interval(group.loc[group["step"] == step, "learned"], ".2f", ".2f")
                for step in steps
            ),
        ]
        for degree, group in learned.groupby("degree")
        if (group["learned"] != 0).any()
    ]
    about = (
        "Share of the truth's Walsh component that a checkpoint has, by degree of interaction "
        f"(regression coefficient; 1 is all of it; {learned['seed'].nunique()} seeds):"
    )
    return [[about], markdown_table(["degree", *(f"step {step}" for step in steps)], rows)]


def quality_table(group: pd.DataFrame) -> list[str]:
    """Return one problem's quality by method and budget, the best at the largest budget first."""
    merit, budgets = merit_of(group), sorted(group["budget"].unique())
    runs = {(row["method"], row["budget"]): row for row in group.to_dict("records")}
    last = group[group["budget"] == budgets[-1]].sort_values(merit, ascending=False)
    methods = list(dict.fromkeys([*last["method"], *group["method"]]))
    rows = [
        [
            method,
            *(
                with_interval(runs[method, budget], merit) if (method, budget) in runs else "-"
                for budget in budgets
            ),
            seeds,
        ]
        for method, seeds in group.groupby("method", sort=False)["seeds"].max()[methods].items()
    ]
    return markdown_table([MERITS[merit], *map(str, budgets), "seeds"], rows)


def _detail_table(group: pd.DataFrame, budget: int) -> list[str]:
    """Return all figures of one problem's methods at one budget."""
    before = ("success", "median", "best", "mean", "percentile")
    after = ("diversity", "novelty", "overprediction")
    ranked = group[group["budget"] == budget].sort_values(merit_of(group), ascending=False)
    rows = [
        [
            row["method"],
            *(with_interval(row, name) for name in before),
            f"{100 * row['feasible']:.0f} %",
            *(with_interval(row, name) for name in after),
            f"{row['wall_seconds']:.2g}",
            f"{row['cpu_seconds']:.2g}",
        ]
        for row in ranked.to_dict("records")
    ]
    names = ["method", "found", *before[1:], "feasible", *after, "wall s", "CPU s"]
    return markdown_table(names, rows)


def budget_drawing(problem: str, summary: pd.DataFrame) -> Drawing:
    """Return quality and diversity of each method against the budget."""
    caption = (
        f"{problem}: mean over seeds with 95 % intervals, cut at the edge. Left: what the "
        "proposals are worth by the truth. Right: how far apart they are. Thick: methods along the "
        "trajectory."
    )
    return Drawing(f"budget-{problem}", caption, partial(_draw_budgets, summary))


def _draw_budgets(summary: pd.DataFrame) -> bytes:
    figure, axes = panels(1, 2, 12.0, 4.4)
    budgets = sorted(summary["budget"].unique())
    for axis, quantity in zip(axes, (merit_of(summary), "diversity"), strict=True):
        draw_curves(axis, summary, "method", "budget", quantity, lambda name: "trajectory" in name)
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
    return to_png(figure, 80)
