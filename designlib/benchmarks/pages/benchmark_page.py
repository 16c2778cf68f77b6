"""All benchmark pages and figures, made from the stored benchmark runs alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from designlib.benchmarks.pages.campaigns import campaign_section
from designlib.benchmarks.pages.claims import claims_page, verdicts
from designlib.benchmarks.pages.comparison import (
    ABLATION,
    Drawing,
    budget_drawing,
    detail_table,
    learning_table,
    names_of,
    quality_table,
    shown_runs,
    summarise,
)
from designlib.benchmarks.pages.digits import (
    digits_drawing,
    digits_section,
    digits_table,
    summarise_images,
)
from designlib.benchmarks.pages.front import family_drawing, front_page
from designlib.benchmarks.pages.loops import loop_pages, loop_section, loops_drawing
from designlib.benchmarks.pages.settings import PageSettings

__all__ = ["FRONT", "BenchmarkTables", "Pages", "benchmark_pages"]

FRONT = "BENCHMARKS"
"""Name of the page that the others are details of."""

_DETAILED = 300
"""Budget of the detailed tables: 100 gradients, the scale of the paper's DNA tables."""


class BenchmarkTables(NamedTuple):
    """Stored benchmark runs; None where there are none.

    Attributes
    ----------
    runs
        A method on a problem at a budget, with one seed.
    learning
        How far checkpoints have each degree of the truth.
    images
        Sampled images.
    rounds
        Where simulated campaigns stood after each round.
    campaigns
        What example campaigns reached.
    """

    runs: pd.DataFrame | None = None
    learning: pd.DataFrame | None = None
    images: pd.DataFrame | None = None
    rounds: pd.DataFrame | None = None
    campaigns: pd.DataFrame | None = None


class Pages(NamedTuple):
    """Markdown pages and figures, by name without ending; the figures are yet to be drawn."""

    texts: Mapping[str, str]
    drawings: Mapping[str, Drawing]


def benchmark_pages(tables: BenchmarkTables, settings: PageSettings, folder: str) -> Pages:
    """Return the front page, a page of details for each problem, and all figures.

    ``folder`` is where the front page finds details and figures, such as ``docs/benchmarks/``.
    The same runs give the same bytes.
    """
    texts: dict[str, str] = {}
    drawings: list[Drawing] = []
    sections: list[str] = []
    if tables.images is not None:
        sections.append(_images(tables.images, folder, texts, drawings))
    if tables.rounds is not None:
        pages, figures = loop_pages(tables.rounds)
        texts |= pages
        drawings += [*figures, loops_drawing(tables.rounds)]
        sections.append(loop_section(tables.rounds, folder))
    if tables.campaigns is not None:
        sections.append(campaign_section(tables.campaigns, settings.campaigns))
    runs = pd.DataFrame(columns=["problem", "method", "machine", "commit"])
    summary, claims = runs, []
    if tables.runs is not None:
        ablation = tables.runs["method"].str.startswith(ABLATION)
        if ablation.any():
            texts["checkpoints"] = _ablations(tables.runs[ablation])
            sections.append(
                f"## Ablations of the checkpoints\n\n[Number, choice and scaling of checkpoints]"
                f"({folder}checkpoints.md), the paper's Appendix G."
            )
        runs = shown_runs(tables.runs[~ablation])
        summary = summarise(runs)
        drawings += [
            drawing
            for family in settings.families
            if (drawing := family_drawing(family, summary, settings)) is not None
        ]
        images = None if tables.images is None else summarise_images(tables.images)
        claims = verdicts(summary, images, settings)
        texts["claims"] = claims_page(claims, settings)
        for problem, group in summary.groupby("problem"):
            drawing = budget_drawing(str(problem), group)
            drawings.append(drawing)
            mine = runs[runs["problem"] == problem]
            texts[str(problem)] = _problem(str(problem), group, mine, drawing, tables.learning)
    texts[FRONT] = front_page(summary, claims, sections, runs, settings, folder)
    ended = {name: f"{text}\n" for name, text in texts.items()}
    return Pages(ended, {drawing.name: drawing for drawing in drawings})


