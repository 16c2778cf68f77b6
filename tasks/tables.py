"""Reading the measured table of a campaign and cutting it into folds."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
from prefect import task
from prefect.runtime import deployment
from pydantic import BaseModel, ConfigDict

from designlib.constraints.config import ConstraintConfig, build
from designlib.constraints.starts import feasible_starts
from designlib.randomness import torch_generator
from designlib.spaces import ALPHABETS, SequenceSpace
from designlib.splits import SplitConfig, assign_folds, visible_rows
from designlib.tables import (
    ROUND_COLUMN,
    AlphabetChoice,
    MeasuredTable,
    TableColumns,
    from_parquet,
    parse_table,
    to_parquet_bytes,
)
from designlib.types import InputError
from tasks.catalogue import find_dataset, locate
from tasks.config import DataConfig, NamedDataset, TableFile
from tasks.files import read_input, sha256_of
from tasks.log import run_logger
from tasks.settings import Settings
from tasks.stages import StageResult, run_stage

__all__ = [
    "TableFacts",
    "check_constraints",
    "check_input",
    "ingest",
    "load_facts",
    "load_folds",
    "split",
    "table_path",
]


class TableFacts(BaseModel):
    """What is known of a measured table besides its rows."""

    model_config = ConfigDict(frozen=True)

    name: str
    description: str
    citation: str
    licence: str
    alphabet: str
    length: int
    rows_read: int
    designs: int
    guesses: dict[str, str]
    value_name: str
    units: str
    maximise: bool
    both_strands: bool
    visible_share: float
    """Below 1 the table also serves as the oracle that judges the candidates."""
    bounds: tuple[float | None, float | None] = (None, None)
    """Smallest and largest value that can be, in ``units``."""

    @property
    def has_oracle(self) -> bool:
        """Whether the withheld part of the table answers for what is proposed."""
        return self.visible_share < 1

    @property
    def space(self) -> SequenceSpace:
        """The space of the table's designs."""
        return SequenceSpace(ALPHABETS[self.alphabet], self.length)


class _Source(BaseModel):
    """Where a table comes from and how it is read."""

    path: Path
    columns: TableColumns
    alphabet: AlphabetChoice
    description: str = ""
    citation: str = ""
    licence: str = ""
    units: str = ""
    maximise: bool = True
    both_strands: bool = False
    visible_share: float = 1.0
    bounds: tuple[float | None, float | None] = (None, None)


@task(name="ingest")
def ingest(data: DataConfig) -> StageResult:
    """Read the measured table: one row per design, replicates aggregated."""
    settings = Settings()
    source = _source(data, settings)
    read_input(source.path)  # a missing file is the reader's error, not the hash's
    inputs = {
        "file": sha256_of(source.path),
        "name": source.path.name,
        "source": source.model_dump(mode="json", exclude={"path"}),
    }

    def make() -> dict[str, bytes]:
        table, facts = _read(source)
        return {
            "measured.parquet": to_parquet_bytes(table),
            "facts.json": facts.model_dump_json(indent=2).encode(),
        }

    stage = run_stage(settings, "ingest", inputs, make)
    facts = load_facts(stage)
    run_logger().info(
        "%s: %d designs of %d letters from %d rows", facts.name, facts.designs, facts.length,
        facts.rows_read,
    )  # fmt: skip
    for what, guess in facts.guesses.items():
        run_logger().info("taken as %s: %s", what, guess)
    return stage


@task(name="split")
def split(measured: StageResult, config: SplitConfig, seed: int) -> StageResult:
    """Decide which measured designs train predictors, train the scorer, validate and test."""

    def make() -> dict[str, bytes]:
        facts = load_facts(measured)
        frame = from_parquet(measured.path("measured.parquet").read_bytes()).frame
        visible = visible_rows(frame["value"], facts.visible_share, maximise=facts.maximise)
        rounds = frame[ROUND_COLUMN] if ROUND_COLUMN in frame else pd.Series(0.0, frame.index)
        visible = visible | (rounds > 0).to_numpy()
        designs = frame["design"].tolist()
        molecules = facts.space.canonical(designs) if facts.both_strands else designs
        shown = [molecule for molecule, seen in zip(molecules, visible, strict=True) if seen]
        fold = np.full(len(frame), "withheld", dtype=object)
        fold[visible] = assign_folds(shown, config, seed)
        folds = frame[["design", "value", "error", "weight"]].assign(fold=fold, round=rounds)
        return {"folds.parquet": parquet_bytes(folds)}

    inputs = {"measured": measured.files, "split": config, "seed": seed}
    stage = run_stage(Settings(), "split", inputs, make)
    counts = load_folds(stage)["fold"].value_counts()
    run_logger().info("folds: %s", ", ".join(f"{name} {n}" for name, n in counts.items()))
    return stage


