"""Stored benchmark runs: which rows replace which, means over seeds, and tables as Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from scipy import stats

from designlib.reports import SERIES


class TableSpec(NamedTuple):
    """What the rows of a table are."""

    identity: tuple[str, ...]
    """Rows of new runs replace those that are equal in these columns."""
    order: tuple[str, ...]
    """What else rows are ordered by."""
    summary_by: tuple[str, ...] = ()
    """What there is one row for in a summary."""
    figures: tuple[str, ...] = ()
    """What has a mean and an interval over seeds."""
    means: tuple[str, ...] = ()
    """What has a mean only."""


TABLES = {
    "runs": TableSpec(
        ("problem", "method", "tuned"),
        ("budget", "seed"),
        ("problem", "method", "budget"),
        (
            *("success", "median", "mean", "best", "percentile", "feasible"),
            *("diversity", "novelty", "overprediction"),
        ),
        ("evaluations", "wall_seconds", "cpu_seconds"),
    ),
    "learning": TableSpec(("problem",), ("seed", "step", "degree")),
    "images": TableSpec(
        ("problem", "method", "steps"), ("seed",), ("problem", "method", "steps"), ("fid",)
    ),
    "rounds": TableSpec(
        ("problem", "loop"),
        ("seed", "round"),
        ("problem", "loop", "round"),
        ("best", "top_mean"),
        ("measured",),
    ),
    "campaigns": TableSpec(("campaign",), ("seed",)),
}
"""Tables of benchmark runs by name: methods on a problem at a budget, how far checkpoints have
each degree of the truth, sampled images, where campaigns stood after each round, and what example
campaigns reached; a row for each seed."""


class Drawing(NamedTuple):
    """A figure that is drawn when it is written."""

    name: str
    """File name without its ending."""
    caption: str
    png: Callable[[], bytes]

    def link(self, folder: str = "") -> str:
        """Return the figure as Markdown."""
        return f"![{self.caption}]({folder}{self.name}.png)"


def merge(name: str, stored: pd.DataFrame | None, new: pd.DataFrame) -> pd.DataFrame:
    """Return all runs of a table, the new ones in place of earlier ones of the same identity.

    Tuned and untuned runs of a method are kept side by side.
    """
    spec = TABLES[name]
    identity = list(spec.identity)
    if stored is not None:
        if name == "runs" and "tuned_at" not in stored:
            # Runs of releases that tuned at one budget.
            stored = stored.assign(tuned_at=stored["tuned"].astype(int) * 120)
        old, replacing = (pd.MultiIndex.from_frame(each[identity]) for each in (stored, new))
        new = pd.concat([stored[~old.isin(replacing)], new], ignore_index=True)
    return new.sort_values([*identity, *spec.order], kind="stable").reset_index(drop=True)


def summarise(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return means over seeds of the rows of a table, with 95 % intervals.

    For each figure f there is ``f`` and ``f_interval``, half the width of Student's interval; the
    latter is NaN for a single seed. ``seeds`` is their number.
    """
    spec = TABLES[name]
    rows = []
    for key, group in table.groupby(list(spec.summary_by)):
        row = dict(zip(spec.summary_by, key, strict=True)) | {"seeds": len(group)}
        row |= {mean: group[mean].mean() for mean in spec.means}
        for figure in spec.figures:
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


def with_interval(
    row: Mapping[Any, Any] | pd.Series, name: str, value: str = ".3g", interval: str = ".2g"
) -> str:
    """Return a figure of a summary with its interval as text, or a dash where it is NaN."""
    mean, half = row[name], row[f"{name}_interval"]
    if math.isnan(mean):
        return "-"
    return f"{mean:{value}}" + ("" if math.isnan(half) else f" ± {half:{interval}}")


def mean_with_interval(values: pd.Series, value: str = ".3g", interval: str = ".2g") -> str:
    """Return a mean with its interval as text, or a dash where there is no value."""
    row = {"mean": values.mean(), "mean_interval": half_interval(values)}
    return with_interval(row, "mean", value, interval)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table."""
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    return [*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)]


def names_of(values: Iterable[object]) -> str:
    """Return distinct values in one line."""
    return "; ".join(str(value) for value in dict.fromkeys(values))


def settings_text(runs: pd.DataFrame, by: str, form: str = "`{}`") -> str:
    """Return the settings of one method's runs, with their budgets or steps if these differ."""
    places = runs.groupby("settings", sort=False)[by].unique()
    if len(places) == 1:
        return form.format(places.index[0])
    return "; ".join(
        f"{form.format(settings)} at {', '.join(str(place) for place in sorted(those))}"
        for settings, those in places.items()
    )


def draw_curves(
    axis: Axes, summary: pd.DataFrame, by: str, x: str, y: str, bold: Callable[[str], bool]
) -> None:
    """Draw a figure of a summary with its intervals, a curve for each method or proposer."""
    for at, (name, group) in enumerate(summary.groupby(by, sort=False)):
        ordered = group.sort_values(x)
        axis.errorbar(
            ordered[x],
            ordered[y],
            yerr=ordered[f"{y}_interval"].fillna(0.0),
            color=SERIES[at % len(SERIES)],
            linestyle=("-", "--", ":")[at // len(SERIES) % 3],
            marker="o",
            markersize=3,
            linewidth=2.3 if bold(str(name)) else 1.1,
            elinewidth=0.7,
            label=str(name),
        )