def _images(
    images: pd.DataFrame, folder: str, texts: dict[str, str], drawings: list[Drawing]
) -> str:
    """Return the section of the front page; pages and figures are added to the others."""
    lines = [
        "## Images", "",
        "Samples of a restricted Boltzmann machine (the paper's Table 5): their Frechet distance "
        "to real digits in the features of a classifier that is trained here. Smaller is better.",
    ]  # fmt: skip
    for problem, group in images.groupby("problem"):
        name, summary = str(problem), summarise_images(group)
        drawing = digits_drawing(name, group)
        drawings.append(drawing)
        texts[name] = digits_section(name, group, summary, drawing)
        lines += ["", f"[{name}]({folder}{name}.md):", "", *digits_table(group, summary)]
    lines += ["", f"![{drawings[-1].caption}]({folder}{drawings[-1].name}.png)"]
    return "\n".join(lines)


def _ablations(runs: pd.DataFrame) -> str:
    """Return the page on number, choice and scaling of checkpoints."""
    lines = [
        "# Number, choice and scaling of checkpoints (Appendix G)", "",
        "Trajectory annealing at one sharpness, by evaluations for each design; checkpoints are "
        "evenly spaced in the logarithm of the training step unless said otherwise. A budget may "
        "allow fewer checkpoints than the name says. Commit "
        f"{names_of(runs['commit'].tolist())}.",
    ]  # fmt: skip
    for problem, group in summarise(runs).groupby("problem"):
        lines += ["", f"{problem}, {group['seeds'].max()} seeds:", ""]
        lines += quality_table(group.assign(method=group["method"].str.removeprefix(ABLATION)))
    return "\n".join(lines)


def _problem(
    problem: str,
    summary: pd.DataFrame,
    runs: pd.DataFrame,
    drawing: Drawing,
    learning: pd.DataFrame | None,
) -> str:
    budgets = sorted(summary["budget"].unique().tolist())
    detailed = max((b for b in budgets if b <= _DETAILED), default=budgets[0])
    lines = [
        f"# {problem}", "",
        f"{runs['seed'].nunique()} seeds; {_tuning(runs)}; commit "
        f"{names_of(runs['commit'].tolist())}.", "",
        f"![{drawing.caption}]({drawing.name}.png)", "",
        "By evaluations for each design:", "",
        *quality_table(summary), "",
        f"All figures at {detailed} evaluations. *Found* is the share of the proposals that solve "
        "the problem; median, best and mean are true values of feasible proposals; "
        "*overprediction* is the predicted less the true value; *diversity* is the mean distance "
        "between two proposals, *novelty* the mean distance to the nearest training design.", "",
        *detail_table(summary, detailed), "",
        "Settings:", "",
        *(f"- {method}: {_settings(mine)}" for method, mine in runs.groupby("method")),
    ]  # fmt: skip
    if learning is not None:
        lines += _learning(learning[learning["problem"] == problem])
    return "\n".join(lines)


def _tuning(runs: pd.DataFrame) -> str:
    """Return how the settings of one problem's runs were chosen."""
    tuned = runs["tuned"]
    if not tuned.any():
        return "default settings"
    budgets = runs.loc[tuned, "tuned_at"].astype(int)
    tried = ", ".join(str(budget) for budget in sorted(budgets.unique()))
    how = f"settings tuned on two other seeds at {tried} evaluations"
    return how if tuned.all() else f"some {how}, some the defaults"


def _settings(runs: pd.DataFrame) -> str:
    """Return the settings of one method's runs, with their budgets if these differ."""
    budgets = runs.groupby("settings", sort=False)["budget"].unique()
    if len(budgets) == 1:
        return f"`{budgets.index[0]}`"
    return "; ".join(
        f"`{settings}` at {', '.join(str(budget) for budget in sorted(those))}"
        for settings, those in budgets.items()
    )


def _learning(learning: pd.DataFrame) -> list[str]:
    """Return the table of what was learned when, if anything is known of it."""
    if learning.empty:
        return []
    return [
        "",
        "Share of the truth's Walsh component that a checkpoint has, by degree of interaction "
        f"(regression coefficient; 1 is all of it; {learning['seed'].nunique()} seeds):",
        "", *learning_table(learning),
    ]  # fmt: skip
