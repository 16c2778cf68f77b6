"""The page of what a predictor learned when, with a verdict and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from designlib.analysis import LearningOrder, PowerLaw, Verdict
from designlib.reports.pages import PageTable, tables_page
from designlib.reports.style import SERIES, Picture, legend_above, panels, to_png, training_axis

_SUSPICIOUS = 20


def learning_order_figure(order: LearningOrder, rungs: Sequence[int]) -> Picture:
    """Return the share of each degree that is learned by training step, rungs marked."""
    figure, (axis,) = panels(1, 1, 7.0, 3.2)
    for degree, column in enumerate(order.learned.T.tolist(), start=1):
        share = float(order.share[degree - 1])
        color = SERIES[(degree - 1) % len(SERIES)]
        label = f"degree {degree} ({share:.0%})"
        axis.plot(order.steps, column, color=color, linewidth=1.4, label=label)
    training_axis(axis, max(order.steps), rungs)
    axis.set_ylabel("share learned")
    legend_above(axis)
    return Picture(
        "learning",
        "What was learned when",
        to_png(figure),
        "How much of each degree of interaction in the trained predictor a checkpoint has: degree "
        "1 are single letters, degree 2 pairs of positions; in brackets the share of the variance. "
        "From coarse to fine means that lower degrees rise first.",
    )


def curve_figure(curve: pd.DataFrame, law: PowerLaw) -> Picture:
    """Return held-out rank correlation by training rows, and what more rows should give."""
    figure, (axis,) = panels(1, 1, 7.0, 3.2)
    last = int(curve["rows"].max())
    sizes = np.geomspace(curve["rows"].min(), last + 1000, 40)
    expected = [law.error(size) for size in sizes]
    low, high = [1 - e.high for e in expected], [1 - e.low for e in expected]
    band = {"color": SERIES[0], "alpha": 0.2, "linewidth": 0, "label": "expected, 90 %"}
    axis.fill_between(sizes, low, high, **band)
    axis.plot(sizes, [1 - e.middle for e in expected], color=SERIES[0], linewidth=1.4)
    points = {"color": SERIES[1], "markersize": 4, "label": "trained and measured"}
    axis.plot(curve["rows"], curve["rank_correlation"], "o", **points)
    axis.axvline(last, color="black", linestyle=":", linewidth=1)
    axis.set_xscale("log")
    axis.set_xlabel("training rows")
    axis.set_ylabel("rank correlation")
    legend_above(axis)
    return Picture(
        "curve",
        "What more data are worth",
        to_png(figure),
        "Rank correlation on measured designs that nothing was trained on, by the number of rows "
        "trained on. The band is a power law with its uncertainty; right of the dotted line it "
        "is an expectation.",
    )


@dataclass(frozen=True)
class LearningContent:
    """What the page says."""

    verdict: Verdict
    by_checkpoint: pd.DataFrame | None
    """A row for each checkpoint; None for designs without degrees."""
    motif: str
    """Of the best match; empty for none."""
    examples: pd.DataFrame
    """Of every training row what `example_table` says."""
    core: pd.DataFrame | None = None
    """Trainings on a core set, as many random rows, and all."""
    gains: pd.DataFrame | None = None
    """Expected gain of more measurements."""


def render_learning(campaign: str, content: LearningContent, pictures: Sequence[Picture]) -> str:
    """Return the page."""
    verdict = content.verdict
    holds = {True: "holds", False: "does not hold", None: "does not apply"}[verdict.holds]
    lead = f"From coarse to fine {holds} for this predictor; {verdict.reason}. {verdict.advice}"
    tables = [
        PageTable("What more measurements are worth", _GAINS, content.gains),
        PageTable("By checkpoint", _BY_CHECKPOINT + _motif(content.motif), content.by_checkpoint),
        PageTable("Rows that look mislabelled", *_suspicious(content.examples)),
        PageTable("A core set", _CORE, _means(content.core)),
    ]
    title = f"{campaign}: what was learned when"
    return tables_page(title, lead, tables, pictures, classes={"design": "sequence long"})


_GAINS = (
    "Expected rise of the rank correlation on designs that nothing was trained on, with its "
    "interval of 90 %, by a power law through trainings on parts of the data. more: training rows."
)
_BY_CHECKPOINT = (
    "degree: share that is learned of the trained predictor's component in which so many positions "
    "interact. k-mers: the same of what counts of words of k letters tell, wherever they are. mean "
    "degree: centroid of the checkpoint's own spectrum, which rises from coarse to fine. "
    "mutagenesis: correlation of the effects of all single letters with those of the trained "
    "predictor."
)
_CORE = (
    "Rank correlation on the validation rows after training on a core set, whose rows agree most "
    "with the validation rows in every range of values, on as many random rows, and on all. A core "
    "set that does no better than random rows is none."
)


def _motif(name: str) -> str:
    return f" motif: how well {name} explains these effects, as a correlation." if name else ""


def _suspicious(examples: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    odd = examples[examples["looks_mislabelled"]]
    order = odd["error"].abs().sort_values(ascending=False).index[:_SUSPICIOUS]
    text = (
        f"{len(odd)} of {len(examples):,} training rows; the worst {len(order)}. Their loss rose "
        "while that of the validation rows fell, and the checkpoint that is best on these is far "
        "off. error: prediction less value, in standard deviations. Measure them again: a wrong "
        f"value and a discovery look alike. {(examples['agreement'] < 0).mean():.0%} of all rows "
        "were learned against the validation rows; examples.parquet has every row."
    )
    return text, odd.loc[order, ["design", "value", "error", "agreement"]]


def _means(core: pd.DataFrame | None) -> pd.DataFrame | None:
    if core is None:
        return None
    score = "validation_rank_correlation"
    means = core.groupby("of", sort=False).agg(
        rows=("rows", "first"),
        rank_correlation=(score, "mean"),
        lowest=(score, "min"),
        highest=(score, "max"),
    )
    return means.reset_index(names="trained on")
