"""Simulated campaigns compared: text and figures, made from their cells and from nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from designlib.benchmarks.pages.comparison import half_interval, names_of
from designlib.reports import SERIES, Picture, panels, to_png

__all__ = ["loop_section", "merge_loops", "summarise_loops"]

_FIGURES = {"best": "best", "top_mean": "mean of the best 100"}
_OURS = "this project"

_INTRODUCTION = """\
## Good designs for few measurements

Simulated campaigns of rounds (`python -m flows.benchmark rounds`): each begins with the training
data of a problem, proposes a batch of designs that were not measured, and learns from the oracle's
answers. Two loops are compared after as many measurements, whatever they computed in between: where
one has found fewer new designs to measure, the other is taken after the last round in which it had
measured no more. AdaLead
and this project have predictors of one kind, trained in the same way and as long on what each of
them knows; the genetic algorithm and random mutation go by measurements alone, as they are used.
The best 100 are those of all designs known. What is compared is the difference on the same seed,
which decides what a campaign begins with: ahead or behind where the 95 % interval of its mean
leaves no doubt, else level."""


_CHOSEN = {
    "ehrlich-64": " That predictors learn this function better without emphasis on the best was "
    "seen on that other seed, but used only after the first of the seeds compared had ended, with "
    "emphasis, behind the genetic algorithm: the choice is not blind to what is compared.",
}
"""What is to be known of how settings were chosen by hand."""


def merge_loops(known: pd.DataFrame | None, new: pd.DataFrame) -> pd.DataFrame:
    """Return all cells, the new ones in place of known ones of the same problem and loop."""
    if known is not None:
        of = ["problem", "loop"]
        replaced = pd.MultiIndex.from_frame(known[of]).isin(pd.MultiIndex.from_frame(new[of]))
        new = pd.concat([known[~replaced], new], ignore_index=True)
    order = ["problem", "loop", "seed", "round"]
    return new.sort_values(order, kind="stable").reset_index(drop=True)


def summarise_loops(cells: pd.DataFrame) -> pd.DataFrame:
    """Return mean and 95 % interval over seeds for each problem, loop and round.

    ``cells`` has one row per problem, loop, seed and round. For each figure f there is ``f`` and
    ``f_interval``, half the width of Student's interval; NaN for a single seed.
    """
    rows = []
    for (problem, loop, number), group in cells.groupby(["problem", "loop", "round"]):
        row: dict[str, Any] = {"problem": problem, "loop": loop, "round": number}
        row |= {"seeds": len(group), "measured": group["measured"].mean()}
        for figure in _FIGURES:
            row[figure] = group[figure].mean()
            row[f"{figure}_interval"] = half_interval(group[figure])
        rows.append(row)
    return pd.DataFrame(rows)


def loop_section(cells: pd.DataFrame, folder: str) -> tuple[str, list[Picture]]:
    """Return the section of the page as Markdown, and its figures, which lie in ``folder``."""
    pictures, parts = [], []
    everyone = set(cells["loop"])
    for problem, group in cells.groupby("problem"):
        picture = _figure(str(problem), summarise_loops(group))
        pictures.append(picture)
        missing = sorted(everyone - set(group["loop"]))
        parts.append(
            _of_problem(str(problem), group, f"{folder}{picture.name}.png", picture, missing)
        )
    return "\n\n".join([_INTRODUCTION, _verdict(cells), *parts]), pictures


def _last(cells: pd.DataFrame) -> pd.DataFrame:
    return cells[cells["round"] == cells["round"].max()]


def _rivals(cells: pd.DataFrame) -> list[dict[str, Any]]:
    """Return how this project stands beside each other loop after as many measurements."""
    by_loop = {str(loop): group for loop, group in cells.groupby("loop")}
    ours = by_loop.pop(_OURS)
    rows = []
    for figure, name in _FIGURES.items():
        for rival, theirs in by_loop.items():
            limit = pd.concat(
                [_last(each).set_index("seed")["measured"] for each in (ours, theirs)]
            )
            mine, other = (_within(each, limit.groupby("seed").min()) for each in (ours, theirs))
            gap = (mine[figure] - other[figure]).dropna()
            rows.append(
                {
                    "figure": name, "rival": rival, "gap": gap.mean(),
                    "measured": mine["measured"].mean(), "interval": half_interval(gap),
                    "stand": _stand(gap),
                }
            )  # fmt: skip
    return rows


def _within(cells: pd.DataFrame, limit: pd.Series) -> pd.DataFrame:
    """Return the last row of each seed, by seed, with at most so many designs measured."""
    within = cells[cells["measured"] <= cells["seed"].map(limit)]
    return within.sort_values("round").groupby("seed").last()


def _stand(gap: pd.Series) -> str:
    """Return on which side of 0 the interval of the mean is."""
    half = half_interval(gap)
    if pd.isna(half) or abs(gap.mean()) <= half:
        return "level"
    return "ahead" if gap.mean() > 0 else "behind"


def _verdict(cells: pd.DataFrame) -> str:
    """Return how many problems this project is level and ahead on, and against whom not."""
    stands = {
        str(problem): _rivals(group)
        for problem, group in cells.groupby("problem")
        if _OURS in set(group["loop"])
    }
    level = [p for p, rows in stands.items() if all(r["stand"] != "behind" for r in rows)]
    higher = [p for p in stands if all(r["gap"] >= 0 for r in stands[p])]
    ahead = {
        name: [p for p, rows in stands.items() if _ahead_of_all(rows, name)]
        for name in _FIGURES.values()
    }
    both = [p for p in stands if all(p in problems for problems in ahead.values())]
    each = ", ".join(f"in the {name} on {_named(problems)}" for name, problems in ahead.items())
    return (
        f"Of {len(stands)} problems, this project is at least level with every other loop that was "
        f"run, in both figures, on {_named(level)}; ahead of all of them {each}, in both on "
        f"{_named(both)}. Its means are at least as high as every other's on {_named(higher)}."
    )


def _ahead_of_all(rows: Sequence[dict[str, Any]], figure: str) -> bool:
    return all(row["stand"] == "ahead" for row in rows if row["figure"] == figure)


def _reached(cells: pd.DataFrame) -> str:
    """Return on how many seeds each loop found the best design that there is, if that is known."""
    optimum = cells["optimum"].max()
    if pd.isna(optimum):
        return ""
    found = (_last(cells)["best"] >= optimum).groupby(_last(cells)["loop"]).agg(["sum", "size"])
    by = [
        f"{loop} on {n} of {seeds} seeds"
        for loop, n, seeds in found.sort_values("sum", ascending=False, kind="stable").itertuples()
        if n
    ]
    return f" The largest value that there is, {optimum:.4g}, was found by " + (
        f"{', '.join(by)}; nothing can be better than that." if by else "none of them."
    )


def _named(problems: list[str]) -> str:
    return f"{len(problems)} ({', '.join(problems)})" if problems else "none"


def _of_problem(
    problem: str, cells: pd.DataFrame, address: str, picture: Picture, missing: Sequence[str]
) -> str:
    summary = summarise_loops(cells)
    start = summary[summary["round"] == 0].iloc[0]
    last = _last(summary).sort_values("top_mean", ascending=False)
    settings = cells.groupby("loop")["settings"].agg(lambda values: names_of(values.tolist()))
    how, chosen = "settings of each chosen on another seed", ""
    if not cells["tuned"].all():
        how = "settings of this project chosen by hand on another seed, those of others not"
        chosen = _CHOSEN.get(problem, "")
    left_out = f" Not run on this problem: {', '.join(missing)}." if missing else ""
    lines = [
        f"### {problem}: rounds", "",
        f"{_last(cells)['round'].max()} rounds; {how}; commit "
        f"{names_of(cells['commit'].tolist())}. At the start: best "
        f"{start['best']:.4g}, mean of the best 100 {start['top_mean']:.4g}.{_reached(cells)}"
        f"{left_out}{chosen}", "",
        f"![{picture.caption}]({address})", "",
        "| loop | seeds | designs measured | best | mean of the best 100 | CPU s |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    seconds = _last(cells).groupby("loop")["cpu_seconds"].mean()
    lines += [
        f"| {row['loop']} | {row['seeds']} | {row['measured']:.0f} | "
        f"{_with_interval(row, 'best')} | {_with_interval(row, 'top_mean')} | "
        f"{seconds[row['loop']]:.0f} |"
        for _, row in last.iterrows()
    ]
    if _OURS in set(cells["loop"]):
        lines += ["", "| this project less | in | after measuring | difference | |"]
        lines.append("|---|---|---|---|---|")
        for row in _rivals(cells):
            half = row["interval"]
            told = "" if pd.isna(half) else f" ± {half:.4f}"
            lines.append(
                f"| {row['rival']} | {row['figure']} | {row['measured']:.0f} | "
                f"{row['gap']:+.4f}{told} | {row['stand']} |"
            )
    lines += ["", "<details><summary>Settings</summary>", ""]
    lines += [f"- {loop}: `{setting}`" for loop, setting in settings.items()]
    return "\n".join([*lines, "", "</details>"])


def _figure(problem: str, summary: pd.DataFrame) -> Picture:
    """Return the best and the mean of the best 100 designs known after each round."""
    figure, axes = panels(1, 2, 11.0, 4.6)
    for at, (loop, group) in enumerate(summary.groupby("loop", sort=False)):
        ordered = group.sort_values("round")
        for axis, quantity in zip(axes, _FIGURES, strict=True):
            axis.errorbar(
                ordered["measured"], ordered[quantity],
                yerr=ordered[f"{quantity}_interval"].fillna(0.0),
                color=SERIES[at % len(SERIES)], marker="o", markersize=3,
                linewidth=2.4 if loop == _OURS else 1.4, elinewidth=0.8, label=str(loop),
            )  # fmt: skip
    for axis, name in zip(axes, _FIGURES.values(), strict=True):
        axis.set_xlabel("designs measured")
        axis.set_ylabel(f"{name} known")
    # Of the figure: as wide as both panels, it would squeeze the one that it belonged to.
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4, frameon=False, fontsize=9)
    return Picture(
        f"rounds-{problem}", problem, to_png(figure, _DPI),
        f"{problem}, by designs measured: mean over seeds with 95 % intervals, by the truth.",
    )  # fmt: skip


_DPI = 80


def _with_interval(row: pd.Series, figure: str) -> str:
    half = row[f"{figure}_interval"]
    return f"{row[figure]:.4f}" + ("" if pd.isna(half) else f" ± {half:.4f}")
