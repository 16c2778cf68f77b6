"""Scoring sampled designs, and choosing the batch."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from prefect import task

from designlib.acquisition import acquisition, thompson_order
from designlib.candidates import Provenance, build_table, to_csv_bytes, to_parquet_bytes
from designlib.constraints.base import Product
from designlib.constraints.config import DesignConstraints, build
from designlib.oracles import oracle_of
from designlib.predictors.networks import evaluate
from designlib.recipes import component_columns, variable_units
from designlib.sampling import (
    SamplingConfig,
    choose_sampler,
    few_chains,
    ladder_bands,
    pool_designs,
)
from designlib.scoring import clusters, nearest_measured
from designlib.selection import (
    SelectionConfig,
    filter_designs,
    rejection_counts,
    select_batch,
)
from designlib.spaces import SequenceSpace
from designlib.synthesis import SynthesisConfig
from designlib.trajectory import network_at
from designlib.types import Designs
from tasks.device import use_device
from tasks.knowledge import pending_designs
from tasks.log import run_logger
from tasks.registry import predictor_hash
from tasks.rounds import Round
from tasks.settings import Settings
from tasks.stages import StageResult, run_stage
from tasks.tables import (
    TableFacts,
    best_measured,
    json_bytes,
    load_facts,
    load_folds,
    parquet_bytes,
)
from tasks.train import load_trajectory

__all__ = ["score_designs", "select_designs"]


@task(name="score-designs")
def score_designs(
    measured: StageResult,
    folds: StageResult,
    members: Sequence[StageResult],
    scorers: Sequence[StageResult],
    snapshots: StageResult,
    constraints: DesignConstraints,
    sampling: SamplingConfig,
) -> StageResult:
    """Score the pool of sampled designs and the measured ones that check the predictors.

    On the CPU, whatever made the predictors: one pass of a small network, in the pool without GPUs.
    """
    where = use_device("cpu")
    sampler = choose_sampler(sampling, load_facts(measured).space)

    def make() -> dict[str, bytes]:
        facts = load_facts(measured)
        table = load_folds(folds)
        visited = pd.read_parquet(snapshots.path("snapshots.parquet"))
        pool = pool_designs(visited, sampling.pool_rungs)
        known = table[table["fold"] != "withheld"].reset_index(drop=True)
        scored = _predict(pool, facts, members, scorers, where)
        scored = _place(scored, known, facts)
        constraint = build(constraints, facts.space, best_measured(table, facts))
        scored = _judge(scored, constraint, facts).assign(sampler=sampler.label)
        checked = known[known["fold"].isin(["test", "scorer"])].reset_index(drop=True)
        checked = _predict(checked, facts, members, scorers, where)
        if facts.has_oracle:
            truth = table.set_index("design")["value"]
            oracle = oracle_of(facts.truth, truth, facts.space, maximise=facts.maximise)
            designs = scored["design"].tolist()
            scored["true_value"] = oracle.measure(designs)
            scored["true_percentile"] = oracle.percentiles(designs)
        shown = _predict(few_chains(visited), facts, members, scorers, where)
        return {
            "scored.parquet": parquet_bytes(scored),
            "measured.parquet": parquet_bytes(checked),
            "ladder.parquet": parquet_bytes(ladder_bands(shown)),
        }

    inputs = {
        "sampler": sampler,
        "measured": measured.files,
        "folds": folds.files,
        "members": [member.files for member in members],
        "scorers": [scorer.files for scorer in scorers],
        "snapshots": snapshots.files,
        "constraints": constraints,
        "pool_rungs": sampling.pool_rungs,
    }
    stage = run_stage(Settings(), "score", inputs, make)
    run_logger().info("scored designs: %s", stage.path("scored.parquet"))
    return stage


@task(name="select-designs")
def select_designs(
    measured: StageResult,
    folds: StageResult,
    members: Sequence[StageResult],
    scored: StageResult,
    round_: Round,
    config: SelectionConfig,
    seed: int,
    synthesis: SynthesisConfig | None = None,
) -> StageResult:
    """Filter the scored designs, choose a diverse batch and make the candidate table."""

    def make() -> dict[str, bytes]:
        facts = load_facts(measured)
        frame = pd.read_parquet(scored.path("scored.parquet"))
        if synthesis is not None:
            verdicts = {design: synthesis.verdict(design) for design in frame["design"].unique()}
            frame["constraint_synthesis"] = frame["design"].map(verdicts)
        frame["acquisition"] = _acquisition(frame, facts, folds, members, config, seed)
        checked = pd.read_parquet(scored.path("measured.parquet"))
        training = checked[checked["fold"] == "scorer"]["heldout_score"].to_numpy()
        frame = filter_designs(
            frame, config, measured_heldout=training, maximise=facts.maximise,
            units=facts.distance_units,
            pending=_readings(pending_designs(measured), facts),
        )  # fmt: skip
        batch = select_batch(frame, facts.space, config, both_strands=facts.both_strands)
        designs = facts.space.encode(batch.frame["design"].tolist())
        chosen = batch.frame.assign(
            cluster=clusters(facts.space, designs, both_strands=facts.both_strands),
            step=batch.frame["training_step"],
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
            value_units=facts.units,
            maximise=facts.maximise,
            distance_units=facts.distance_units,
            variable_units=variable_units(facts.space),
        )
        candidates = build_table(chosen, facts.kind, provenance)
        rejected = frame[frame["rejected_because"] != ""]
        return {
            "candidates.parquet": to_parquet_bytes(candidates),
            "candidates.csv": to_csv_bytes(candidates),
            "rejected.parquet": parquet_bytes(rejected),
            "pool.parquet": parquet_bytes(frame),
            "selection.json": json_bytes(
                {"batch": batch.report, "rejected": rejection_counts(frame), "pool": len(frame)}
            ),
        }

    inputs = {
        "measured": measured.files,
        "folds": folds.files,
        "scored": scored.files,
        "selection": config,
        "synthesis": synthesis,
        "round": round_.key,
        "members": [member.files for member in members],
        "seed": seed,
    }
    stage = run_stage(Settings(), "select", inputs, make)
    about = json.loads(stage.path("selection.json").read_bytes())
    run_logger().info(
        "%d of %d designs chosen; rejected: %s",
        about["batch"]["chosen"], about["pool"], about["rejected"] or "none",
    )  # fmt: skip
    return stage


def _acquisition(
    frame: pd.DataFrame,
    facts: TableFacts,
    folds: StageResult,
    members: Sequence[StageResult],
    config: SelectionConfig,
    seed: int,
) -> np.ndarray:
    if config.acquisition == "thompson":
        each = _member_predictions(frame, facts, members, use_device("cpu"))
        return thompson_order(each, maximise=facts.maximise, seed=seed)
    table = load_folds(folds)
    known = table.loc[table["fold"] != "withheld", "value"]
    return acquisition(
        frame["predicted_mean"].to_numpy(),
        frame["predicted_spread"].to_numpy(),
        spread_weight=config.spread_weight,
        maximise=facts.maximise,
        kind=config.acquisition,
        best=float(known.max() if facts.maximise else known.min()),
    )


def _predict(
    frame: pd.DataFrame,
    facts: TableFacts,
    members: Sequence[StageResult],
    scorers: Sequence[StageResult],
    device: torch.device,
) -> pd.DataFrame:
    ensemble = _member_predictions(frame, facts, members, device)
    return frame.assign(
        predicted_mean=ensemble.mean(0),
        predicted_spread=ensemble.std(0, ddof=1) if len(members) > 1 else 0.0,
        heldout_score=_member_predictions(frame, facts, scorers, device).mean(0),
    )


def _member_predictions(
    frame: pd.DataFrame,
    facts: TableFacts,
    members: Sequence[StageResult],
    device: torch.device,
) -> np.ndarray:
    """Return what each member predicts for each design, (members, designs), in measured units."""
    relaxed = facts.space.relax(facts.space.encode(frame["design"].tolist())).to(device)
    rows = []
    for member in members:
        trajectory = load_trajectory(member)
        scores = evaluate(network_at(trajectory.spec, trajectory.states[-1], device), relaxed)
        rows.append(trajectory.spec.in_units(scores.double().cpu()).numpy())
    return np.stack(rows)


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


def _judge(frame: pd.DataFrame, constraint: Product, facts: TableFacts) -> pd.DataFrame:
    """Add the verdict on each constraint, checked anew on the finished design."""
    designs = facts.space.encode(frame["design"].tolist())
    verdicts: dict[str, list[str]] = {}
    for member in constraint.members:
        # Several members of one name, such as the ranges of two groups, share a column.
        name, reasons = f"constraint_{member.name}", member.violations(designs)
        known = verdicts.get(name, [""] * len(reasons))
        verdicts[name] = [
            "; ".join(filter(None, both)) for both in zip(known, reasons, strict=True)
        ]
    return frame.assign(**{n: [text or "ok" for text in texts] for n, texts in verdicts.items()})
