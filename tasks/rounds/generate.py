"""Sampling designs: the plan, its shards, and their union."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
import torch
from prefect import task

from designlib.config import DesignRules
from designlib.constraints.synthesis import build_rules
from designlib.randomness import derive_seed
from designlib.sampling import Starts, plan_sampling
from designlib.sampling.run import Block, SamplingRun, cut_blocks, share_out
from tasks.inputs.round_inputs import RoundInputs
from tasks.installation.device import use_device
from tasks.installation.files import parquet_bytes
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.rounds.objectives import best_by_goals, walk_scores
from tasks.stages.ensemble import Ensemble
from tasks.stages.plan import load_plan, load_starts, plan_files
from tasks.stages.rows import write_rows
from tasks.stages.snapshots import join_shards
from tasks.stages.stages import Stage, StageResult, finished_stage, run_stage, write_stage
from tasks.stages.table_facts import best_measured, load_facts, load_folds

_PROGRESS_SECONDS = 5.0


@task(name="plan-sampling")
def plan_chains(inputs: RoundInputs, members: Sequence[StageResult]) -> StageResult:
    """Decide on the rungs of the ladder, where each chain starts and where elites enter."""
    where = use_device(inputs.config.execution.device)
    rules, config = inputs.config.rules, inputs.config.sampling

    def make() -> dict[str, bytes]:
        facts, table = load_facts(inputs.measured), load_folds(inputs.folds)
        trajectories = Ensemble(members).trajectories
        best = best_measured(table, facts)
        constraint = build_rules(rules, facts.space, best)
        if facts.goals is not None:
            best = best_by_goals(table, facts, trajectories)
        plan, starts = plan_sampling(
            trajectories,
            walk_scores(trajectories, facts, table),
            facts.space,
            constraint,
            best,
            config,
            chain_seed(inputs.seed),
            where,
        )
        return plan_files(plan, starts, facts.space.decode(starts.designs))

    depends_on = {
        "measured": inputs.measured,
        "folds": inputs.folds,
        "members": members,
        "rules": rules,
        "sampling": config.model_dump(mode="json", exclude={"pool_rungs"}),
        "seed": inputs.seed,
        "device": where.type,
    }
    stage = run_stage(Settings(), "plan", depends_on, make)
    plan = load_plan(stage)
    steps = sum(rung.steps for rung in plan.rungs)
    message = "ladder of %d rungs, %d steps in all; elites enter at rung %d"
    run_logger().info(message, len(plan.rungs), steps, plan.elite_entry_rung)
    return stage


@task(name="sample-shard", task_run_name="sample shard {shard} of {shards}")
def sample_shard(
    inputs: RoundInputs,
    plan_stage: StageResult,
    members: Sequence[StageResult],
    shard: int,
    shards: int,
) -> StageResult | None:
    """Sample with one shard of the chains; None where there are fewer blocks than shards."""
    settings = Settings()
    where = use_device(inputs.config.execution.device)
    depends_on = _sampling_inputs(inputs, plan_stage, members)
    if whole := finished_stage(settings, "samples", depends_on, __name__):
        return whole
    parts = share_out(cut_blocks(load_starts(plan_stage)["elite"].tolist()), shards)
    if shard > len(parts):
        return None
    blocks = parts[shard - 1]

    def make() -> dict[str, bytes]:
        run = load_sampling_run(
            inputs.measured,
            inputs.folds,
            plan_stage,
            members,
            inputs.config.rules,
            inputs.seed,
            where,
        )
        frames = [frame for block in blocks for frame in _with_progress(run, block, blocks)]
        return {"snapshots.parquet": parquet_bytes(pd.concat(frames, ignore_index=True))}

    stage = run_stage(settings, "sample-shard", {**depends_on, "blocks": blocks}, make)
    chains = sum(block.size for block in blocks)
    run_logger().info("%d chains: %s", chains, stage.path("snapshots.parquet"))
    return stage


@task(name="gather-shards")
def gather_shards(
    inputs: RoundInputs,
    plan_stage: StageResult,
    members: Sequence[StageResult],
    shards: Sequence[StageResult | None],
) -> StageResult:
    """Join the shards in the order of their chains; the same bytes however they were cut."""

    def make(stage: Stage) -> None:
        paths = [shard.path("snapshots.parquet") for shard in shards if shard]
        stage.write("snapshots.parquet", lambda file: write_rows(join_shards(paths), file))

    return write_stage(Settings(), "samples", _sampling_inputs(inputs, plan_stage, members), make)


def load_sampling_run(
    measured: StageResult,
    folds: StageResult,
    plan_stage: StageResult,
    members: Sequence[StageResult],
    rules: DesignRules,
    seed: int,
    device: torch.device,
) -> SamplingRun:
    """Return the chains of a planned sampling run, loaded once for all blocks."""
    facts, table = load_facts(measured), load_folds(folds)
    trajectories = Ensemble(members).trajectories
    plan, starts = load_plan(plan_stage), load_starts(plan_stage)
    moved_in = plan.sampler.chain_space(facts.space)
    return SamplingRun.of(
        plan,
        Starts(
            facts.space.encode(starts["design"].tolist()), torch.tensor(starts["elite"].tolist())
        ),
        trajectories,
        walk_scores(trajectories, facts, table),
        build_rules(rules, moved_in, best_measured(table, facts)),
        facts.space,
        chain_seed(seed),
        device,
    )


def chain_seed(seed: int) -> int:
    """Return the seed of the chains of a round."""
    return derive_seed(seed, "walk")


def _sampling_inputs(
    inputs: RoundInputs, plan_stage: StageResult, members: Sequence[StageResult]
) -> dict[str, Any]:
    return {
        "plan": plan_stage,
        "members": members,
        "rules": inputs.config.rules,
        "seed": inputs.seed,
    }


def _with_progress(
    run: SamplingRun, block: Block, blocks: Sequence[Block]
) -> Iterator[pd.DataFrame]:
    """Pass on the frames of a block, and log every five seconds how far it is."""
    logged = time.monotonic()
    for frame in run.sample(block):
        yield frame
        if time.monotonic() - logged > _PROGRESS_SECONDS:
            logged = time.monotonic()
            run_logger().info(
                "block %d of %d: rung %d of %d, median score %.2f, acceptance %.2f",
                list(blocks).index(block) + 1,
                len(blocks),
                int(frame["rung"].iloc[0]) + 1,
                len(run.plan.rungs),
                frame["score"].median(),
                frame["acceptance"].mean(),
            )
