"""All benchmark pages and figures, made from the stored benchmark runs alone.

BENCHMARKS.md has one table and one figure for each family of problems, and links to the details.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes

from designlib.benchmarks.pages.campaigns import campaign_section
from designlib.benchmarks.pages.claims import apart, best_of, claims_page, claims_table, verdicts
from designlib.benchmarks.pages.comparison import (
    ABLATION,
    MERITS,
    ablation_page,
    budget_drawing,
    merit_of,
    problem_page,
    shown_runs,
)
from designlib.benchmarks.pages.images import image_page, image_section, sample_drawing
from designlib.benchmarks.pages.rounds import (
    round_drawing,
    round_page,
    round_section,
    rounds_drawing,
)
from designlib.benchmarks.pages.settings import Family, PageSettings
from designlib.benchmarks.pages.tables import (
    Drawing,
    markdown_table,
    names_of,
    summarise,
    with_interval,
)
from designlib.reports import BLUE, GREY, panels, to_png

FRONT = "BENCHMARKS"
"""Name of the page that the others are details of."""

_BRIEF = 60
"""Budget of a brief search, shown beside the largest."""
_COLUMNS = 3
_STANDS = ("ahead", "level", "behind")


class Pages(NamedTuple):
    """Markdown pages and figures, by name without ending; the figures are yet to be drawn."""

    texts: Mapping[str, str]
    drawings: Mapping[str, Drawing]


def benchmark_pages(
    tables: Mapping[str, pd.DataFrame], settings: PageSettings, folder: str
) -> Pages:
    """Return the front page, a page of details for each problem, and all figures.

    ``tables`` are those of `TABLES` that there are; ``folder`` is where the front page finds
    details and figures, such as ``docs/benchmarks/``. The same runs give the same bytes.
    """
    prose, texts = settings.texts, dict[str, str]()
    drawings: list[Drawing] = []
    sections: list[str] = []
    if (images := tables.get("images")) is not None:
        sections.append(image_section(prose["images"], images, folder))
        for problem, group in images.groupby("problem"):
            texts[str(problem)] = image_page(str(problem), prose["image_page"], group)
            drawings.append(sample_drawing(str(problem), group))
    if (rounds := tables.get("rounds")) is not None:
        sections.append(round_section(rounds, settings, folder))
        drawings.append(rounds_drawing(rounds))
        for problem, group in rounds.groupby("problem"):
            page = round_page(str(problem), group, set(rounds["loop"]), settings)
            texts[f"rounds-{problem}"] = page
            drawings.append(round_drawing(str(problem), group))
    if "campaigns" in tables:
        sections.append(campaign_section(tables["campaigns"], settings))
    compared: list[str] = []
    if (runs := tables.get("runs")) is not None:
        ablation = runs["method"].str.startswith(ABLATION)
        if ablation.any():
            texts["checkpoints"] = ablation_page(prose["ablation_page"], runs[ablation])
            sections.append(prose["ablations"].format(folder=folder))
        runs = shown_runs(runs[~ablation])
        summary = summarise("runs", runs)
        compared = _comparison(summary, images, settings, folder, texts)
        drawings += _family_drawings(summary, settings)
        for problem, group in summary.groupby("problem"):
            mine = runs[runs["problem"] == problem]
            texts[str(problem)] = problem_page(
                str(problem), prose["problem_page"], group, mine, tables.get("learning")
            )
            drawings.append(budget_drawing(str(problem), group))
    about = _about(pd.DataFrame(columns=["problem", "method", "machine", "commit"]))
    if runs is not None:
        about = _about(runs)
    parts = [prose["introduction"], *compared, *sections, prose["reproduce"], about]
    texts[FRONT] = "\n\n".join(part for part in parts if part)
    ended = {name: f"{text}\n" for name, text in texts.items()}
    return Pages(ended, {drawing.name: drawing for drawing in drawings})


def _comparison(
    summary: pd.DataFrame,
    images: pd.DataFrame | None,
    settings: PageSettings,
    folder: str,
    texts: dict[str, str],
) -> list[str]:
    """Return the front page's parts on the comparison of methods, and add the page of claims."""
    claims = verdicts(summary, None if images is None else summarise("images", images), settings)
    texts["claims"] = claims_page(claims, settings)
    groups = {str(name): group for name, group in summary.groupby("problem")}
    parts = [_overview(groups, settings)]
    if claims:
        met = sum(row.met for row in claims)
        about = settings.texts["claims"].format(met=met, all=len(claims), folder=folder)
        parts.append("\n".join([about, "", *claims_table(claims)]))
    return parts + [
        _family_section(family, groups, settings, folder)
        for family in settings.families
        if any(problem in groups for problem in family.problems)
    ]


class _Sides(NamedTuple):
    """The best method along the trajectory and the best other one, at one budget."""

    figure: str
    trajectory: pd.Series
    other: pd.Series

    @property
    def stand(self) -> str:
        """Where the trajectory stands: level unless the intervals leave no doubt."""
        if not apart(self.trajectory, self.other, self.figure):
            return "level"
        ahead = self.trajectory[self.figure] > self.other[self.figure]
        return "ahead" if ahead else "behind"


