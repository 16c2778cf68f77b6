"""Measurements of a campaign: those that a round learns from, and those of an oracle."""

from __future__ import annotations

import pandas as pd
from prefect import task

from designlib.candidates import Ledger, content_hash, measurement_table
from designlib.selection import Oracle
from designlib.spaces import described
from designlib.tables import csv_bytes, from_parquet, join_results, reveal_results, to_parquet_bytes
from designlib.types import InputError
from tasks.installation.files import json_bytes, parquet_bytes
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.record.ledger import held_ledger, load_ledger
from tasks.stages.stages import StageResult, run_stage
from tasks.stages.table_facts import PENDING, TableFacts, load_facts
from tasks.tracking.tracking import experiment_id, find_run, log_bytes, log_metrics


@task(name="recall")
def recall(campaign: str, number: int, start: StageResult, known: int) -> StageResult:
    """Return the table that a round learns from: the first one and all results since.

    ``known`` is how many events of the ledger the round takes into account. The first round of a
    campaign learns from the first table itself.
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
        size = {"designs": len(joined), "rows_read": joined.rows_read}
        return {
            "measured.parquet": to_parquet_bytes(joined),
            "facts.json": facts.model_copy(update=size).model_dump_json(indent=2).encode(),
            PENDING: json_bytes(pending),
        }

    inputs = {"start": start, "results": content_hash(content), "pending": pending}
    stage = run_stage(Settings(), "recall", inputs, make)
    message = "round %d learns from %d more measured designs; %d candidates still wait for results"
    run_logger().info(message, number, len(results), len(pending))
    return stage


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
        rows = rows.assign(plate="", well="", replicate=1, outcome="measured", error=None, note="")
        rows = rows.assign(round=number, source="oracle", source_row=range(1, len(rows) + 1))
        about = {"by": "oracle", "round_key": proposal.about["round_key"]}
        if held.append("measured", number, about, measurement_table(rows)):
            count = rows["design"].nunique()
            run_logger().info("round %d: %d candidates measured by the oracle", number, count)
        held.write_overview()
        record = held.record
    mirror_results(campaign, record)


def mirror_results(campaign: str, record: Ledger) -> None:
    """Log the measured candidates of each round to its MLflow run."""
    experiment = experiment_id(Settings(), campaign)
    candidates = record.candidates()
    for event in record.proposals:
        measured = candidates[candidates["round"] == event.round]
        measured = measured[measured["status"] == "measured"]
        run = find_run(experiment, event.about["round_key"])
        if run is None or measured.empty:
            continue
        values = measured["measured_value"]
        metrics = {
            "measured.designs": float(len(values)),
            "measured.best": float(values.max() if event.about["maximise"] else values.min()),
            "measured.median": float(values.median()),
            "measured.mean": float(values.mean()),
        }
        if run.data.metrics.items() >= metrics.items():
            continue
        shown = measured[["candidate_id", "design", "predicted_mean", "measured_value"]]
        log_bytes(run.info.run_id, "measured.csv", csv_bytes(shown))
        log_metrics(run.info.run_id, metrics)


def _check_same_designs(record: Ledger, facts: TableFacts, campaign: str) -> None:
    for event in record.proposals:
        recorded = described(event.about)
        if recorded.space != facts.space:
            raise InputError(
                f"the ledger of campaign {campaign!r} has {recorded.designs_are}; {facts.name} has "
                f"{facts.designs_are}. Give the new campaign another name"
            )
