"""One round of a campaign: from the measured table to a published plate."""

from __future__ import annotations

from flows.generate import generate_candidates
from flows.train import train_predictor
from tasks.inputs.campaign_config import CampaignConfig
from tasks.inputs.round_inputs import RoundInputs, RoundStages
from tasks.inputs.tables import split
from tasks.record.ledger import load_ledger
from tasks.reports.publish import publish
from tasks.reports.report import write_report
from tasks.rounds.layout import lay_out_batch
from tasks.rounds.measuring import recall
from tasks.rounds.promotion import promote
from tasks.rounds.rounds import last_predictors, open_round, record_proposal, round_seed
from tasks.rounds.score import score_designs, select_designs
from tasks.servers.remote_flows import run_in_pool
from tasks.stages.results import Published
from tasks.stages.stages import StageResult


def propose(
    config: CampaignConfig, start: StageResult, number: int, external: StageResult | None
) -> Published:
    """Learn from the measured designs; sample, score, select and publish new ones."""
    known = load_ledger(config.name).known_before(number)
    measured = recall(config.name, number, start, known)
    folds = split(measured, config.split, config.seed)
    with open_round(config, number, measured, external) as round_:
        inputs = RoundInputs(
            round_=round_,
            measured=measured,
            folds=folds,
            seed=round_seed(config.seed, number),
            config=config,
            external=external,
        )
        before = last_predictors(config.name, number, config.training)
        trained = run_in_pool(train_predictor, inputs, before)
        generated = run_in_pool(generate_candidates, inputs, trained.members, trained.version)
        scored = score_designs(
            inputs, trained.members, trained.validation_models, generated.snapshots
        )
        selected = select_designs(inputs, trained.members, scored)
        stages = RoundStages(
            inputs=inputs,
            members=trained.members,
            validation_models=trained.validation_models,
            version=trained.version,
            plan=generated.plan,
            shards=generated.shards,
            snapshots=generated.snapshots,
            scored=scored,
            selected=selected,
            layout=lay_out_batch(inputs, selected),
        )
        report = write_report(stages)
        record_proposal(stages, start, known)
        published = publish(stages, report)
        promote(trained.version, published.figures.predictor, round_)
        return published
