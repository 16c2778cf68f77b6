"""The page of what a predictor learned when, with a verdict and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from designlib.diagnostics.order import LearningOrder, Verdict
from designlib.reporting.pages import embedded, render
from designlib.reporting.style import SERIES, Picture, legend_above, panels, to_png

__all__ = ["learning_figure", "render_learning"]


class _Table(NamedTuple):
    title: str
    text: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


def learning_figure(order: LearningOrder, rungs: Sequence[int]) -> Picture:
    """Return the share of each degree that is learned by training step, rungs marked."""
    figure, (axis,) = panels(1, 1, 7.0, 3.2)
    for degree, column in enumerate(order.learned.T.tolist(), start=1):
        share = float(order.share[degree - 1])
        color = SERIES[(degree - 1) % len(SERIES)]
        label = f"degree {degree} ({share:.0%} of the variance)"
        axis.plot(order.steps, column, color=color, linewidth=1.4, label=label)
    axis.plot(
        rungs, [0.04] * len(rungs), "|", color="black", markersize=8,
        transform=axis.get_xaxis_transform(), label="rung of the ladder",
    )  # fmt: skip
    axis.set_xscale("symlog", linthresh=1, linscale=0.4)
    axis.set_xlim(0, max(order.steps) * 1.1)
    axis.set_xlabel("training step (logarithmic)")
    axis.set_ylabel("share learned")
    legend_above(axis)
    return Picture(
        "learning",
        "What was learned when",
        to_png(figure),
        "How much of each degree of interaction in the trained predictor a checkpoint has: degree "
        "1 are single letters, degree 2 pairs of positions. From coarse to fine means that lower "
        "degrees rise first.",
    )


def render_learning(
    campaign: str, verdict: Verdict, table: pd.DataFrame, pictures: Sequence[Picture], motif: str
) -> str:
    """Return the page; ``table`` has a row for each checkpoint, ``motif`` names the best match."""
    said = {True: "holds", False: "does not hold", None: "cannot be asked"}[verdict.holds]
    lead = f"From coarse to fine {said} for this predictor; {verdict.reason}. {verdict.advice}"
    text = (
        "learned: share of the trained predictor's component of that degree. mutagenesis: "
        "correlation of the effects of all single letters with those of the trained predictor. "
        f"motif: how well {motif} explains these effects, as a correlation."
    )
    rows = [[_cell(value) for value in row] for row in table.astype(object).to_numpy()]
    tables = [_Table("By checkpoint", text, [str(name) for name in table.columns], rows)]
    return render(
        "learning.html", campaign=campaign, lead=lead, tables=tables, pictures=embedded(pictures),
        classes={},
    )  # fmt: skip


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)