def check_input(data: DataConfig, constraints: ConstraintConfig) -> None:
    """Raise InputError for a table or constraints that a campaign could not start from."""
    _, facts = _read(_source(data, Settings()))
    _check_feasible(facts, constraints)


def check_constraints(measured: StageResult, constraints: ConstraintConfig) -> None:
    """Raise InputError for constraints that do not fit the table or that nothing satisfies."""
    _check_feasible(load_facts(measured), constraints)


def _check_feasible(facts: TableFacts, constraints: ConstraintConfig) -> None:
    constraint = build(constraints, facts.space)
    # Constraints that clash are told now, not after the training.
    feasible_starts(facts.space, constraint, 1, torch_generator(0, "check"))


def load_facts(measured: StageResult) -> TableFacts:
    """Return what the ingest stage knows of the table."""
    return TableFacts.model_validate_json(measured.path("facts.json").read_bytes())


def load_folds(split_stage: StageResult) -> pd.DataFrame:
    """Return design, value, weight and fold of every measured design."""
    return pd.read_parquet(split_stage.path("folds.parquet"))


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """Return a frame as Parquet; same frame, same bytes."""
    sink = io.BytesIO()
    frame.to_parquet(sink, index=False, compression="zstd")
    return sink.getvalue()


def _source(data: DataConfig, settings: Settings) -> _Source:
    match data.source:
        case NamedDataset() as named:
            return _named(named, settings)
        case TableFile() as own:
            return _own(own)


def _named(named: NamedDataset, settings: Settings) -> _Source:
    entry = find_dataset(named.dataset)
    if entry.table is None:
        raise InputError(
            f"data set {named.dataset} is no table of measured sequences; see data/README.md"
        )
    return _Source(
        path=locate(named.dataset, settings)[entry.table.file],
        columns=entry.table.columns,
        alphabet=entry.table.alphabet,
        description=entry.description,
        citation=entry.citation,
        licence=entry.licence,
        units=entry.table.units,
        maximise=entry.table.bigger_is_better,
        both_strands=entry.table.strands == "both",
        visible_share=named.visible_share,
    )


def _own(own: TableFile) -> _Source:
    return _Source(
        path=table_path(own.path),
        columns=own.columns,
        alphabet=own.alphabet,
        units=own.units,
        maximise=own.objective == "maximise",
        both_strands=own.both_strands,
        bounds=(own.lowest, own.highest),
    )


def table_path(named: str) -> Path:
    """Return where a table is: any file for who runs the command, for the page one folder only."""
    if deployment.id is None:
        return Path(named).expanduser()
    folder = Settings().table_folder.resolve()
    path = (folder / named).resolve()
    if not path.is_relative_to(folder) or named.startswith("~"):
        raise InputError(
            f"{named} lies outside the folder of tables; put the file into {folder} and give its "
            "path in there"
        )
    return path


def _read(source: _Source) -> tuple[MeasuredTable, TableFacts]:
    table = parse_table(read_input(source.path), source.path.name, source.columns, source.alphabet)
    if source.both_strands and not table.alphabet.complement:
        raise InputError(
            f"{source.path.name}: both_strands needs DNA; the designs are {table.alphabet.name}"
        )
    facts = TableFacts(
        name=table.name,
        description=source.description,
        citation=source.citation,
        licence=source.licence,
        alphabet=table.alphabet.name,
        length=table.length,
        rows_read=table.rows_read,
        designs=len(table.frame),
        guesses=table.guesses,
        value_name=table.value_name,
        units=source.units,
        maximise=source.maximise,
        both_strands=source.both_strands,
        visible_share=source.visible_share,
        bounds=source.bounds,
    )
    return table, facts


def json_bytes(content: object) -> bytes:
    """Return indented JSON with sorted keys; NaN raises."""
    return json.dumps(content, indent=2, sort_keys=True, allow_nan=False).encode()
