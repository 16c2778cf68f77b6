"""Claims on the comparison, and whether its runs bear them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from designlib.benchmarks.pages.comparison import merit_of
from designlib.benchmarks.pages.settings import Claim, PageSettings
from designlib.benchmarks.pages.tables import markdown_table, with_interval

_TRAJECTORY = "trajectory"


class Verdict(NamedTuple):
    """A claim on one problem at one budget, and whether the runs bear it out."""

    title: str
    claim: str
    """On this problem."""
    figures: str
    met: bool
    sure: bool = True
    """Whether the intervals of the two sides leave no doubt of it."""
    reason: str = ""
    """Why it is not met."""

    @property
    def answer(self) -> str:
        """The verdict as text."""
        return ("yes" if self.met else "**no**") + ("" if self.sure else ", but intervals overlap")


def verdicts(
    summary: pd.DataFrame, images: pd.DataFrame | None, settings: PageSettings
) -> list[Verdict]:
    """Return a verdict for every claim that there are runs for.

    ``images`` is the summary of sampled images, where there is one.
    """
    groups = {str(name): group for name, group in summary.groupby("problem")}
    if images is not None:
        steps = images.rename(columns={"steps": "budget"})
        groups |= {str(name): group for name, group in steps.groupby("problem")}
    rows = [
        _verdict(claim, problem, budget, groups[problem], settings)
        for claim in settings.claims
        for problem in claim.problems
        if problem in groups
        for budget in claim.budgets or (int(groups[problem]["budget"].max()),)
    ]
    discrete = {
        name: group
        for name, group in groups.items()
        if name not in settings.speed.continuous and "success" in group
    }
    rows.append(_speed(discrete, settings))
    return [row for row in rows if row is not None]


def claims_table(rows: Sequence[Verdict]) -> list[str]:
    """Return how often each claim is met, as a Markdown table."""
    met = {
        title: [row.met for row in rows if row.title == title]
        for title in dict.fromkeys(row.title for row in rows)
    }
    lines = [[title, f"{sum(each)} of {len(each)}"] for title, each in met.items()]
    return markdown_table(["claim", "met"], lines)


def claims_page(rows: Sequence[Verdict], settings: PageSettings) -> str:
    """Return every claim with its figures, and why some are not met."""
    missed = [row for row in rows if not row.met]
    about = (
        f"{len(rows) - len(missed)} of {len(rows)} are met. Methods along the trajectory: "
        f"{', '.join(settings.groups[_TRAJECTORY])}. Of several methods on a side the best mean "
        "counts."
    )
    table = markdown_table(
        ["claim", "figures", "met"], [[row.claim, row.figures, row.answer] for row in rows]
    )
    lines = ["# Claims", "", about, "", *table]
    if missed:
        lines += ["", "## Why some are not met", ""]
        lines += [f"- {row.claim}: {row.reason or 'not explained yet.'}" for row in missed]
    return "\n".join(lines)


def best_of(
    group: pd.DataFrame, budget: int, figure: str, side: str, settings: PageSettings
) -> pd.Series | None:
    """Return the row of a group's method with the highest mean of a figure at a budget."""
    among = group["method"].map(lambda method: settings.has(side, str(method)))
    rows = group[(group["budget"] == budget) & among].dropna(subset=[figure])
    return None if rows.empty else rows.nlargest(1, figure).iloc[0]


def apart(one: pd.Series, other: pd.Series, figure: str) -> bool:
    """Return whether the intervals of two means do not overlap."""
    widths = one[f"{figure}_interval"] + other[f"{figure}_interval"]
    return bool(abs(one[figure] - other[figure]) > widths)


def _verdict(
    claim: Claim, problem: str, budget: int, group: pd.DataFrame, settings: PageSettings
) -> Verdict | None:
    sides = [best_of(group, budget, claim.figure, side, settings) for side in claim.sides]
    present = [side for side in sides if side is not None]
    if len(present) < len(sides):
        return None
    first, second = present[0], present[-1]
    met = all(
        need.holds(first[need.figure or claim.figure], second[need.figure or claim.figure])
        for need in claim.require
    )
    shown = [claim.figure, *(need.figure for need in claim.require if need.figure)]
    return Verdict(
        claim.title,
        claim.asked.format(problem=problem, budget=f"{budget:,}", passes=budget // 3),
        "; ".join(_figures(row, shown) for row in present),
        met,
        apart(first, second, claim.figure) if claim.show_overlap else True,
        (claim.reasons or {}).get(problem, ""),
    )


def _figures(row: pd.Series, figures: Sequence[str]) -> str:
    first = f"{with_interval(row, figures[0])} ({row['method']})"
    return ", ".join([first, *(f"{name} {row[name]:.3g}" for name in figures[1:])])


def _speed(groups: Mapping[str, pd.DataFrame], settings: PageSettings) -> Verdict | None:
    """Return on how many problems a share of the budget is enough for the best rival's quality."""
    claim = settings.speed
    shares = {name: _share_needed(group, settings) for name, group in groups.items()}
    known = {name: share for name, share in shares.items() if share is not None}
    if not known:
        return None
    fast = [name for name, share in known.items() if share <= claim.most]
    reached = [f"{name} {share:.2g}" for name, share in known.items() if share < float("inf")]
    return Verdict(
        claim.title,
        claim.asked,
        f"{len(fast)} of {len(known)}; share of the evaluations where it is reached: "
        f"{', '.join(reached)}",
        2 * len(fast) >= len(known),
    )


def _share_needed(group: pd.DataFrame, settings: PageSettings) -> float | None:
    """Return our evaluations over those of the best rival, each rival at its largest budget.

    Of rivals that are equally good the one with the smallest budget counts, which is the harder.
    """
    merit = merit_of(group)
    along = group["method"].map(lambda method: settings.has(_TRAJECTORY, str(method)))
    ours, others = group[along], group[~along]
    finals = others[others["budget"] == others.groupby("method")["budget"].transform("max")]
    finals = finals.dropna(subset=[merit])
    if ours.empty or finals.empty:
        return None
    rival = finals.sort_values([merit, "budget"], ascending=[False, True]).iloc[0]
    reached = ours.loc[ours[merit] >= rival[merit], "budget"]
    return float(reached.min() / rival["budget"]) if len(reached) else float("inf")
