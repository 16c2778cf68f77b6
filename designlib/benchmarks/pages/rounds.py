"""Campaigns of several rounds compared: text and figures, made from their benchmark runs alone."""

from __future__ import annotations

from functools import partial
from typing import Any, TypeAlias

import pandas as pd

from designlib.benchmarks.pages.settings import PageSettings
from designlib.benchmarks.pages.tables import (
    Drawing,
    draw_curves,
    half_interval,
    markdown_table,
    names_of,
    summarise,
    with_interval,
)
from designlib.reports import panels, to_png

_FIGURES = {"best": "best", "top_mean": "mean of the best 100"}
_OURS = "this project"
_Row: TypeAlias = dict[Any, Any]


def rounds_drawing(runs: pd.DataFrame) -> Drawing:
    """Return the mean of the best 100 after each round, a panel for each problem."""
    caption = (
        "Mean of the best 100 designs by designs measured: mean over seeds with 95 % intervals, "
        "by the truth."
    )
    panes = [
        (group, "top_mean", "mean of the best 100", str(problem))
        for problem, group in summarise("rounds", runs).groupby("problem")
    ]
    return Drawing("family-rounds", caption, partial(_draw, panes, 4.0, 3.6))


def round_drawing(problem: str, runs: pd.DataFrame) -> Drawing:
    """Return the best and the mean of the best 100 measured designs after each round."""
    caption = f"{problem}, by designs measured: mean over seeds with 95 % intervals, by the truth."
    summary = summarise("rounds", runs)
    panes = [(summary, figure, f"{name} measured", "") for figure, name in _FIGURES.items()]
    return Drawing(f"rounds-{problem}", caption, partial(_draw, panes, 5.5, 4.6))


def round_section(runs: pd.DataFrame, settings: PageSettings, folder: str) -> str:
    """Return the section of the front page; figures and details lie in ``folder``."""
    by_problem = {str(problem): group for problem, group in runs.groupby("problem")}
    compared = {problem: _rivals(group) for problem, group in by_problem.items()}
    stands = {
        (problem, row["rival"]): row["stand"]
        for problem, rivals in compared.items()
        for row in rivals
        if row["figure"] == _FIGURES["top_mean"]
    }
    rows = [
        [
            f"[{problem}]({folder}rounds-{problem}.md)",
            row["loop"],
            row["seeds"],
            f"{row['measured']:.0f}",
            *(with_interval(row, figure, ".4f", ".4f") for figure in _FIGURES),
            stands.get((problem, row["loop"]), ""),
        ]
        for problem, group in by_problem.items()
        for row in _ranked(group)
    ]
    header = ["problem", "loop", "seeds", "designs measured", *_FIGURES.values(), f"{_OURS} is"]
    parts = [
        settings.texts["rounds"],
        _verdict({problem: rivals for problem, rivals in compared.items() if rivals}),
        "\n".join(markdown_table(header, rows)),
        rounds_drawing(runs).link(folder),
    ]
    return "\n\n".join(parts)


def _last(runs: pd.DataFrame) -> pd.DataFrame:
    return runs[runs["round"] == runs["round"].max()]


def _ranked(runs: pd.DataFrame) -> list[_Row]:
    """Return the summary after the last round of one problem, the best first."""
    last = _last(summarise("rounds", runs)).sort_values("top_mean", ascending=False)
    return last.to_dict("records")


def _rivals(runs: pd.DataFrame) -> list[_Row]:
    """Return how this project stands beside each other proposer after as many measurements."""
    by_loop = {str(loop): group for loop, group in runs.groupby("loop")}
    ours = by_loop.pop(_OURS, None)
    rows = []
    for figure, name in _FIGURES.items():
        for rival, theirs in by_loop.items() if ours is not None else ():
            both = [ours, theirs]
            limit = pd.concat([_last(each).set_index("seed")["measured"] for each in both])
            mine, other = (_within(each, limit.groupby("seed").min()) for each in both)
            gap = (mine[figure] - other[figure]).dropna()
            rows.append(
                {
                    "figure": name,
                    "rival": rival,
                    "measured": mine["measured"].mean(),
                    "gap": gap.mean(),
                    "gap_interval": half_interval(gap),
                    "stand": _stand(gap),
                }
            )
    return rows


def _within(runs: pd.DataFrame, limit: pd.Series) -> pd.DataFrame:
    """Return the last row of each seed, by seed, with at most so many designs measured."""
    within = runs[runs["measured"] <= runs["seed"].map(limit)]
    return within.sort_values("round").groupby("seed").last()


def _stand(gap: pd.Series) -> str:
    """Return on which side of 0 the interval of the mean is."""
    half = half_interval(gap)
    if pd.isna(half) or abs(gap.mean()) <= half:
        return "level"
    return "ahead" if gap.mean() > 0 else "behind"


