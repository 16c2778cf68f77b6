"""What the example campaigns reach over several seeds, as a section of BENCHMARKS.md."""

from __future__ import annotations

import pandas as pd

from designlib.benchmarks.pages.settings import PageSettings
from designlib.benchmarks.pages.tables import markdown_table, mean_with_interval, names_of

_FIGURES = {
    "best_percentile": ("percentile of the best", ".2f"),
    "median_percentile": ("percentile of the median", ".2f"),
    "share_of_best": ("best / best of table", ".3f"),
    "over_prediction": ("overprediction", ".3f"),
}


def campaign_section(campaigns: pd.DataFrame, settings: PageSettings) -> str:
    """Return the section as Markdown; ``campaigns`` has one row per configuration and seed."""
    by_name = {str(name): group for name, group in campaigns.groupby("campaign")}
    names = [name for name, _ in _FIGURES.values()]
    rows = [
        [
            name,
            len(group),
            names_of(group["candidates"]),
            f"{group['feasible_share'].min():.0%}",
            *(_with_lowest(group[figure], digits) for figure, (_, digits) in _FIGURES.items()),
        ]
        for name, group in by_name.items()
    ]
    verdicts = [
        [f"{name}: {claim.asked}", f"{lowest:.4g}", "yes" if lowest >= claim.least else "**no**"]
        for name, group in by_name.items()
        for claim in settings.campaigns.get(name, ())
        for lowest in (group[claim.figure].min(),)
    ]
    machines = f"Commit {names_of(campaigns['commit'])}; {names_of(campaigns['machine'])}."
    parts = [
        [settings.texts["campaigns"], "", machines],
        markdown_table(["configuration", "seeds", "candidates", "feasible", *names], rows),
        ["Mean over seeds with 95 % interval, and the lowest seed in brackets."],
        markdown_table(["asked of every seed", "lowest", "met"], verdicts),
    ]
    return "\n\n".join("\n".join(part) for part in parts)


def _with_lowest(values: pd.Series, digits: str) -> str:
    if values.isna().all():
        return "-"
    return f"{mean_with_interval(values, digits, digits)} ({values.min():{digits}})"
