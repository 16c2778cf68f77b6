"""Reading the measured table of a campaign and cutting it into folds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from prefect import task
from prefect.runtime import deployment

from designlib.candidates import check_recipe
from designlib.config import (
    CompositionConstraints,
    DesignRules,
    ObjectivesConfig,
    RecipeConfig,
    SplitConfig,
    TableReading,
)
from designlib.constraints import check_chemistry, feasible_starts
from designlib.constraints.synthesis import build_rules
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace, describe_space
from designlib.tables import (
    ROUND_COLUMN,
    MeasuredTable,
    assign_folds,
    parse_compositions,
    parse_table,
    random_rows,
    to_parquet_bytes,
    visible_rows,
)
from designlib.types import InputError
from tasks.inputs.catalogue import find_dataset, locate
from tasks.inputs.config import DataConfig, NamedDataset, TableFile
from tasks.installation.files import parquet_bytes, read_input, sha256_of
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.stages.stages import StageResult, run_stage
from tasks.stages.table_facts import (
    TableFacts,
    TableSource,
    best_measured,
    further_columns,
    load_facts,
    load_folds,
    load_table,
)


@task(name="ingest")
def ingest(data: DataConfig, objectives: ObjectivesConfig | None = None) -> StageResult:
    """Read the measured table: one row per design, replicates aggregated."""
    path, source = _source(data)
    read_input(path)  # a missing file is the reader's error, not the hash's
    inputs = {
        "file": sha256_of(path),
        "name": path.name,
        "source": source,
        "objectives": objectives,
    }

    def make() -> dict[str, bytes]:
        table, facts = _read(path, source)
        facts = facts.model_copy(update={"goals": objectives})
        _check_columns(table, facts)
        return {
            "measured.parquet": to_parquet_bytes(table),
            "facts.json": facts.model_dump_json(indent=2).encode(),
        }

    stage = run_stage(Settings(), "ingest", inputs, make)
    facts = load_facts(stage)
    told = (facts.name, facts.designs, facts.designs_are, facts.rows_read)
    run_logger().info("%s: %d %s from %d rows", *told)
    for what, guess in facts.guesses.items():
        run_logger().info("taken as %s: %s", what, guess)
    return stage


@task(name="split")
def split(measured: StageResult, config: SplitConfig, seed: int) -> StageResult:
    """Assign each measured design to the ensemble, the validation model, validation or test."""

    def make() -> dict[str, bytes]:
        facts = load_facts(measured)
        frame = load_table(measured)
        designs, space = frame["design"].tolist(), facts.space
        if facts.source.visible == "random":
            visible = random_rows(designs, facts.source.visible_share, seed)
        else:
            visible = visible_rows(
                frame["value"], facts.source.visible_share, maximise=facts.maximise
            )
        rounds = frame[ROUND_COLUMN] if ROUND_COLUMN in frame else pd.Series(0.0, frame.index)
        visible = visible | (rounds > 0).to_numpy()
        molecules = designs
        if facts.both_strands and isinstance(space, SequenceSpace):
            molecules = space.canonical(designs)
        shown = [molecule for molecule, seen in zip(molecules, visible, strict=True) if seen]
        fold = np.full(len(frame), "withheld", dtype=object)
        fold[visible] = assign_folds(shown, config, seed)
        columns = ["design", "value", "error", "weight", *further_columns(frame)]
        folds = frame[columns].assign(fold=fold, round=rounds)
        return {"folds.parquet": parquet_bytes(folds)}

    inputs = {"measured": measured.files, "split": config, "seed": seed}
    stage = run_stage(Settings(), "split", inputs, make)
    counts = load_folds(stage)["fold"].value_counts()
    run_logger().info("folds: %s", ", ".join(f"{name} {n}" for name, n in counts.items()))
    return stage


def _check_columns(table: MeasuredTable, facts: TableFacts) -> None:
    known = further_columns(table.frame)
    for column, _ in facts.objectives[1:]:
        if column not in known:
            raise InputError(
                f"{table.name}: objectives name the column {column!r}, which is no further value "
                f"column; there are: {', '.join(known) or 'none'}. Name all value columns in "
                "data.source.columns.values, the first objective first"
            )


def check_input(
    data: DataConfig,
    rules: DesignRules,
    recipe: RecipeConfig = RecipeConfig(),
    objectives: ObjectivesConfig | None = None,
) -> None:
    """Raise InputError for a table, constraints or a recipe that no campaign could start from."""
    table, facts = _read(*_source(data))
    _check_columns(table, facts.model_copy(update={"goals": objectives}))
    _check_feasible(table.frame, facts, rules, recipe)


def check_constraints(
    measured: StageResult,
    rules: DesignRules,
    recipe: RecipeConfig = RecipeConfig(),
) -> None:
    """Raise InputError for what does not fit the table, or constraints that nothing satisfies."""
    _check_feasible(load_table(measured), load_facts(measured), rules, recipe)


def _check_feasible(
    frame: pd.DataFrame, facts: TableFacts, rules: DesignRules, recipe: RecipeConfig
) -> None:
    check_recipe(recipe, facts.space)
    constraints = rules.constraints
    if isinstance(constraints, CompositionConstraints) and constraints.chemistry is not None:
        check_chemistry(facts.space)
    measured = best_measured(frame, facts)
    constraint = build_rules(rules, facts.space, measured)
    # Constraints that clash are told now, not after the training.
    feasible_starts(facts.space, constraint, 1, torch_generator(0, "check"), measured)


def read_named(dataset: str) -> tuple[MeasuredTable, TableFacts]:
    """Return the whole table of a data set of the catalogue, and what is known of it."""
    return _read(*_named(NamedDataset(dataset=dataset)))


def _source(data: DataConfig) -> tuple[Path, TableSource]:
    """Return where the table lies and how it is read."""
    match data.source:
        case NamedDataset() as named:
            return _named(named)
        case TableFile() as own:
            return table_path(own.path), TableSource(**_fields(own, without={"path"}))


def _named(named: NamedDataset) -> tuple[Path, TableSource]:
    entry = find_dataset(named.dataset)
    if entry.table is None:
        raise InputError(
            f"data set {named.dataset} is no table of measured designs; see data/README.md"
        )
    source = TableSource(
        **_fields(entry.table, without={"file"}),
        description=entry.description,
        citation=entry.citation,
        licence=entry.licence,
        visible_share=named.visible_share,
        visible=named.visible,
    )
    return locate(named.dataset, Settings())[entry.table.file], source


def _fields(reading: TableReading, without: set[str]) -> dict[str, Any]:
    return {name: value for name, value in reading if name not in without}


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


def _read(path: Path, source: TableSource) -> tuple[MeasuredTable, TableFacts]:
    content, name = read_input(path), path.name
    positive = source.transform == "log"
    if source.header:
        content = ",".join(source.header).encode() + b"\n" + content
    if source.compositions is not None:
        reading = source.compositions
        table = parse_compositions(content, name, reading, source.columns, positive=positive)
    else:
        table = parse_table(content, name, source.columns, source.alphabet, positive=positive)
    if source.both_strands and not table.alphabet.complement:
        raise InputError(f"{name}: both_strands needs DNA; the designs are {table.alphabet.name}")
    return table, TableFacts(
        source=source,
        name=table.name,
        **describe_space(table.space),
        rows_read=table.rows_read,
        designs=len(table.frame),
        guesses=table.guesses,
        value_name=table.value_name,
    )
