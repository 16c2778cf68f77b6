"""What the comparison was to show, and whether its cells show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd

from designlib.benchmarks.pages.comparison import merit_of, with_interval
from designlib.benchmarks.pages.reasons import why

__all__ = ["TRAJECTORY", "Verdict", "verdict_table", "verdicts"]

TRAJECTORY = ("trajectory search", "SMC over trajectory", "trajectory annealing",
              "trajectory exchange", "trajectory annealing, raw")  # fmt: skip
"""Methods along the trajectory, the one meant where a single one is named first."""

_RIVALS = ("AdaLead", "genetic algorithm", "Ledidi")
"""What long sequences are designed with otherwise."""

_EVOLUTION = ("AdaLead", "genetic algorithm", "simulated annealing", "random mutation of the best",
              "Ledidi", "BoTorch")  # fmt: skip
_NEEDLES = ("needle-3", "needle-5", "needle-8", "needle-10", "adversarial-needle",
            "disjoint-needles")  # fmt: skip
_DNA = (("two-motif", 99.4), ("two-motif-ball", 99.0), ("sortseq", 99.4), ("sortseq-ball", 99.0))
"""Percentile that the median proposal was to reach."""
_LONG = ("ehrlich-64", "ehrlich-64-elites", "ehrlich-128", "ehrlich-128-elites", "enhancer",
         "enhancer-elites")  # fmt: skip


class Verdict(NamedTuple):
    """One thing that was asked of the comparison.

    Attributes
    ----------
    asked
        What, in words.
    found
        The figures.
    met
        Whether the means are as asked.
    sure
        Whether the intervals of the two sides leave no doubt of it.
    """

    asked: str
    found: str
    met: bool
    sure: bool = True

    @property
    def told(self) -> str:
        """The verdict as text."""
        return ("yes" if self.met else "**no**") + ("" if self.sure else ", but intervals overlap")


def verdict_table(summary: pd.DataFrame, images: pd.DataFrame | None = None) -> str:
    """Return what was asked and what was found as a Markdown section."""
    rows = verdicts(summary, images)
    met = sum(row.met for row in rows)
    lines = [
        "## What was asked, and what was found", "",
        f"{met} of {len(rows)} are met. Methods along the trajectory: {', '.join(TRAJECTORY)}. "
        "Where several methods stand on a side, the best mean of each side is compared.", "",
        "| asked | found | met |", "|---|---|---|",
        *(f"| {row.asked} | {row.found} | {row.told} |" for row in rows),
        *_why([row for row in rows if not row.met]),
    ]  # fmt: skip
    return "\n".join(lines)


def _why(missed: Sequence[Verdict]) -> list[str]:
    """Return the lines that say why some are not met."""
    if not missed:
        return []
    return [
        "",
        "Why some are not met:",
        "",
        *(f"- {row.asked}: {why(row.asked)}" for row in missed),
    ]


def verdicts(summary: pd.DataFrame, images: pd.DataFrame | None = None) -> list[Verdict]:
    """Return a verdict for everything that was asked and for which there are cells.

    ``images`` is the summary of sampled images, where there is one.
    """
    problems = {str(name): group for name, group in summary.groupby("problem")}
    rows: list[Verdict | None] = []
    for name in _NEEDLES:
        if name in problems:
            rows += [_needle(name, problems[name], budget) for budget in (120, 300, 600)]
    if "polynomial" in problems:
        rows.append(_polynomial(problems["polynomial"]))
    for name, percentile in _DNA:
        if name in problems:
            rows.append(_percentile(name, problems[name], percentile))
    for name in ("two-motif", "two-motif-ball"):
        if name in problems:
            group = problems[name]
            rows += [
                _hit(name, group, "those of the paper's table", _in_paper),
                _hit(name, group, "all other samplers", _sampler),
            ]
    for name in _LONG:
        if name in problems:
            rows.append(_against_evolution(name, problems[name]))
    for name, figure in (("ackley-10", "best"), ("superconductor", "best")):
        if name in problems:
            rows.append(_against_temperature(name, problems[name], figure))
    if images is not None:
        rows.append(_images(images[images["problem"] == "mnist"]))
    rows.append(_speed({n: g for n, g in problems.items() if not n.startswith(_CONTINUOUS)}))
    return [row for row in rows if row is not None]


_CONTINUOUS = ("ackley", "superconductor", "oer", "blends")
"""How the names of problems on points and compositions begin, wherever chains start."""


def _best(
    group: pd.DataFrame, budget: int, figure: str, among: Callable[[str], bool]
) -> pd.Series | None:
    """Return the row of the method with the highest mean of a figure at a budget."""
    rows = group[(group["budget"] == budget) & group["method"].map(among)]
    rows = rows.dropna(subset=[figure])
    return None if rows.empty else rows.nlargest(1, figure).iloc[0]


def _told(row: pd.Series, figure: str) -> str:
    return f"{with_interval(row.to_dict(), figure)} ({row['method']})"


def _ours(method: str) -> bool:
    return method in TRAJECTORY


def _in_paper(method: str) -> bool:
    return method in ("gradient chain", "temperature annealing", "parallel tempering")


def _sampler(method: str) -> bool:
    return method not in TRAJECTORY and method not in _EVOLUTION


def _needle(name: str, group: pd.DataFrame, budget: int) -> Verdict | None:
    ours = _best(group, budget, "success", _ours)
    chain = _best(group, budget, "success", lambda method: method == "gradient chain")
    if ours is None or chain is None:
        return None
    return Verdict(
        f"{name}, {budget // 3} passes: along the trajectory at least 0.98 found, gradient chain "
        "at most 0.5",
        f"{_told(ours, 'success')}; {_told(chain, 'success')}",
        bool(ours["success"] >= 0.98 and chain["success"] <= 0.5),
    )


def _polynomial(group: pd.DataFrame) -> Verdict | None:
    ours = _best(group, 120, "success", _ours)
    if ours is None:
        return None
    found = _told(ours, "success")
    return Verdict("polynomial, 40 passes: at least 0.52 found", found, ours["success"] >= 0.52)


def _percentile(name: str, group: pd.DataFrame, wanted: float) -> Verdict | None:
    ours = _best(group, 300, "percentile", _ours)
    if ours is None:
        return None
    asked = f"{name}, 100 gradients: median percentile at least {wanted}"
    return Verdict(asked, _told(ours, "percentile"), bool(ours["percentile"] >= wanted))


def _hit(name: str, group: pd.DataFrame, who: str, rivals: Callable[[str], bool]) -> Verdict | None:
    ours = _best(group, 300, "success", _ours)
    other = _best(group, 300, "success", rivals)
    if ours is None or other is None:
        return None
    return Verdict(
        f"{name}, 100 gradients: motif hit at least 20 points above the best of {who}",
        f"{_told(ours, 'success')}; {_told(other, 'success')}",
        bool(ours["success"] - other["success"] >= 0.2),
        _apart(ours, other, "success"),
    )


def _against_evolution(name: str, group: pd.DataFrame) -> Verdict | None:
    budget = int(group["budget"].max())
    ours = _best(group, budget, "median", _ours)
    other = _best(group, budget, "median", lambda method: method in _RIVALS)
    if ours is None or other is None:
        return None
    return Verdict(
        f"{name}, {budget} evaluations: median at least that of AdaLead, the genetic algorithm "
        "and Ledidi, more diverse, all feasible",
        f"{_told(ours, 'median')}, diversity {ours['diversity']:.3g}, feasible "
        f"{ours['feasible']:.2f}; {_told(other, 'median')}, diversity {other['diversity']:.3g}",
        bool(
            ours["median"] >= other["median"]
            and ours["diversity"] > other["diversity"]
            and ours["feasible"] == 1
        ),
        _apart(ours, other, "median"),
    )


def _against_temperature(name: str, group: pd.DataFrame, figure: str) -> Verdict | None:
    budget = int(group["budget"].max())
    ours = _best(group, budget, figure, lambda method: method == "SMC over trajectory")
    other = _best(group, budget, figure, lambda method: method == "SMC over temperature")
    if ours is None or other is None:
        return None
    return Verdict(
        f"{name}, {budget} evaluations: SMC over the trajectory at or ahead of SMC over "
        f"temperature, {figure}",
        f"{_told(ours, figure)}; {_told(other, figure)}",
        bool(ours[figure] >= other[figure]),
        _apart(ours, other, figure),
    )


def _images(images: pd.DataFrame) -> Verdict | None:
    """Return how far samples along the trajectory are from real ones, at the most steps."""
    if images.empty:
        return None
    rows = images[images["steps"] == images["steps"].max()].set_index("method")
    ours, other = "trajectory annealing, raw", "temperature annealing"
    if ours not in rows.index or other not in rows.index:
        return None
    one, two = rows.loc[ours], rows.loc[other]
    found = "; ".join(
        f"{with_interval(row.to_dict(), 'fid')} ({name})"
        for name, row in ((ours, one), (other, two))
    )
    return Verdict(
        f"mnist, {rows['steps'].iloc[0]:,} steps: distance to real digits at most a third of that "
        "of temperature-annealed chains",
        found,
        bool(one["fid"] <= two["fid"] / 3),
        _apart(one, two, "fid"),
    )


def _apart(one: pd.Series, other: pd.Series, figure: str) -> bool:
    """Return whether the intervals of two means do not overlap."""
    widths = one[f"{figure}_interval"] + other[f"{figure}_interval"]
    return bool(abs(one[figure] - other[figure]) > widths)


def _speed(problems: dict[str, pd.DataFrame]) -> Verdict | None:
    """Return on how many problems a fifth of the budget is enough for the best rival's quality."""
    shares = {name: _share_needed(group) for name, group in problems.items()}
    known = {name: share for name, share in shares.items() if share is not None}
    if not known:
        return None
    fast = [name for name, share in known.items() if share <= 0.2]
    told = ", ".join(f"{name} {share:.2g}" for name, share in known.items() if share < float("inf"))
    return Verdict(
        "the best other method's final quality with at most a fifth of its evaluations on at "
        "least half of the discrete problems",
        f"{len(fast)} of {len(known)}; share of the evaluations where it is reached: {told}",
        2 * len(fast) >= len(known),
    )


def _share_needed(group: pd.DataFrame) -> float | None:
    """Return our evaluations over those of the best rival, each rival at its largest budget.

    Of rivals that are equally good the one with the smallest budget counts, which is the harder.
    """
    merit = merit_of(group)
    ours, others = (group[group["method"].map(_ours) == side] for side in (True, False))
    finals = others[others["budget"] == others.groupby("method")["budget"].transform("max")]
    finals = finals.dropna(subset=[merit])
    if ours.empty or finals.empty:
        return None
    rival = finals.sort_values([merit, "budget"], ascending=[False, True]).iloc[0]
    reached = ours.loc[ours[merit] >= rival[merit], "budget"]
    return float(reached.min() / rival["budget"]) if len(reached) else float("inf")
