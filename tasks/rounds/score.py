"""Scoring sampled designs, and choosing the batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import pandas as pd
from prefect import task

from designlib.candidates import (
    Provenance,
    build_table,
    component_columns,
    to_csv_bytes,
    to_parquet_bytes,
    variable_units,
)
from designlib.config import CompositionConstraints
from designlib.constraints import build
from designlib.sampling import choose_sampler
from designlib.sampling.run import ladder_bands
from designlib.selection import (
    CHECKED,
    Measured,
    Oracle,
    Predictors,
    Scoring,
    SelectionFigures,
    choose_designs,
    confidence_columns,
)
from tasks.inputs.round_inputs import RoundInputs
from tasks.installation.device import use_device
from tasks.installation.files import json_bytes, parquet_bytes
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.rounds.promotion import predictor_hash
from tasks.stages.ensemble import Ensemble
from tasks.stages.rows import read_rows, with_progress, write_rows
from tasks.stages.snapshots import read_few_chains, read_pool
from tasks.stages.stages import Stage, StageResult, write_stage
from tasks.stages.table_facts import (
    TableFacts,
    best_measured,
    load_facts,
    load_folds,
    pending_designs,
)


@task(name="score-designs")
def score_designs(
    inputs: RoundInputs,
    members: Sequence[StageResult],
    validation_models: Sequence[StageResult],
    snapshots: StageResult,
) -> StageResult:
    """Score the pool of sampled designs and the measured ones that check the predictors.

    On the CPU, whatever made the predictors: one pass of a small network, in the pool without GPUs.
    """
    where = use_device("cpu")
    measured, folds = inputs.measured, inputs.folds
    constraints, sampling = inputs.config.constraints, inputs.config.sampling
    sampler = choose_sampler(sampling, load_facts(measured).space)

    def make(stage: Stage) -> None:
        facts, table = load_facts(measured), load_folds(folds)
        known = table[table["fold"] != "withheld"].reset_index(drop=True)
        rules = constraints.chemistry if isinstance(constraints, CompositionConstraints) else None
        scoring = Scoring(
            space=facts.space,
            both_strands=facts.both_strands,
            ensemble=Predictors(Ensemble(members).trained, where),
            validation=Predictors(Ensemble(validation_models).trained, where),
            measured=known["design"].tolist(),
            constraint=build(constraints, facts.space, best_measured(table, facts)),
            chemistry=rules,
            oracle=_oracle(table, facts),
        )
        pool = read_pool(snapshots.path("snapshots.parquet"), sampling.pool_rungs)
        parts = (scoring.score(part).assign(sampler=sampler.label) for part in pool)
        checked = scoring.predict(known[known["fold"].isin(CHECKED)].reset_index(drop=True))
        few = scoring.predict(read_few_chains(snapshots.path("snapshots.parquet")))
        parts = with_progress(parts, "designs scored")
        stage.write("scored.parquet", lambda file: write_rows(parts, file))
        stage.write("measured.parquet", parquet_bytes(checked))
        stage.write("ladder.parquet", parquet_bytes(ladder_bands(few)))

    depends_on = {
        "sampler": sampler,
        "measured": measured,
        "folds": folds,
        "members": members,
        "validation_models": validation_models,
        "snapshots": snapshots,
        "constraints": constraints,
        "pool_rungs": sampling.pool_rungs,
    }
    stage = write_stage(Settings(), "score", depends_on, make)
    run_logger().info("scored designs: %s", stage.path("scored.parquet"))
    return stage


@task(name="select-designs")
def select_designs(
    inputs: RoundInputs, members: Sequence[StageResult], scored: StageResult
) -> StageResult:
    """Filter the scored designs, choose a diverse batch and make the candidate table."""
    measured, folds, round_ = inputs.measured, inputs.folds, inputs.round_
    config, synthesis = inputs.config.selection, inputs.config.synthesis
    seed = inputs.config.seed

    def make(stage: Stage) -> None:
        facts, table, ensemble = load_facts(measured), load_folds(folds), Ensemble(members)
        # All that is stored of the members, read once: `trained` is then a part of it.
        first = [member for member in ensemble.trajectories if not member.spec.column]
        checked = pd.read_parquet(scored.path("measured.parquet"))
        known = Measured(
            space=facts.space,
            both_strands=facts.both_strands,
            maximise=facts.maximise,
            goals=facts.goals,
            distance_units=facts.distance_units,
            members=ensemble.trained,
            folds=table,
            checked=checked,
            pending=pending_designs(measured),
            synthesis=synthesis,
        )

        def read(columns: list[str] | None) -> Iterator[pd.DataFrame]:
            rows = read_rows(scored.path("scored.parquet"), columns)
            return rows if columns else with_progress(rows, "designs filtered")

        def keep(parts: Iterator[pd.DataFrame]) -> None:
            stage.write("rejected.parquet", lambda file: write_rows(parts, file))

        choice = choose_designs(read, known, config, seed, keep)
        designs = facts.space.encode(choice.frame["design"].tolist())
        chosen = choice.frame.assign(
            **confidence_columns(choice.frame, checked, table, facts.space, first),
            **component_columns(facts.space, designs),
        )
        provenance = Provenance(
            campaign=round_.campaign,
            round=round_.number,
            seed=seed,
            predictor_hash=predictor_hash(members),
            dataset_hash=measured.files["measured.parquet"][:16],
            config_hash=round_.config_hash,
            round_key=round_.key,
            value_name=facts.value_name,
            value_units=facts.source.unit,
            maximise=facts.maximise,
            distance_units=facts.distance_units,
            variable_units=variable_units(facts.space),
        )
        candidates = build_table(chosen, facts.kind, provenance)
        stage.write("candidates.parquet", to_parquet_bytes(candidates))
        stage.write("candidates.csv", to_csv_bytes(candidates))
        stage.write("best_by_score.parquet", parquet_bytes(choice.best_by_score))
        stage.write("selection.json", json_bytes(asdict(choice.figures)))

    depends_on = {
        "measured": measured,
        "folds": folds,
        "scored": scored,
        "selection": config,
        "synthesis": synthesis,
        "round": round_.key,
        "members": members,
        "seed": seed,
    }
    stage = write_stage(Settings(), "select", depends_on, make)
    figures = SelectionFigures.from_json(stage.path("selection.json").read_bytes())
    rejected = figures.rejected or "none"
    run_logger().info(
        "%d of %d designs chosen; rejected: %s", figures.batch.chosen, figures.pool, rejected
    )
    return stage


def _oracle(table: pd.DataFrame, facts: TableFacts) -> Oracle | None:
    if not facts.has_oracle:
        return None
    truth = table.set_index("design")["value"]
    return Oracle(truth, facts.space, facts.source.truth, facts.maximise)
