"""The page of counterfactuals: what has to be edited, and whether to believe it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from pydantic import BaseModel, ConfigDict

from designlib.reports.pages import PageTable, tables_page
from designlib.reports.report import KeyFigure

_SHOWN, _PER_DESIGN, _MOST_EDITED = 60, 5, 6
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


class CounterfactualFigures(BaseModel):
    """The counterfactuals of some designs in short."""

    model_config = ConfigDict(frozen=True)

    round: int
    goal: str
    """Such as "at least 0.3 E-score"."""
    designs: int
    reached: int
    """Designs with counterfactuals."""
    counterfactuals: int
    fewest_edits: int | None
    most_edited: tuple[tuple[str, float], ...]
    """Positions or variables with the share of counterfactuals in which each is edited."""
    validation_agrees: float | None
    """Share whose change the validation model confirms; None without one."""

    @classmethod
    def of(
        cls, round_: int, goal: str, designs: int, rows: pd.DataFrame, shares: pd.DataFrame
    ) -> CounterfactualFigures:
        """Return the figures of tables that `render_counterfactuals` shows."""
        most = shares[shares["edited"] > 0].head(_MOST_EDITED)
        agrees = len(rows) and "validation_agrees" in rows
        return cls(
            round=round_,
            goal=goal,
            designs=designs,
            reached=rows["design"].nunique() if len(rows) else 0,
            counterfactuals=len(rows),
            fewest_edits=int(rows["n_edits"].min()) if len(rows) else None,
            most_edited=tuple(zip(most["what"].tolist(), most["edited"].tolist(), strict=True)),
            validation_agrees=float(rows["validation_agrees"].mean()) if agrees else None,
        )

    @property
    def edited(self) -> str:
        """The most edited positions or variables in words; empty for none."""
        return ", ".join(f"{what} {share:.0%}" for what, share in self.most_edited)


def render_counterfactuals(
    campaign: str, goal: str, rows: pd.DataFrame, shares: pd.DataFrame, unreached: Sequence[str]
) -> str:
    """Return the page of the tables that `designlib.analysis.counterfactuals.tables` makes.

    ``goal`` says what was wanted, as in "at least 0.3 E-score".
    """
    often = shares[shares["edited"] > 0].head(_SHOWN)
    first = pd.DataFrame()
    if len(rows):
        first = rows.groupby("design", sort=False).head(_PER_DESIGN).head(_SHOWN)
        first = first[[name for name in _HEADINGS if name in first]]
        first = first.replace({"edits": {"": "none"}}).rename(columns=_HEADINGS)
    tables = [
        PageTable(
            "What is edited most",
            "In which share of the sampled counterfactuals each position or variable is edited, "
            "averaged over designs. If a few that should not matter come first, the predictor "
            "goes by a shortcut: a barcode, a batch, a marker.",
            often[["what"]].assign(edited=often["edited"].map("{:.0%}".format)),
        ),
        PageTable(
            "The fewest edits",
            f"The first {_PER_DESIGN} of each design, the fewest edits first; none of them can be "
            "left out. The share is that of the sampled states that became this one.",
            first,
        ),
        PageTable(
            "Not reached",
            "No sample reached the goal within the radius and the constraints.",
            pd.DataFrame({"design": unreached}),
        ),
    ]
    agreed = ""
    if "validation_agrees" in rows and len(rows):
        agreed = (
            f" The validation model sees at least half of the change in "
            f"{rows['validation_agrees'].mean():.0%} of them; it learned from other rows of the "
            "same table, so it may share that table's errors."
        )
    designs = rows["design"].nunique() if len(rows) else 0
    lead = (
        f"Edits that make the prediction {goal}: {len(rows):,} sampled for {designs} designs. They "
        f"say what the predictor does, which is not what nature does.{agreed}"
    )
    return tables_page(f"{campaign}: counterfactuals", lead, tables, classes=_CLASSES)


def counterfactual_lines(explained: Mapping[str, CounterfactualFigures]) -> list[KeyFigure]:
    """Return what a round's report says of counterfactuals: their figures by their folder."""
    lines = []
    for folder, figures in explained.items():
        note = f"edited most: {figures.edited}; " if figures.edited else ""
        found = f"found for {figures.reached} of {figures.designs} designs"
        lines.append(KeyFigure(figures.goal, found, f"{note}see {folder}"))
    return lines
