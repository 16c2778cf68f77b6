"""Scoring sampled designs, and choosing the batch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from prefect import task

from designlib.candidates import (
    Provenance,
    build_table,
    component_columns,
    to_csv_bytes,
    to_parquet_bytes,
    variable_units,
)
from designlib.config import (
    ChemistryRules,
    CompositionConstraints,
    SelectionConfig,
)
from designlib.constraints import AllOf, build, chemistry_verdicts
from designlib.sampling.run import choose_sampler, ladder_bands
from designlib.selection import Shortlist, acquisition, clusters, oracle_of, thompson_order
from designlib.spaces import SequenceSpace, nearest_measured
from designlib.types import Designs
from tasks.inputs.round_inputs import RoundInputs
from tasks.installation.device import use_device
from tasks.installation.files import json_bytes, parquet_bytes
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.rounds.choice import Filters, filter_rows
from tasks.rounds.confidence import CHECKED, confidence_columns
from tasks.rounds.objectives import (
    in_units_again,
    judge_designs,
    member_predictions,
    predicted_columns,
)
from tasks.rounds.promotion import predictor_hash
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

__all__ = ["score_designs", "select_designs"]


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
    constraints, sampling = inputs.config.constraints, inputs.config.sampling
    sampler = choose_sampler(sampling, load_facts(inputs.measured).space)

    def make(stage: Stage) -> list[str]:
        facts = load_facts(inputs.measured)
        table = load_folds(inputs.folds)
        known = table[table["fold"] != "withheld"].reset_index(drop=True)
        constraint = build(constraints, facts.space, best_measured(table, facts))
        rules = constraints.chemistry if isinstance(constraints, CompositionConstraints) else None
        oracle = None
        if facts.has_oracle:
            truth = table.set_index("design")["value"]
            oracle = oracle_of(facts.source.truth, truth, facts.space, maximise=facts.maximise)

        def scored() -> Iterator[pd.DataFrame]:
            for pool in read_pool(snapshots.path("snapshots.parquet"), sampling.pool_rungs):
                part = _predict(pool, facts, members, validation_models, where)
                part = _place(part, known, facts)
                part = _judge(part, constraint, facts, rules).assign(sampler=sampler.label)
                if oracle is not None:
                    designs = part["design"].tolist()
                    part["true_value"] = oracle.measure(designs)
                    part["true_percentile"] = oracle.percentiles(designs)
                yield part

        checked = known[known["fold"].isin(CHECKED)].reset_index(drop=True)
        checked = _predict(checked, facts, members, validation_models, where)
        few = read_few_chains(snapshots.path("snapshots.parquet"))
        shown = _predict(few, facts, members, validation_models, where)
        parts = with_progress(scored(), "designs scored")
        stage.write("scored.parquet", lambda file: write_rows(parts, file))
        stage.write("measured.parquet", parquet_bytes(checked))
        stage.write("ladder.parquet", parquet_bytes(ladder_bands(shown)))
        return ["scored.parquet", "measured.parquet", "ladder.parquet"]

    depends_on = {
        "sampler": sampler,
        "measured": inputs.measured.files,
        "folds": inputs.folds.files,
        "members": [member.files for member in members],
        "validation_models": [model.files for model in validation_models],
        "snapshots": snapshots.files,
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

    def make(stage: Stage) -> list[str]:
        facts = load_facts(measured)
        space, both_strands = facts.space, facts.both_strands
        found = scored.path("scored.parquet")
        checked = pd.read_parquet(scored.path("measured.parquet"))
        judgement = None
        if facts.goals is None:
            judge = _ranked(_acquisition(found, facts, folds, members, config, seed))
            training = checked[checked["fold"] == "validation_model"]["validation_score"].to_numpy()
        else:
            table = load_folds(folds)
            judgement = judge_designs(found, checked, facts, table, members, config, seed)
            training, judge = judgement.measured_scores, judgement.by_part()
        pending = _readings(pending_designs(measured), facts)
        shortlist = Shortlist(space, config, both_strands=both_strands)
        filters = Filters(
            config=config,
            measured_scores=training,
            maximise=facts.maximise or judgement is not None,
            units=facts.distance_units,
            pending=pending,
            synthesis=synthesis,
            stds=None if judgement is None else judgement.std,
        )
        stage.write(
            "rejected.parquet",
            lambda file: write_rows(
                map(in_units_again, filter_rows(found, filters, judge, shortlist)), file
            ),
        )
        batch = shortlist.batch()
        designs = space.encode(batch.frame["design"].tolist())
        chosen = in_units_again(batch.frame)
        chosen = chosen.assign(
            **confidence_columns(chosen, checked, load_folds(folds), facts, members),
            cluster=clusters(space, designs, both_strands=both_strands),
            step=batch.frame["training_step"],
            **component_columns(space, designs),
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
        about = {"batch": batch.report, "rejected": shortlist.rejected, "pool": shortlist.designs}
        contents = {
            "candidates.parquet": to_parquet_bytes(candidates),
            "candidates.csv": to_csv_bytes(candidates),
            "best_by_score.parquet": parquet_bytes(shortlist.best_by_score),
            "selection.json": json_bytes(about),
        }
        for name, content in contents.items():
            stage.write(name, content)
        return ["rejected.parquet", *contents]

    depends_on = {
        "measured": measured.files,
        "folds": folds.files,
        "scored": scored.files,
        "selection": config,
        "synthesis": synthesis,
        "round": round_.key,
        "members": [member.files for member in members],
        "seed": seed,
    }
    stage = write_stage(Settings(), "select", depends_on, make)
    about = json.loads(stage.path("selection.json").read_bytes())
    run_logger().info(
        "%d of %d designs chosen; rejected: %s",
        about["batch"]["chosen"], about["pool"], about["rejected"] or "none",
    )  # fmt: skip
    return stage


def _ranked(
    acquire: Callable[[pd.DataFrame], np.ndarray],
) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda part: part.assign(acquisition=acquire(part))


def _acquisition(
    scored: Path,
    facts: TableFacts,
    folds: StageResult,
    members: Sequence[StageResult],
    config: SelectionConfig,
    seed: int,
) -> Callable[[pd.DataFrame], np.ndarray]:
    """Return what gives the acquisition of the parts of the scored designs, taken in order."""
    if config.acquisition == "thompson":
        cpu = use_device("cpu")
        parts = read_rows(scored, ["design"])
        each = [member_predictions(part, facts, members, cpu)[""] for part in parts]
        points = thompson_order(np.hstack(each), maximise=facts.maximise, seed=seed)
        left = iter(np.split(points, np.cumsum([part.shape[1] for part in each])[:-1]))
        return lambda _: next(left)
    table = load_folds(folds)
    known = table.loc[table["fold"] != "withheld", "value"]
    best = float(known.max() if facts.maximise else known.min())
    return lambda part: acquisition(
        part["predicted_mean"].to_numpy(),
        part["predicted_std"].to_numpy(),
        std_weight=config.std_weight,
        maximise=facts.maximise,
        kind=config.acquisition,
        best=best,
    )


def _predict(
    frame: pd.DataFrame,
    facts: TableFacts,
    members: Sequence[StageResult],
    validation_models: Sequence[StageResult],
    device: torch.device,
) -> pd.DataFrame:
    return frame.assign(
        **predicted_columns(
            member_predictions(frame, facts, members, device),
            member_predictions(frame, facts, validation_models, device),
        )
    )


def _readings(designs: Sequence[str], facts: TableFacts) -> list[str]:
    """Return designs together with their other strands, where these are the same molecules."""
    space = facts.space
    if not facts.both_strands or not designs or not isinstance(space, SequenceSpace):
        return list(designs)
    return [*designs, *space.decode(space.reverse_complement(space.encode(designs)))]


def _place(frame: pd.DataFrame, known: pd.DataFrame, facts: TableFacts) -> pd.DataFrame:
    """Add the nearest measured design of each design."""

    def encoded(designs: pd.Series) -> Designs:
        return facts.space.encode(designs.tolist())

    nearest = nearest_measured(
        facts.space,
        encoded(frame["design"]),
        encoded(known["design"]),
        both_strands=facts.both_strands,
    )
    return frame.assign(
        nearest_measured=known["design"].to_numpy()[nearest.row],
        distance_to_measured=nearest.distance,
    )


def _judge(
    frame: pd.DataFrame, constraint: AllOf, facts: TableFacts, rules: ChemistryRules | None
) -> pd.DataFrame:
    """Add the verdict on each constraint, checked anew on the finished design, and on chemistry."""
    space = facts.space
    designs = space.encode(frame["design"].tolist())
    verdicts: dict[str, list[str]] = {}
    for member in constraint.members:
        # Several members of one name, such as the ranges of two groups, share a column.
        name, reasons = f"constraint_{member.name}", member.violations(designs)
        known = verdicts.get(name, [""] * len(reasons))
        verdicts[name] = [
            "; ".join(filter(None, both)) for both in zip(known, reasons, strict=True)
        ]
    if rules is not None and not isinstance(space, SequenceSpace):
        verdicts["constraint_chemistry"] = chemistry_verdicts(rules, space, designs)
    return frame.assign(**{n: [text or "ok" for text in texts] for n, texts in verdicts.items()})
