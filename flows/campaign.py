"""A design campaign: a measured table in, a plate of candidates out."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

from prefect import flow

from designlib.types import InputError
from flows.config import CampaignConfig, load_config
from flows.generate import generate_candidates
from flows.train import train_predictor
from tasks.campaign_page import write_campaign_page
from tasks.command import run_command
from tasks.device import use_device
from tasks.handover import in_gpu_pool
from tasks.knowledge import (
    known_entries,
    last_predictors,
    measure_by_oracle,
    recall,
    record_proposal,
)
from tasks.layout import check_batch, lay_out_batch
from tasks.lineage import find_candidate, lineage_text, walk_again
from tasks.progress import ended_by, rounds_ahead, waiting_round
from tasks.publish import Published, publish
from tasks.registry import promote, promote_on_results
from tasks.report import write_report
from tasks.rounds import RoundStages, open_round, round_seed
from tasks.score import score_designs, select_designs
from tasks.stages import StageResult
from tasks.status import status_text
from tasks.tables import check_constraints, check_input, ingest, load_facts, split
from tasks.take_over import take_over, taken_over

__all__ = ["design_campaign", "main"]


@flow(name="design-campaign", flow_run_name="{config.name}")
def design_campaign(config: CampaignConfig = CampaignConfig()) -> Published:  # noqa: B008 - frozen
    """Propose the next plate, or go through all rounds where an oracle measures them."""
    start = ingest(config.data, config.objectives)
    check_constraints(start, config.constraints, config.recipe)
    check_batch(start, config.plate, config.synthesis)
    own = take_over(config.predictor, start) if config.predictor else None
    deciding = config.deciding() | taken_over(own)
    rounds = rounds_ahead(config.name, config.rounds, start)
    published = waiting_round(config.name, deciding, start, config.stopping)
    if published is not None:
        return published
    for number in rounds:
        published = _propose(config, start, number, deciding, own)
        if load_facts(start).has_oracle:
            measure_by_oracle(start, config.name, number)
            promote_on_results(config.name)
            if note := ended_by(config.name, number, config.stopping):
                published = published.model_copy(update={"note": note})
                break
    write_campaign_page(config.name)
    assert published is not None  # noqa: S101 - there is at least one round
    return published


def _propose(
    config: CampaignConfig,
    start: StageResult,
    number: int,
    deciding: dict[str, Any],
    own: StageResult | None,
) -> Published:
    """Learn from what is known, draw, score and choose designs, and publish them."""
    seed = round_seed(config.seed, number)
    known = known_entries(config.name, number)
    measured = recall(config.name, number, start, known)
    folds = split(measured, config.split, config.seed)
    with open_round(config.name, number, deciding, measured) as round_:
        trained = in_gpu_pool(
            train_predictor, measured, folds, round_, config.training, seed,
            config.execution.device, last_predictors(config.name, number, config.training), own,
        )  # fmt: skip
        generated = in_gpu_pool(
            generate_candidates, measured, folds, trained.members, trained.version, round_,
            config.constraints, config.sampling, config.execution, seed,
        )  # fmt: skip
        scored = score_designs(
            measured, folds, trained.members, trained.scorers, generated.snapshots,
            config.constraints, config.sampling,
        )  # fmt: skip
        selected = select_designs(
            measured, folds, trained.members, scored, round_, config.selection, config.seed,
            config.synthesis,
        )  # fmt: skip
        layout = lay_out_batch(
            selected, measured, folds, round_, config.plate, config.synthesis, seed
        )
        stages = RoundStages(
            measured=measured, folds=folds, members=trained.members, scorers=trained.scorers,
            plan=generated.plan, shards=generated.shards, snapshots=generated.snapshots,
            scored=scored, selected=selected, version=trained.version, layout=layout,
        )  # fmt: skip
        report = write_report(stages, round_, deciding)
        record_proposal(
            selected,
            start,
            folds,
            trained.members,
            trained.scorers,
            round_,
            deciding,
            known,
            layout,
        )
        published = publish(stages, report, round_)
        promote(trained.version, published.figures["predictor"], round_)
        return published


def main(arguments: list[str] | None = None) -> int:
    """Run one campaign, or tell about one, from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flows.campaign", description=__doc__)
    parser.add_argument(
        "--config", type=Path, metavar="FILE.yaml", help="settings; default: the SIX6 campaign"
    )
    commands = parser.add_subparsers(dest="command", metavar="")
    status = commands.add_parser("status", help="print what was proposed and what came back")
    status.add_argument("name", metavar="NAME", help="name of the campaign")
    explain = commands.add_parser("explain", help="print where a candidate is from; make it again")
    explain.add_argument("candidate", metavar="CANDIDATE_ID", help="such as c-3bbe8ef5a8af")
    chosen = parser.parse_args(arguments)
    try:
        match chosen.command:
            case "status":
                told = status_text(chosen.name)
            case "explain":
                told = _explain(chosen.candidate)
            case _:
                told = _run(chosen.config)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return 2
    print(told)  # noqa: T201 - the command's answer
    return 0


def _explain(candidate: str) -> str:
    lineage = find_candidate(candidate)
    settings = lineage.entry.about.get("config", {})
    if "constraints" not in settings:
        raise InputError(f"{candidate} was proposed by a release that kept no settings with it")
    config = CampaignConfig.model_validate({"constraints": settings["constraints"]})
    return lineage_text(lineage, walk_again(lineage, config.constraints))


def _run(path: Path | None) -> str:
    config = load_config(path) if path else CampaignConfig()
    check_input(config.data, config.constraints, config.recipe, config.objectives)
    use_device(config.execution.device)
    return run_command(lambda: design_campaign(config)).on_screen()


if __name__ == "__main__":
    logging.captureWarnings(capture=True)
    sys.exit(main())
