"""A design campaign: a measured table in, a plate of candidates out."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from prefect import flow

from designlib.types import InputError
from flows.config import CampaignConfig, load_config
from flows.generate import generate_candidates
from flows.train import train_predictor
from tasks.command import run_command
from tasks.device import use_device
from tasks.handover import in_gpu_pool
from tasks.publish import Published, publish
from tasks.registry import promote
from tasks.report import write_report
from tasks.rounds import RoundStages, open_round
from tasks.score import score_designs, select_designs
from tasks.tables import check_constraints, check_input, ingest, split

__all__ = ["design_campaign", "main"]


@flow(name="design-campaign", flow_run_name="{config.name}")
def design_campaign(config: CampaignConfig = CampaignConfig()) -> Published:  # noqa: B008 - frozen
    """Read the table, train predictors, draw, score and choose designs, and publish them."""
    measured = ingest(config.data)
    check_constraints(measured, config.constraints, config.recipe)
    folds = split(measured, config.split, config.seed)
    with open_round(config.name, 1, config.deciding(), measured) as round_:
        trained = in_gpu_pool(
            train_predictor, measured, folds, round_, config.training, config.seed,
            config.execution.device,
        )  # fmt: skip
        generated = in_gpu_pool(
            generate_candidates, measured, folds, trained.members, trained.version, round_,
            config.constraints, config.sampling, config.execution, config.seed,
        )  # fmt: skip
        scored = score_designs(
            measured, folds, trained.members, trained.scorers, generated.snapshots,
            config.constraints, config.sampling,
        )  # fmt: skip
        selected = select_designs(
            measured, folds, trained.members, scored, round_, config.selection, config.seed
        )
        stages = RoundStages(
            measured=measured, folds=folds, members=trained.members, scorers=trained.scorers,
            plan=generated.plan, shards=generated.shards, snapshots=generated.snapshots,
            scored=scored, selected=selected, version=trained.version,
        )  # fmt: skip
        report = write_report(stages, round_, config.deciding())
        published = publish(stages, report, round_)
        promote(trained.version, published.figures["predictor"])
        return published


def main(arguments: list[str] | None = None) -> int:
    """Run one campaign from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flows.campaign", description=__doc__)
    parser.add_argument(
        "--config", type=Path, metavar="FILE.yaml", help="settings; default: the SIX6 campaign"
    )
    chosen = parser.parse_args(arguments)
    try:
        config = load_config(chosen.config) if chosen.config else CampaignConfig()
        check_input(config.data, config.constraints, config.recipe)
        use_device(config.execution.device)
        published = run_command(lambda: design_campaign(config))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return 2
    print(published.on_screen())  # noqa: T201 - the command's answer
    return 0


if __name__ == "__main__":
    logging.captureWarnings(capture=True)
    sys.exit(main())
