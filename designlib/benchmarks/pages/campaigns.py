"""What the example campaigns reach over several seeds, as a section of BENCHMARKS.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from designlib.benchmarks.pages.comparison import half_interval, names_of
from designlib.benchmarks.pages.settings import CampaignClaim

__all__ = ["campaign_section", "merge_campaigns"]

_INTRODUCTION = """\
## Example campaigns

Each configuration in `flows/configs` as it is (`six6` is the default campaign), run from its table
to its candidates with several seeds (`python -m flows.benchmark campaigns`). A seed decides what is
shown of the table, the predictors and the chains. Percentiles are true ones among the whole table:
of the design itself for `six6` and `oer`, of the nearest measured blend for `blends`; a random
forest that has learned the whole table stands for the truth of `superconductor`. *Best / best of
table* is the best candidate's value as a share of the largest in the table, where large ones are
wanted."""


_FIGURES = {
    "best_percentile": ("percentile of the best", 2),
    "median_percentile": ("percentile of the median", 2),
    "share_of_best": ("best / best of table", 3),
    "over_prediction": ("overprediction", 3),
}


def merge_campaigns(known: pd.DataFrame | None, new: pd.DataFrame) -> pd.DataFrame:
    """Return all campaigns, the new ones in place of earlier ones of the same configuration."""
    if known is not None:
        new = pd.concat([known[~known["campaign"].isin(new["campaign"])], new], ignore_index=True)
    return new.sort_values(["campaign", "seed"], kind="stable").reset_index(drop=True)


def campaign_section(campaigns: pd.DataFrame, claims: Mapping[str, Sequence[CampaignClaim]]) -> str:
    """Return the section as Markdown; ``campaigns`` has one row per configuration and seed.

    ``claims`` are those of each configuration.
    """
    names = [name for name, _ in _FIGURES.values()]
    lines = [
        _INTRODUCTION, "",
        f"Commit {names_of(campaigns['commit'].tolist())}; "
        f"{names_of(campaigns['machine'].tolist())}.", "",
        f"| configuration | seeds | candidates | feasible | {' | '.join(names)} |",
        "|---" * (4 + len(names)) + "|",
    ]  # fmt: skip
    for name, group in campaigns.groupby("campaign"):
        shown = [_with_range(group[figure], digits) for figure, (_, digits) in _FIGURES.items()]
        feasible = f"{group['feasible_share'].min():.0%}"
        candidates = names_of([str(number) for number in group["candidates"]])
        lines.append(f"| {name} | {len(group)} | {candidates} | {feasible} | {' | '.join(shown)} |")
    lines += ["", "Mean over seeds with 95 % interval, and the lowest seed in brackets.", ""]
    lines += ["| asked of every seed | lowest | met |", "|---|---|---|"]
    for name, group in campaigns.groupby("campaign"):
        for claim in claims.get(str(name), ()):
            lowest = group[claim.figure].min()
            met = "yes" if lowest >= claim.least else "**no**"
            lines.append(f"| {name}: {claim.asked} | {lowest:.4g} | {met} |")
    return "\n".join(lines)


def _with_range(values: pd.Series, digits: int) -> str:
    if values.isna().all():
        return "-"
    half = half_interval(values)
    interval = "" if pd.isna(half) else f" ± {half:.{digits}f}"
    return f"{values.mean():.{digits}f}{interval} ({values.min():.{digits}f})"
