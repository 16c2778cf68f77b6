"""Simulated campaigns compared: text and figures, made from their benchmark runs alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd

from designlib.benchmarks.pages.comparison import Drawing, half_interval, names_of
from designlib.reports import SERIES, panels, to_png

__all__ = ["loop_pages", "loop_section", "loops_drawing", "merge_loops", "summarise_loops"]

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
    """Return all runs, the new ones in place of earlier ones of the same problem and loop."""
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


def loop_pages(cells: pd.DataFrame) -> tuple[dict[str, str], list[Drawing]]:
    """Return a page for each problem, by name, and their figures."""
    everyone, pages, drawings = set(cells["loop"]), {}, []
    for problem, group in cells.groupby("problem"):
        drawing = _drawing(str(problem), summarise_loops(group))
        drawings.append(drawing)
        missing = sorted(everyone - set(group["loop"]))
        pages[f"rounds-{problem}"] = _of_problem(str(problem), group, drawing, missing)
    return pages, drawings


def loops_drawing(cells: pd.DataFrame) -> Drawing:
    """Return the mean of the best 100 after each round, a panel for each problem."""
    caption = (
        "Mean of the best 100 designs by designs measured: mean over seeds with 95 % intervals, "
        "by the truth."
    )
    return Drawing("family-rounds", caption, partial(_draw_all, summarise_loops(cells)))


def loop_section(cells: pd.DataFrame, folder: str) -> str:
    """Return the section of the front page; figures and details lie in ``folder``."""
    drawing = loops_drawing(cells)
    lines = [
        _INTRODUCTION, "", _verdict(cells), "",
        "| problem | loop | seeds | designs measured | best | mean of the best 100 | this project "
        "is |",
        "|---" * 7 + "|",
    ]  # fmt: skip
    for problem, group in cells.groupby("problem"):
        rivals = _rivals(group) if _OURS in set(group["loop"]) else []
        shown = _FIGURES["top_mean"]
        stands = {row["rival"]: row["stand"] for row in rivals if row["figure"] == shown}
        last = _last(summarise_loops(group)).sort_values("top_mean", ascending=False)
        lines += [
            f"| [{problem}]({folder}rounds-{problem}.md) | {row['loop']} | {row['seeds']} | "
            f"{row['measured']:.0f} | {_with_interval(row, 'best')} | "
            f"{_with_interval(row, 'top_mean')} | {stands.get(str(row['loop']), '')} |"
            for _, row in last.iterrows()
        ]
    lines += ["", f"![{drawing.caption}]({folder}{drawing.name}.png)"]
    return "\n".join(lines)


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


def _of_problem(problem: str, cells: pd.DataFrame, drawing: Drawing, missing: Sequence[str]) -> str:
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
        f"# {problem}: rounds", "",
        f"{_last(cells)['round'].max()} rounds; {how}; commit "
        f"{names_of(cells['commit'].tolist())}. At the start: best "
        f"{start['best']:.4g}, mean of the best 100 {start['top_mean']:.4g}.{_reached(cells)}"
        f"{left_out}{chosen}", "",
        f"![{drawing.caption}]({drawing.name}.png)", "",
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


def _drawing(problem: str, summary: pd.DataFrame) -> Drawing:
    """Return the best and the mean of the best 100 designs known after each round."""
    caption = f"{problem}, by designs measured: mean over seeds with 95 % intervals, by the truth."
    return Drawing(f"rounds-{problem}", caption, partial(_draw, summary))


def _draw(summary: pd.DataFrame) -> bytes:
    figure, axes = panels(1, 2, 11.0, 4.6)
    for axis, (quantity, name) in zip(axes, _FIGURES.items(), strict=True):
        _curves(axis, summary, quantity)
        axis.set_ylabel(f"{name} known")
    return _with_legend(figure, axes[0])


def _draw_all(summary: pd.DataFrame) -> bytes:
    problems = list(summary.groupby("problem"))
    figure, axes = panels(1, len(problems), 4.0 * len(problems), 3.6)
    for axis, (problem, group) in zip(axes, problems, strict=True):
        _curves(axis, group, "top_mean")
        axis.set_title(str(problem), fontsize=10)
    axes[0].set_ylabel("mean of the best 100 known")
    return _with_legend(figure, axes[0])


def _curves(axis: Any, summary: pd.DataFrame, quantity: str) -> None:
    for at, (loop, group) in enumerate(summary.groupby("loop", sort=False)):
        ordered = group.sort_values("round")
        axis.errorbar(
            ordered["measured"], ordered[quantity],
            yerr=ordered[f"{quantity}_interval"].fillna(0.0),
            color=SERIES[at % len(SERIES)], marker="o", markersize=3,
            linewidth=2.4 if loop == _OURS else 1.4, elinewidth=0.8, label=str(loop),
        )  # fmt: skip
    axis.set_xlabel("designs measured")


def _with_legend(figure: Any, axis: Any) -> bytes:
    # Of the figure: as wide as all panels, it would squeeze the one that it belonged to.
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4, frameon=False, fontsize=9)
    return to_png(figure, _DPI)


_DPI = 80


def _with_interval(row: pd.Series, figure: str) -> str:
    half = row[f"{figure}_interval"]
    return f"{row[figure]:.4f}" + ("" if pd.isna(half) else f" ± {half:.4f}")
