"""The figures of a round, read from its stages."""

from __future__ import annotations

import pandas as pd

from designlib.candidates import read_candidates
from designlib.reports import (
    DataFigures,
    RoundFigures,
    summarise_batch,
    summarise_confidence,
    summarise_predictor,
    summarise_sampling,
)
from designlib.selection import SelectionFigures, calibration_of
from tasks.inputs.round_inputs import RoundStages
from tasks.stages.ensemble import load_spec
from tasks.stages.plan import load_plan
from tasks.stages.table_facts import load_facts

__all__ = ["round_figures"]


def round_figures(stages: RoundStages) -> RoundFigures:
    """Return the figures of a round, without those of this run."""
    round_ = stages.inputs.round_
    facts = load_facts(stages.inputs.measured)
    batch = read_candidates(stages.selected.path("candidates.parquet").read_bytes()).to_pandas()
    best = pd.read_parquet(stages.selected.path("best_by_score.parquet"))
    plan = load_plan(stages.plan)
    snapshots = pd.read_parquet(
        stages.snapshots.path("snapshots.parquet"), columns=["start", "chain", "acceptance"]
    )
    checked = pd.read_parquet(stages.scored.path("measured.parquet"))
    spec = load_spec(stages.members[0])
    sampling = summarise_sampling(
        snapshots,
        [rung.steps + plan.sampler.warm_up for rung in plan.rungs],
        plan.elite_entry_rung,
        len(stages.members),
        plan.sampler.exactness,
        plan.kind,
    )
    return RoundFigures(
        campaign=round_.campaign,
        round=round_.number,
        round_key=round_.key,
        data=DataFigures(
            name=facts.name,
            rows_read=facts.rows_read,
            designs=facts.designs,
            guesses=facts.guesses,
            length=facts.length,
            components=facts.components,
            quantities=facts.quantities,
            choices=facts.choices,
        ),
        batch=summarise_batch(batch, best, facts.space, both_strands=facts.both_strands),
        predictor=summarise_predictor(checked, maximise=facts.maximise),
        confidence=summarise_confidence(
            batch, checked, calibration_of(checked, spec.transform), maximise=facts.maximise
        ),
        sampling=sampling,
        selection=SelectionFigures.from_json(stages.selected.path("selection.json").read_bytes()),
    )
