"""Publishing a round: the folder that people open and the page that they read in MLflow."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
from filelock import FileLock
from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.context import FlowRunContext

from designlib.candidates import read_candidates, readable
from designlib.reports import BatchFigures, RoundFigures, WallTime
from tasks.inputs.round_inputs import RoundStages
from tasks.installation.clock import current_clock
from tasks.installation.files import copy_atomically, json_bytes, write_atomically
from tasks.record.ledger import round_folder
from tasks.reports.report import round_figures
from tasks.stages.results import SUMMARY, Published, RegisteredPredictor, Round
from tasks.stages.stages import StageResult
from tasks.tracking.tracking import (
    artifact_names,
    client,
    flatten,
    flow_run_tags,
    log_bytes,
    log_metrics,
    log_table,
    mlflow_page,
    run_link,
)


@task(name="publish")
def publish(stages: RoundStages, report: StageResult) -> Published:
    """Copy the results to the round's folder and log them to its MLflow run."""
    round_ = stages.inputs.round_
    folder = round_folder(round_.campaign, round_.number, round_.key)
    names = ("candidates.parquet", "candidates.csv", "rejected.parquet")
    files = {name: stages.selected.path(name) for name in names}
    for stage in filter(None, (report, stages.layout)):
        files |= {name: stage.path(name) for name in stage.files}
    # The selection's own lock: nobody else publishes it meanwhile.
    with FileLock(stages.selected.folder / ".lock"):
        for leftover in folder.glob(".*.tmp"):
            leftover.unlink()
        for name, path in files.items():
            copy_atomically(path, folder / name)
    table = read_candidates(files["candidates.parquet"].read_bytes())
    figures = round_figures(stages)
    _log(round_, files, readable(table), figures)
    compute = [interval for _, stage in stages.all() for interval in stage.compute]
    clock = current_clock(_flow_started())
    figures = replace(
        figures,
        stages={name: "reused" if stage.reused else "computed" for name, stage in stages.all()},
        wall_time=WallTime(**clock.split([*compute, *report.compute])),
        mlflow_run_id=round_.run_id,
    )
    summary = json_bytes(figures.as_dict())
    write_atomically(folder / SUMMARY, summary)
    log_bytes(round_.run_id, SUMMARY, summary)
    description = _description(figures, stages.version, folder)
    client().set_tag(round_.run_id, "mlflow.note.content", description)
    link = mlflow_page(run_link(round_.experiment_id, round_.run_id))
    published = Published(folder=folder, mlflow_page=link)
    create_markdown_artifact(_markdown(published, figures.batch), key="round")
    return published


def _log(round_: Round, files: dict[str, Path], table: pd.DataFrame, figures: RoundFigures) -> None:
    """Log the files, the table and the figures, once per round."""
    # The summary is logged last. Without it a killed process may have left half a copy of any.
    if SUMMARY not in artifact_names(round_.run_id):
        for path in files.values():
            client().log_artifact(round_.run_id, str(path))
        log_table(round_.run_id, table, "candidates.json")
    parts = ("batch", "predictor", "confidence", "sampling")
    values = flatten({part: figures.as_dict()[part] for part in parts})
    numbers = {name: float(v) for name, v in values.items() if isinstance(v, int | float)}
    log_metrics(round_.run_id, numbers)


def _flow_started() -> float:
    context = FlowRunContext.get()
    started = context.flow_run.start_time if context and context.flow_run else None
    return started.timestamp() if started else time.time()


def _description(figures: RoundFigures, version: RegisteredPredictor, folder: Path) -> str:
    """Return what the run's page says first, as Markdown."""
    data, batch = figures.data, figures.batch
    lines = [
        f"**{batch.candidates} candidates** from {data.designs:,} designs measured in "
        f"`{data.name}`: open *Artifacts*, then `candidates.json` for the table, `report.html` "
        "for the report, `candidates.parquet` for the whole set.",
        "",
        f"- every constraint met: {batch.feasible_share:.0%}",
        f"- predicted, median: {batch.predicted_median:.4g}; validation score, median: "
        f"{batch.validation_median:.4g}",
    ]
    if true := batch.true_percentile:
        lines.append(f"- true percentile: median {true.median:.2f}, best {true.best:.2f}")
    own = flow_run_tags()
    lines += [
        f"- sampled from `models:/{version.name}/{version.version}`",
        f"- files: `{folder}`",
        f"- run by [{own['prefect_name']}]({own['prefect_page']}) in Prefect" if own else "",
    ]
    return "\n".join(lines)


def _markdown(published: Published, batch: BatchFigures) -> str:
    page = published.mlflow_page
    link = f"MLflow: `{page}` below the address of the MLflow server"
    if page.startswith("http"):
        link = f"[table, report and training in MLflow]({page})"
    return (
        f"**{batch.candidates} candidates** in `{published.candidates}`\n\n"
        f"- report: `{published.report}`\n- {link}\n"
    )
