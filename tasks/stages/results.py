"""What tasks and flows hand each other: names and paths, never tables or tensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from designlib.reports import CounterfactualFigures, RoundFigures

SUMMARY = "summary.json"
"""File of a published round that holds its figures; written last."""


class Round(BaseModel):
    """What the tasks of one round share."""

    model_config = ConfigDict(frozen=True)

    campaign: str
    number: int
    key: str
    """Content hash of data, configuration and code: the same round has the same key anywhere."""
    config_hash: str
    experiment_id: str
    run_id: str


class RegisteredPredictor(BaseModel):
    """A version of a registered predictor, pinned: the number and what it holds."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    predictor_hash: str


class Published(BaseModel):
    """Where a round's results are."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    mlflow_page: str
    note: str = ""
    """A remark on the round, such as that no results have arrived."""

    @property
    def candidates(self) -> Path:
        """The candidate table."""
        return self.folder / "candidates.parquet"

    @property
    def report(self) -> Path:
        """The report of the round."""
        return self.folder / "report.html"

    @property
    def figures(self) -> RoundFigures:
        """The figures of the round, read from its summary."""
        from designlib.reports import RoundFigures

        return RoundFigures.from_json((self.folder / SUMMARY).read_bytes())

    def on_screen(self) -> str:
        """Return what a command prints at its end."""
        figures = self.figures
        batch, stages = figures.batch, figures.stages
        lines = [
            "",
            *([self.note] if self.note else []),
            f"{batch.candidates} candidates, {batch.feasible_share:.0%} feasible, "
            f"predicted median {batch.predicted_median:.4g}",
        ]
        if figures.sampling.ladder:
            lines.append(f"ladder: {figures.sampling.ladder}")
        if true := batch.true_percentile:
            best = true.median_of_best_by_score
            lines.append(
                f"true percentile of the {batch.judged} that the oracle knows: "
                f"median {true.median:.2f}, best {true.best:.2f}"
                + ("" if best is None else f", median of the best by score {best:.2f}")
            )
        if wall := figures.wall_time:
            lines.append(
                f"{wall.total_seconds:.0f} s: {wall.set_up_seconds:.0f} s set-up, "
                f"{wall.compute_seconds:.0f} s compute, "
                f"{wall.orchestration_seconds:.0f} s orchestration; "
                f"{list(stages.values()).count('reused')} of {len(stages)} stages reused"
            )
        lines += [
            f"candidates  {self.candidates}",
            f"report      {self.report}",
            f"summary     {self.folder / SUMMARY}",
            f"MLflow      make ui, then {self.mlflow_page}",
        ]
        return "\n".join(lines)


class ImportedResults(BaseModel):
    """What one file has added to a campaign's record."""

    model_config = ConfigDict(frozen=True)

    source: str
    added: int
    failed: int
    """How many of those are failures."""
    known: int
    corrected: int
    unproposed: int
    pending: int
    """Candidates of the campaign that still wait for a result."""
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def on_screen(self) -> str:
        """Return what a command prints."""
        lines = [f"{self.source}: {note}" for note in self.notes]
        lines += [f"warning: {self.source}, {text}" for text in self.warnings]
        if self.added == 0:
            lines.append(
                f"{self.source}: nothing new; all {self.known} measurements are already recorded"
            )
        else:
            lines.append(
                f"{self.source}: {self.added} measurements imported ({self.failed} failed, "
                f"{self.corrected} corrected, {self.unproposed} for designs outside any proposal), "
                f"{self.known} already recorded"
            )
        return "\n".join(lines)


class Counterfactuals(BaseModel):
    """The folder of counterfactuals of some designs."""

    model_config = ConfigDict(frozen=True)

    folder: Path

    @property
    def page(self) -> Path:
        """The page about them."""
        return self.folder / "counterfactuals.html"

    @property
    def figures(self) -> CounterfactualFigures:
        """Their figures."""
        from designlib.reports import CounterfactualFigures

        return CounterfactualFigures.model_validate_json(
            (self.folder / "figures.json").read_bytes()
        )

    def on_screen(self) -> str:
        """Return what a command prints at its end."""
        figures = self.figures
        lines = [
            "",
            f"{figures.counterfactuals} counterfactuals of {figures.reached} of {figures.designs} "
            f"designs, at least {figures.fewest_edits} edits",
            f"edited most: {figures.edited or 'nothing'}",
        ]
        if figures.validation_agrees is not None:
            lines.append(f"validation model agrees with {figures.validation_agrees:.0%}")
        table = self.folder / "counterfactuals.parquet"
        return "\n".join([*lines, f"table  {table}", f"page   {self.page}"])


class LearningReport(BaseModel):
    """The page about the order of learning, and its verdict."""

    model_config = ConfigDict(frozen=True)

    page: Path
    holds: bool | None
    reason: str
    advice: str
    motif: str = ""
    notes: list[str] = []
    """The worth of single measurements, and of more of them."""

    def on_screen(self) -> str:
        """Return what a command prints at its end."""
        verdict = {True: "holds", False: "does not hold", None: "does not apply"}[self.holds]
        head = ["", f"coarse to fine {verdict}: {self.reason}", self.advice]
        return "\n".join([*head, *self.notes, f"page  {self.page}"])
