"""What later stages read of a measured table: its rows, its folds and its description."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd
from pydantic import model_validator

from designlib.config import (
    CANONICAL_COLUMNS,
    Objective,
    ObjectivesConfig,
    TableReading,
    TruthKind,
)
from designlib.spaces import DescribedSpace, encode_table
from designlib.tables import ROUND_COLUMN, from_parquet
from designlib.types import Designs
from tasks.stages.stages import StageResult


class TableSource(TableReading):
    """How a table is read, where it is from, and which part of it a campaign may learn from."""

    header: tuple[str, ...] = ()
    """Names of the columns of a file without a header line."""
    truth: TruthKind = "table"
    """How the table answers for a candidate that it does not hold."""
    description: str = ""
    citation: str = ""
    licence: str = ""
    visible_share: float = 1.0
    """Below 1 the table also serves as the oracle that judges the candidates."""
    visible: Literal["worst", "random"] = "worst"


class TableFacts(DescribedSpace):
    """What is known of a measured table besides its rows."""

    source: TableSource
    name: str
    rows_read: int
    designs: int
    guesses: dict[str, str]
    value_name: str
    goals: ObjectivesConfig | None = None
    """What is wanted of several value columns; None where only the first one counts."""

    @model_validator(mode="before")
    @classmethod
    def _flat_before(cls, values: Any) -> Any:
        """Release 0.1 stored the fields of ``source`` beside the others."""
        if not isinstance(values, Mapping) or "source" in values:
            return values
        source = {n: v for n, v in values.items() if n in _FORMER_SOURCE}
        source["direction"] = "maximise" if values.get("maximise", True) else "minimise"
        source["lowest"], source["highest"] = values.get("bounds", (None, None))
        left = {*_FORMER_SOURCE, "maximise", "bounds"}
        return {**{n: v for n, v in values.items() if n not in left}, "source": source}

    @property
    def maximise(self) -> bool:
        """Whether large values of the first objective are wanted."""
        return self.source.maximise

    @property
    def both_strands(self) -> bool:
        """Whether a sequence and its reverse complement are the same molecule."""
        return self.source.both_strands

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """All objectives, the first one under the empty name."""
        further = () if self.goals is None else self.goals.further(self.maximise)
        return (Objective("", self.maximise), *further)

    @property
    def has_oracle(self) -> bool:
        """Whether the withheld part of the table answers for what is proposed."""
        return self.source.visible_share < 1

    @property
    def distance_units(self) -> str:
        """What the distance between two designs is counted in."""
        if self.quantities or self.choices:
            return "hundredths of ranges"
        return f"steps of {self.step}" if self.components else "letters"


_FORMER_SOURCE = ("description", "citation", "licence", "units", "both_strands")
_FORMER_SOURCE += ("visible_share", "visible", "truth", "transform")


def further_columns(frame: pd.DataFrame) -> list[str]:
    """Return the value columns of a measured table after the first one."""
    own = {*CANONICAL_COLUMNS, ROUND_COLUMN, "fold", "round"}
    return [str(name) for name in frame.columns if name not in own]


def best_first(frame: pd.DataFrame, facts: TableFacts) -> pd.DataFrame:
    """Return the rows that the campaign may learn from, best first by the first objective."""
    if "fold" in frame:
        frame = frame[frame["fold"] != "withheld"]
    return frame.sort_values(["value", "design"], ascending=[not facts.maximise, True])


def best_measured(frame: pd.DataFrame, facts: TableFacts) -> Designs:
    """Return the measured designs that the campaign may learn from, best first, as a table."""
    return encode_table(facts.space, best_first(frame, facts)["design"].tolist())


def load_facts(measured: StageResult) -> TableFacts:
    """Return what the ingest stage knows of the table."""
    return TableFacts.model_validate_json(measured.path("facts.json").read_bytes())


def load_table(measured: StageResult) -> pd.DataFrame:
    """Return the measured designs, one row each."""
    return from_parquet(measured.path("measured.parquet").read_bytes()).frame


def objective_columns(measured: StageResult) -> list[str]:
    """Return the value columns that have predictors, the first one as the empty name."""
    return [column for column, _ in load_facts(measured).objectives]


def load_folds(split_stage: StageResult) -> pd.DataFrame:
    """Return design, value, weight and fold of every measured design."""
    folds = pd.read_parquet(split_stage.path("folds.parquet"))
    # Release 0.1 called the fold of the validation model so; analyses read its rounds too.
    return folds.assign(fold=folds["fold"].replace({"scorer": "validation_model"}))


PENDING = "pending.json"


def pending_designs(measured: StageResult) -> list[str]:
    """Return the designs that wait for a measurement while this round is chosen."""
    if PENDING not in measured.files:
        return []
    return json.loads(measured.path(PENDING).read_bytes())
