"""The page of counterfactuals: what has to be edited, and whether to believe it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from designlib.reports.pages import PageTable, tables_page
from designlib.reports.report import KeyFigure

__all__ = ["counterfactual_lines", "render_counterfactuals"]

_SHOWN, _PER_DESIGN = 60, 5
_HEADINGS = {
    "design": "design",
    "edits": "edits",
    "n_edits": "number",
    "share": "share of samples",
    "predicted_before": "predicted",
    "predicted_after": "then",
    "validation_change": "validation change",
    "validation_agrees": "validation agrees",
}
_CLASSES = {"design": "sequence long", "edits": "sequence long", "what": "sequence"}


def render_counterfactuals(
    campaign: str, goal: str, rows: pd.DataFrame, shares: pd.DataFrame, unreached: Sequence[str]
) -> str:
    """Return the page of the tables that `designlib.analysis.counterfactuals.tables` makes.

    ``goal`` says what was wanted, as in "at least 0.3 E-score".
    """
    designs = rows["design"].nunique() if len(rows) else 0
    often = shares[shares["edited"] > 0].head(_SHOWN)
    tables = [
        PageTable(
            "What is edited most",
            "In which share of the sampled counterfactuals each position or variable is edited, "
            "averaged over designs. If a few that should not matter come first, the predictor "
            "goes by a shortcut: a barcode, a batch, a marker.",
            ["what", "edited"],
            [
                [what, f"{share:.0%}"]
                for what, share in zip(
                    often["what"].tolist(), often["edited"].tolist(), strict=True
                )
            ],
        ),
        PageTable(
            "The fewest edits",
            f"The first {_PER_DESIGN} of each design, the fewest edits first; none of them can be "
            "left out. The share is that of the sampled states that became this one.",
            *_told(rows),
        ),
        PageTable(
            "Not reached",
            "No sample got there within the radius and the constraints.",
            ["design"],
            [[design] for design in unreached],
        ),
    ]
    agreed = ""
    if "validation_agrees" in rows and len(rows):
        agreed = (
            f" The validation model sees at least half of the change in "
            f"{rows['validation_agrees'].mean():.0%} of them; it learned from other rows of the "
            "same table, so it may share that table's errors."
        )
    lead = (
        f"Edits that make the prediction {goal}: {len(rows):,} sampled for {designs} designs. They "
        f"say what the predictor does, which is not what nature does.{agreed}"
    )
    return tables_page(f"{campaign}: counterfactuals", lead, tables, classes=_CLASSES)


def counterfactual_lines(explained: Mapping[str, Mapping[str, Any]]) -> list[KeyFigure]:
    """Return what a round's report says of counterfactuals: their figures by their folder."""
    lines = []
    for folder, told in explained.items():
        edited = ", ".join(f"{what} {share:.0%}" for what, share in told["most_edited"])
        note = f"edited most: {edited}; " if edited else ""
        found = f"found for {told['reached']} of {told['designs']} designs"
        lines.append(KeyFigure(told["goal"], found, f"{note}see {folder}"))
    return lines


def _told(rows: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    if not len(rows):
        return ["design"], []
    first = rows.groupby("design", sort=False).head(_PER_DESIGN).head(_SHOWN)
    known = {name: heading for name, heading in _HEADINGS.items() if name in first}
    told = [[_cell(value) for value in row] for row in first[list(known)].astype(object).to_numpy()]
    return list(known.values()), told


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).replace(";", "; ") or "none"
