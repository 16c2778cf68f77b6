"""What a round knows before it begins, and what it leaves in the campaign's record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from prefect import task

from designlib.candidates import Ledger, content_hash, measurement_table, read_candidates
from designlib.config import TrainingConfig
from designlib.selection import Oracle
from designlib.spaces import describe_space, described
from designlib.tables import from_parquet, join_results, reveal_results, to_parquet_bytes
from designlib.types import InputError
from tasks.inputs.round_inputs import RoundStages, ledger_settings
from tasks.installation.files import json_bytes, parquet_bytes
from tasks.installation.log import run_logger
from tasks.installation.machine import code_version
from tasks.installation.settings import Settings
from tasks.record.ledger import held_ledger, load_ledger
from tasks.rounds.layout import laid_out
from tasks.rounds.rounds import ROUND_MAKERS
from tasks.stages.code import code_fingerprint
from tasks.stages.stages import StageResult, noted, noted_stage, run_stage
from tasks.stages.table_facts import PENDING, TableFacts, load_facts, load_folds
from tasks.tracking.tracking import experiment_id, find_run, log_bytes, log_metrics

__all__ = [
    "known_events",
    "last_predictors",
    "measure_by_oracle",
    "mirror_results",
    "recall",
    "record_proposal",
]


def known_events(campaign: str, number: int) -> int:
    """Return how many entries of its record a round knows: those of when it was first proposed."""
    return load_ledger(campaign).known_before(number)


@task(name="recall")
def recall(campaign: str, number: int, start: StageResult, known: int) -> StageResult:
    """Return the table that a round learns from: the first one and all results since.

    ``known`` is how many entries of the campaign's record the round knows. For the first round of
    a campaign the table is the first one itself.
    """
    facts = load_facts(start)
    record = load_ledger(campaign).first(known)
    _check_same_designs(record, facts, campaign)
    results, pending = record.results(), record.pending()
    if results.empty and not pending:
        return start
    content = parquet_bytes(results)

    def make() -> dict[str, bytes]:
        table = from_parquet(start.path("measured.parquet").read_bytes())
        # A complete table has every answer already; any other oracle's answers are new rows.
        complete = facts.has_oracle and facts.source.truth == "table"
        joined = (reveal_results if complete else join_results)(table, results)
        told = {"designs": len(joined), "rows_read": joined.rows_read}
        return {
            "measured.parquet": to_parquet_bytes(joined),
            "facts.json": facts.model_copy(update=told).model_dump_json(indent=2).encode(),
            PENDING: json_bytes(pending),
        }

    inputs = {"start": start.files, "results": content_hash(content), "pending": pending}
    stage = run_stage(Settings(), "recall", inputs, make)
    run_logger().info(
        "round %d learns from %d more measured designs; %d candidates still wait for results",
        number, len(results), len(pending),
    )  # fmt: skip
    return stage


@task(name="last-predictors")
def last_predictors(campaign: str, number: int, config: TrainingConfig) -> list[StageResult]:
    """Return the members of the round before, from which a warm start goes on; none otherwise.

    Raises InputError where they are not here any more, or were another number.
    """
    earlier = [entry for entry in load_ledger(campaign).proposals if entry.round < number]
    if config.start == "fresh" or not earlier:
        return []
    last = earlier[-1]
    members = [noted_stage("train", told) for told in last.about.get("members", ())]
    objectives = len(last.about.get("objectives", ())) or 1
    if len(members) != config.members * objectives or not all(m.is_intact() for m in members):
        raise InputError(
            f"training.start: warm goes on from the {config.members} predictors of round "
            f"{last.round}, which are not in {Settings().stages / 'train'}; use start: fresh"
        )
    return members


@task(name="record-proposal")
def record_proposal(stages: RoundStages, start: StageResult, known: int) -> None:
    """Enter the candidates of a round into the ledger, once.

    ``known`` is how many events the round knew.
    """
    inputs = stages.inputs
    round_ = inputs.round_
    facts = load_facts(start)
    table = read_candidates(stages.selected.path("candidates.parquet").read_bytes())
    about = {
        **describe_space(facts.space),
        "both_strands": facts.both_strands,
        "value_name": facts.value_name,
        "units": facts.source.unit,
        "maximise": facts.maximise,
        "bounds": (facts.source.lowest, facts.source.highest),
        "simulated": facts.has_oracle,
        "round_key": round_.key,
        "config": ledger_settings(inputs.config, inputs.external),
        "objectives": _objectives(load_folds(inputs.folds), facts),
        "start": start.files["measured.parquet"],
        "known": known,
        "members": [noted(member) for member in stages.members],
        "validation_models": [noted(model) for model in stages.validation_models],
        "table": noted(start),
        "folds": noted(inputs.folds),
        "code": code_fingerprint(*ROUND_MAKERS),
        "commit": code_version(),
    }
    wells = laid_out(stages.layout)
    if wells is not None and inputs.config.plate is not None:
        about["wells"] = wells[["plate", "well", "design"]].to_numpy().tolist()
        about["plate_size"] = inputs.config.plate.wells
    with held_ledger(round_.campaign) as held:
        if held.append("proposed", round_.number, about, table):
            run_logger().info("round %d: %d candidates proposed", round_.number, table.num_rows)
        held.write_overview()


@task(name="measure-by-oracle")
def measure_by_oracle(start: StageResult, campaign: str, number: int) -> None:
    """Measure the candidates of a simulated round; those that the oracle does not know stay."""
    facts = load_facts(start)
    frame = from_parquet(start.path("measured.parquet").read_bytes()).frame
    oracles = {
        column: Oracle(
            frame.set_index("design")[column or "value"], facts.space, facts.source.truth, wanted
        )
        for column, wanted in facts.objectives
    }
    with held_ledger(campaign) as held:
        proposal = next(e for e in reversed(held.record.proposals) if e.round == number)
        rows = proposal.rows[["candidate_id", "design"]]
        rows = pd.concat(
            [
                rows.assign(objective=column, value=oracle.measure(rows["design"].tolist()))
                for column, oracle in oracles.items()
            ]
        )
        rows = rows[rows["value"].notna()].reset_index(drop=True)
        rows = rows.assign(
            plate="", well="", replicate=1, outcome="measured", error=None, note="",
            round=number, source="oracle", source_row=range(1, len(rows) + 1),
        )  # fmt: skip
        about = {"by": "oracle", "round_key": proposal.about["round_key"]}
        if held.append("measured", number, about, measurement_table(rows)):
            count = rows["design"].nunique()
            run_logger().info("round %d: %d candidates measured by the oracle", number, count)
        held.write_overview()
        record = held.record
    mirror_results(campaign, record)


def mirror_results(campaign: str, record: Ledger) -> None:
    """Log what was measured of each round to the MLflow run of the round."""
    experiment = experiment_id(Settings(), campaign)
    candidates = record.candidates()
    for entry in record.proposals:
        rows = candidates[candidates["round"] == entry.round]
        known = rows[rows["status"] == "measured"]
        run = find_run(experiment, entry.about["round_key"])
        if run is None or known.empty or _same(run.data.metrics, known):
            continue
        shown = known[["candidate_id", "design", "predicted_mean", "measured_value"]]
        log_bytes(run.info.run_id, "measured.csv", shown.to_csv(index=False).encode())
        log_metrics(run.info.run_id, _figures(known, maximise=entry.about["maximise"]))


def _objectives(folds: pd.DataFrame, facts: TableFacts) -> list[dict[str, Any]]:
    """Return the objectives as the record tells them; the first alone is not told again.

    Hypervolumes count from the median of the table that the campaign started from.
    """
    if facts.goals is None:
        return []
    start = folds[(folds["fold"] != "withheld") & (folds["round"] == 0)]
    return [
        {
            "name": column or facts.value_name, "maximise": wanted,
            "reference": float(start[column or "value"].median()),
        }
        for column, wanted in facts.objectives
    ]  # fmt: skip


def _figures(known: pd.DataFrame, *, maximise: bool) -> dict[str, float]:
    values = known["measured_value"]
    return {
        "measured.designs": float(len(values)),
        "measured.best": float(values.max() if maximise else values.min()),
        "measured.median": float(values.median()),
        "measured.mean": float(values.mean()),
    }


def _same(metrics: Mapping[str, float], known: pd.DataFrame) -> bool:
    told = (metrics.get("measured.designs"), metrics.get("measured.mean"))
    return told == (len(known), float(known["measured_value"].mean()))


def _check_same_designs(record: Ledger, facts: TableFacts, campaign: str) -> None:
    for entry in record.proposals:
        recorded = described(entry.about)
        if recorded.space != facts.space:
            raise InputError(
                f"campaign {campaign!r} has a record of {recorded.designs_are}; {facts.name} has "
                f"{facts.designs_are}. "
                "Give the new campaign another name"
            )
