"""One round of a campaign: from what is known to a published plate."""

from __future__ import annotations

from typing import Any

from flows.generate import generate_candidates
from flows.train import train_predictor
from tasks.inputs.campaign_config import CampaignConfig
from tasks.inputs.tables import split
from tasks.reports.publish import publish
from tasks.reports.report import write_report
from tasks.rounds.knowledge import known_events, last_predictors, recall, record_proposal
from tasks.rounds.layout import lay_out_batch
from tasks.rounds.promotion import promote
from tasks.rounds.rounds import open_round, round_seed
from tasks.rounds.score import score_designs, select_designs
from tasks.servers.remote_flows import run_in_pool
from tasks.stages.results import Published, RoundStages
from tasks.stages.stages import StageResult

__all__ = ["propose"]


def propose(
    config: CampaignConfig,
    start: StageResult,
    number: int,
    deciding: dict[str, Any],
    own: StageResult | None,
) -> Published:
    """Learn from what is known, draw, score and choose designs, and publish them."""
    seed = round_seed(config.seed, number)
    known = known_events(config.name, number)
    measured = recall(config.name, number, start, known)
    folds = split(measured, config.split, config.seed)
    with open_round(config.name, number, deciding, measured) as round_:
        trained = run_in_pool(
            train_predictor, measured, folds, round_, config.training, seed,
            config.execution.device, last_predictors(config.name, number, config.training), own,
        )  # fmt: skip
        generated = run_in_pool(
            generate_candidates, measured, folds, trained.members, trained.version, round_,
            config.rules, config.sampling, config.execution, seed,
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