def _verdict(compared: dict[str, list[_Row]]) -> str:
    """Return how many problems this project is level and ahead on, and against whom not."""
    level = [p for p, rows in compared.items() if all(r["stand"] != "behind" for r in rows)]
    higher = [p for p, rows in compared.items() if all(r["gap"] >= 0 for r in rows)]
    ahead = {
        name: [
            problem
            for problem, rows in compared.items()
            if all(row["stand"] == "ahead" for row in rows if row["figure"] == name)
        ]
        for name in _FIGURES.values()
    }
    both = [p for p in compared if all(p in problems for problems in ahead.values())]
    each = ", ".join(f"in the {name} on {_named(problems)}" for name, problems in ahead.items())
    return (
        f"Of {len(compared)} problems, this project is at least level with every other loop that "
        f"was run, in both figures, on {_named(level)}; ahead of all of them {each}, in both on "
        f"{_named(both)}. Its means are at least as high as every other's on {_named(higher)}."
    )


def _named(problems: list[str]) -> str:
    return f"{len(problems)} ({', '.join(problems)})" if problems else "none"


def _reached(runs: pd.DataFrame) -> str:
    """Return on how many seeds each proposer found the best design, if that is known."""
    optimum = runs["optimum"].max()
    if pd.isna(optimum):
        return ""
    found = (_last(runs)["best"] >= optimum).groupby(_last(runs)["loop"]).agg(["sum", "size"])
    by = [
        f"{loop} on {n} of {seeds} seeds"
        for loop, n, seeds in found.sort_values("sum", ascending=False, kind="stable").itertuples()
        if n
    ]
    return f" The largest value that there is, {optimum:.4g}, was found by " + (
        f"{', '.join(by)}; nothing can be better than that." if by else "none of them."
    )


def round_page(problem: str, runs: pd.DataFrame, everyone: set[str], settings: PageSettings) -> str:
    """Return the page of one problem; ``everyone`` are the proposers that any problem has."""
    start = summarise("rounds", runs[runs["round"] == 0]).iloc[0]
    chosen = runs.groupby("loop")["settings"].agg(names_of)
    how, note = "settings of each chosen on another seed", ""
    if not runs["tuned"].all():
        how = "settings of this project chosen by hand on another seed, those of others not"
        note = settings.round_notes.get(problem, "")
    missing = sorted(everyone - set(runs["loop"]))
    about = (
        f"{_last(runs)['round'].max()} rounds; {how}; commit {names_of(runs['commit'])}. At the "
        f"start: best {start['best']:.4g}, mean of the best 100 {start['top_mean']:.4g}."
        f"{_reached(runs)}"
        + (f" Not run on this problem: {', '.join(missing)}." if missing else "")
        + (f" {note}" if note else "")
    )
    seconds = _last(runs).groupby("loop")["cpu_seconds"].mean()
    standings = [
        [
            row["loop"],
            row["seeds"],
            f"{row['measured']:.0f}",
            *(with_interval(row, figure, ".4f", ".4f") for figure in _FIGURES),
            f"{seconds[row['loop']]:.0f}",
        ]
        for row in _ranked(runs)
    ]
    differences = [
        [
            row["rival"],
            row["figure"],
            f"{row['measured']:.0f}",
            with_interval(row, "gap", "+.4f", ".4f"),
            row["stand"],
        ]
        for row in _rivals(runs)
    ]
    header = ["loop", "seeds", "designs measured", *_FIGURES.values(), "CPU s"]
    parts = [
        [f"# {problem}: rounds"],
        [about],
        [round_drawing(problem, runs).link()],
        markdown_table(header, standings),
    ]
    if differences:
        header = [f"{_OURS} less", "in", "after measuring", "difference", "stand"]
        parts.append(markdown_table(header, differences))
    parts.append(["<details><summary>Settings</summary>"])
    parts.append([f"- {loop}: `{setting}`" for loop, setting in chosen.items()])
    return "\n\n".join("\n".join(part) for part in [*parts, ["</details>"]])


def _draw(panes: list[tuple[pd.DataFrame, str, str, str]], width: float, height: float) -> bytes:
    """Draw panes: a summary, the figure that is shown, how its axis is called, and a title."""
    figure, axes = panels(1, len(panes), width * len(panes), height)
    for axis, (summary, quantity, name, title) in zip(axes, panes, strict=True):
        draw_curves(axis, summary, "loop", "measured", quantity, lambda loop: loop == _OURS)
        axis.set(xlabel="designs measured", ylabel=name)
        axis.set_title(title, fontsize=10)
    # Of the figure: as wide as all panels, it would squeeze the one that it belonged to.
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4, frameon=False, fontsize=9)
    return to_png(figure, 80)