def _sides_of(group: pd.DataFrame, budget: int, settings: PageSettings) -> _Sides | None:
    """Return the best of both sides on one problem; None where one has no run."""
    figure = merit_of(group)
    others = group[[not settings.has("trajectory", str(name)) for name in group["method"]]]
    ours = best_of(group, budget, figure, "trajectory", settings)
    rest = others[others["budget"] == budget].dropna(subset=[figure])
    if ours is None or rest.empty:
        return None
    return _Sides(figure, ours, rest.nlargest(1, figure).iloc[0])


def _budgets(group: pd.DataFrame) -> list[int]:
    """Return the budget of a brief search and the largest of a problem."""
    known = sorted(int(budget) for budget in group["budget"].unique())
    return [next((b for b in known if b >= _BRIEF), known[-1]), known[-1]]


def _family_section(
    family: Family, groups: Mapping[str, pd.DataFrame], settings: PageSettings, folder: str
) -> str:
    """Return a family's table of the best of both sides, its figure, and links to details."""
    rows = [
        [
            f"[{problem}]({folder}{problem}.md)",
            MERITS[sides.figure],
            budget,
            *(
                f"{with_interval(row, sides.figure)} ({row['method']})"
                for row in (sides.trajectory, sides.other)
            ),
            sides.stand,
        ]
        for problem in family.problems
        if problem in groups
        for budget in dict.fromkeys(_budgets(groups[problem]))
        if (sides := _sides_of(groups[problem], budget, settings)) is not None
    ]
    header = ["problem", "quality", "evaluations", "best along the trajectory"]
    table = markdown_table([*header, "best other method", "trajectory is"], rows)
    link = _family_drawing(family, {}, settings).link(folder)
    return "\n".join([f"## {family.title}", "", family.about, "", *table, "", link])


def _overview(groups: Mapping[str, pd.DataFrame], settings: PageSettings) -> str:
    """Return on which problems of each family the trajectory is ahead, level and behind."""
    rows = []
    for family in settings.families:
        for at, when in ((0, str(_BRIEF)), (-1, "most")):
            stands: dict[str, list[str]] = {stand: [] for stand in _STANDS}
            for problem in family.problems:
                group = groups.get(problem)
                sides = group is not None and _sides_of(group, _budgets(group)[at], settings)
                if sides:
                    stands[sides.stand].append(problem)
            if any(stands.values()):
                names = [", ".join(stands[stand]) or "-" for stand in _STANDS]
                rows.append([family.title, when, *names])
    if not rows:
        return ""
    table = markdown_table(["family", "evaluations", *_STANDS], rows)
    after = "Images and simulated campaigns have sections of their own."
    return "\n".join([settings.texts["overview"].format(brief=_BRIEF), "", *table, "", after])


def _about(runs: pd.DataFrame) -> str:
    lines = [
        f"- benchmark runs: {len(runs)}, of {runs['problem'].nunique()} problems and "
        f"{runs['method'].nunique()} methods",
        f"- machine: {names_of(runs['machine'])}",
        f"- commits: {names_of(runs['commit'])}",
    ]
    return "\n".join(["## Runs", "", *lines])


def _family_drawings(summary: pd.DataFrame, settings: PageSettings) -> list[Drawing]:
    """Return quality against the budget for each family that has runs."""
    groups = {str(name): group for name, group in summary.groupby("problem")}
    shown = [
        (family, {name: groups[name] for name in family.problems if name in groups})
        for family in settings.families
    ]
    return [_family_drawing(family, panes, settings) for family, panes in shown if panes]


def _family_drawing(
    family: Family, groups: Mapping[str, pd.DataFrame], settings: PageSettings
) -> Drawing:
    """Return quality against the budget, a panel for each problem."""
    words = "".join(letter if letter.isalpha() else " " for letter in family.title.lower())
    caption = (
        f"{family.title}: quality by evaluations for each proposal, mean over seeds. Blue: methods "
        "along the trajectory; grey: all others; thick: the best of each side at each budget."
    )
    name = f"family-{'-'.join(words.split())}"
    return Drawing(name, caption, partial(_draw, groups, settings))


def _draw(groups: Mapping[str, pd.DataFrame], settings: PageSettings) -> bytes:
    rows = math.ceil(len(groups) / _COLUMNS)
    figure, axes = panels(rows, min(_COLUMNS, len(groups)), 10.5, 2.7 * rows)
    for axis, (problem, group) in zip(axes, groups.items(), strict=False):
        _draw_problem(axis, problem, group, settings)
    for axis in axes[len(groups) :]:
        axis.set_visible(False)
    return to_png(figure, 80)


def _draw_problem(axis: Axes, problem: str, group: pd.DataFrame, settings: PageSettings) -> None:
    figure = merit_of(group)
    along = group["method"].map(lambda method: settings.has("trajectory", str(method)))
    for side, colour in ((group[~along], GREY), (group[along], BLUE)):
        for _, curve in side.groupby("method"):
            ordered = curve.sort_values("budget")
            axis.plot(ordered["budget"], ordered[figure], color=colour, alpha=0.45, linewidth=0.8)
        best = side.groupby("budget")[figure].max()
        axis.plot(best.index, best, color=colour, marker="o", markersize=3, linewidth=2.4)
    budgets = sorted(int(budget) for budget in group["budget"].unique())
    axis.set_xscale("log")
    axis.set_xticks(budgets, [str(budget) for budget in budgets])
    axis.minorticks_off()
    axis.set_title(problem, fontsize=10)
    axis.set_ylabel(MERITS[figure], fontsize=8)
    axis.set_xlabel("evaluations", fontsize=8)
