"""Simulated campaigns compared: text and figures, made from their cells and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from designlib.reporting.comparison import half_interval
from designlib.reporting.style import SERIES, Picture, legend_above, panels, to_png

__all__ = ["loop_figure", "loop_page", "summarise_loops"]

_FIGURES = ("best", "top_mean")


def summarise_loops(cells: pd.DataFrame) -> pd.DataFrame:
    """Return mean and 95 % interval over seeds for each problem, loop and round.

    ``cells`` has one row per problem, loop, seed and round. For each figure f there is ``f`` and
    ``f_interval``, half the width of Student's interval; NaN for a single seed.
    """
    rows = []
    for (problem, loop, number), group in cells.groupby(["problem", "loop", "round"]):
        row: dict[str, object] = {"problem": problem, "loop": loop, "round": number}
        row |= {"seeds": len(group), "measured": group["measured"].mean()}
        for figure in _FIGURES:
            row[figure] = group[figure].mean()
            row[f"{figure}_interval"] = half_interval(group[figure])
        rows.append(row)
    return pd.DataFrame(rows)


def loop_figure(problem: str, summary: pd.DataFrame) -> Picture:
    """Return the best and the mean of the best 100 designs known after each round."""
    figure, axes = panels(1, 2, 11.0, 4.6)
    names = {"best": "best value known", "top_mean": "mean of the best 100 known"}
    for at, (loop, group) in enumerate(summary.groupby("loop", sort=False)):
        ordered = group.sort_values("round")
        for axis, quantity in zip(axes, _FIGURES, strict=True):
            axis.errorbar(
                ordered["measured"], ordered[quantity],
                yerr=ordered[f"{quantity}_interval"].fillna(0.0),
                color=SERIES[at % len(SERIES)], marker="o", markersize=3, linewidth=1.4,
                elinewidth=0.8, label=str(loop),
            )  # fmt: skip
    for axis, quantity in zip(axes, _FIGURES, strict=True):
        axis.set_xlabel("designs measured")
        axis.set_ylabel(names[quantity])
    legend_above(axes[0])
    return Picture(
        f"rounds-{problem}", problem, to_png(figure),
        "Mean over seeds with 95 % intervals, by the truth.",
    )  # fmt: skip


def loop_page(
    summary: pd.DataFrame, pictures: Sequence[Picture], about: Mapping[str, object]
) -> str:
    """Return the page as Markdown: for each problem a table of the last round and a figure."""
    lines = [
        "# Good designs for few measurements",
        "",
        "Simulated campaigns of rounds: each loop begins with the training data of a problem, "
        "proposes a batch of designs that were not measured, and learns from the oracle's answers. "
        "All loops have measured as many designs; the best 100 are those of all that is known. "
        "Mean over seeds, with half the width of the 95 % interval where there are several.",
        "",
        *(f"- {name}: {value}" for name, value in about.items()),
    ]
    for picture in pictures:
        of_problem = summary[summary["problem"] == picture.title]
        last = of_problem[of_problem["round"] == of_problem["round"].max()]
        start = of_problem[of_problem["round"] == 0].iloc[0]
        lines += [
            "", f"## {picture.title}", "",
            f"At the start: best {start['best']:.4g}, best 100 {start['top_mean']:.4g}.", "",
            "| loop | seeds | measured | best | best 100 |",
            "|---|---|---|---|---|",
        ]  # fmt: skip
        for _, row in last.sort_values("top_mean", ascending=False).iterrows():
            lines.append(
                f"| {row['loop']} | {row['seeds']} | {row['measured']:.0f} | "
                f"{_with_interval(row, 'best')} | {_with_interval(row, 'top_mean')} |"
            )
        lines += ["", f"![{picture.title}]({picture.name}.png)", "", picture.caption]
    return "\n".join(lines) + "\n"


def _with_interval(row: pd.Series, figure: str) -> str:
    half = row[f"{figure}_interval"]
    return f"{row[figure]:.4f}" + ("" if pd.isna(half) else f" ± {half:.4f}")
