"""The report of a round: one HTML page that needs nothing beside itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from designlib.candidates import describe_columns, readable
from designlib.reports.pages import embedded, render, table_cells
from designlib.reports.style import Picture
from designlib.sampling.ladders import LadderKind

_SHOWN = 20
_UNBROKEN = 16
_EXPLAINED, _END = "<!-- counterfactuals -->", "<!-- end of counterfactuals -->"
_CLASSES = {
    "design": "sequence long",
    "nearest_measured": "sequence long",
    "edits": "sequence long",
    "candidate_id": "sequence",
}
# Alike for nearly all candidates of a batch, or only there to rank them.
_NOT_ON_PAGE = ["candidate_id", "acquisition", "feasible", "role", "status"]


_CHANGING = "changing designs by accepted or rejected proposals."
_SAMPLED_ALONG: Mapping[LadderKind, str] = {
    "trajectory": "The checkpoints of the predictors' training are kept. Many chains followed them "
    f"from early ones, which know only the broad trend, to the final ones, {_CHANGING}",
    "temperatures": "The predictors' training left no checkpoints. Many chains moved from a nearly "
    f"flat density of the predictors to a sharp one, {_CHANGING}",
    "distillation": "The predictors' training left no checkpoints. Many chains followed those of a "
    "short training of the same architecture on the predictions, from early ones to the predictors "
    f"themselves, {_CHANGING}",
}
"""What the chains followed, by the kind of their ladder."""
SEARCHED = (
    "Sampling is a search heuristic: its end states are not exact draws from a probability density."
)
RESAMPLED = (
    "Populations of chains were weighted and resampled on the way: sequential Monte Carlo, whose "
    "draws approach the density of the trained predictor as the populations grow."
)


class KeyFigure(NamedTuple):
    """One line of the table of key figures."""

    label: str
    value: str
    """As printed, with its unit."""
    note: str = ""


@dataclass(frozen=True)
class ReportContent:
    """What a report says; texts are plain, never HTML."""

    candidates: pa.Table
    """The candidate table; campaign and round are read from it."""
    what_was_run: Sequence[KeyFigure]
    """Data set, rows, constraints, predictor, sampler, seed and the like, in reading order."""
    key_figures: Sequence[KeyFigure]
    pictures: Sequence[Picture]
    sampled: int
    """Distinct designs that the sampler returned."""
    rejected: Mapping[str, int]
    """Designs per kind of reason, from ``selection.rejection_counts``."""
    kept: int
    """Designs that passed every filter."""
    provenance: Mapping[str, str]
    """Hashes and versions."""
    ladder: LadderKind = "trajectory"
    """What the chains followed."""
    exactness: str = SEARCHED
    """What may be said of the designs that the sampler returned."""
    explained: Sequence[KeyFigure] = ()
    """Counterfactuals by the round's predictors."""
    where_the_rest_is: str = "candidates.parquet and candidates.csv beside this report"


def render_report(content: ReportContent) -> str:
    """Return the page: text and figures inside, no address outside it, user text escaped."""
    table = readable(content.candidates).head(_SHOWN)
    # The id comes last: it is for looking a design up, not for reading.
    shown = table.drop(columns=_NOT_ON_PAGE).assign(candidate_id=table["candidate_id"])
    described = {name: (unit, text) for name, unit, text in describe_columns(content.candidates)}
    return render(
        "report.html",
        content=content,
        campaign=content.candidates["campaign"][0].as_py(),
        round=content.candidates["round"][0].as_py(),
        candidates=content.candidates.num_rows,
        columns=[(name, *described[name]) for name in shown.columns],
        classes=_classes(table["design"].tolist()),
        rows=table_cells(shown),
        pictures=embedded(content.pictures),
        explained=content.explained,
        sampled_along=_SAMPLED_ALONG[content.ladder],
    )


def with_explained(page: str, explained: Sequence[KeyFigure]) -> str:
    """Return a report that names these counterfactuals, and no others; the rest is as it was."""
    begin, found, rest = page.partition(_EXPLAINED)
    _, end, after = rest.partition(_END)
    if not (found and end):  # a page of an earlier release
        return page
    return begin + render("_explained.html", explained=explained) + after


def _classes(designs: Sequence[str]) -> dict[str, str]:
    """Return the classes of cells; name=value pairs are broken between pairs only.

    Short sequences are not broken at all.
    """
    if any("=" in design for design in designs):
        return {name: kind.replace("long", "long pairs") for name, kind in _CLASSES.items()}
    whole = max(map(len, designs), default=0) <= _UNBROKEN
    return _CLASSES | (dict.fromkeys(("design", "nearest_measured"), "sequence") if whole else {})
