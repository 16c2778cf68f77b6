"""Drawing designs: the plan of a walk, its shards, and their union."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from prefect import task

from designlib.constraints import Constraint
from designlib.constraints.synthesis import build_rules
from designlib.randomness import derive_seed
from designlib.sampling.ladders import (
    Rung,
    RungPlan,
    build_ladder,
    elite_entry_rung,
    ladder_kind,
    plan_trajectory,
    rescaled,
)
from designlib.sampling.run import (
    Block,
    choose_sampler,
    choose_starts,
    cut_blocks,
    reference_designs,
    sample_block,
    share_out,
)
from tasks.inputs.round_inputs import RoundInputs
from tasks.installation.device import use_device
from tasks.installation.files import json_bytes, parquet_bytes
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.rounds.objectives import best_by_goals, walk_scores
from tasks.stages.ensemble import Ensemble
from tasks.stages.rows import write_rows
from tasks.stages.snapshots import join_shards
from tasks.stages.stages import Stage, StageResult, finished_stage, run_stage, write_stage
from tasks.stages.table_facts import TableFacts, best_measured, load_facts, load_folds
from tasks.stages.walk_plan import load_plan, load_sampler

__all__ = ["gather_shards", "load_ladders", "plan_walk", "sample_shard"]

_PROGRESS_SECONDS = 5.0


@task(name="plan-sampling")
def plan_walk(inputs: RoundInputs, members: Sequence[StageResult]) -> StageResult:
    """Decide on the rungs of the ladder, where each chain starts and where elites enter."""
    where = use_device(inputs.config.execution.device)
    walk_seed = derive_seed(inputs.seed, "walk")
    rules, config = inputs.config.rules, inputs.config.sampling

    def make() -> dict[str, bytes]:
        facts, folds = load_facts(inputs.measured), load_folds(inputs.folds)
        space = facts.space
        sampler = choose_sampler(config, space)
        measured_designs = best_measured(folds, facts)
        constraint = build_rules(rules, space, measured_designs)
        trajectories = Ensemble(members).trajectories
        if facts.goals is not None:
            measured_designs = best_by_goals(folds, facts, trajectories)
        feasible = measured_designs[constraint.satisfied(measured_designs)]
        first, *others = walk_scores(trajectories, facts, folds)
        elites = feasible[: max(1, round(config.elite_share * config.chains))]
        reference = reference_designs(space, constraint, walk_seed, feasible)
        plan = plan_trajectory(
            trajectories,
            reference,
            sharpness=config.sharpness,
            steps_per_rung=config.steps_per_rung,
            final_steps=config.final_steps,
            choice=config.rung_choice,
            rungs=config.rungs,
            scale=config.scale,
            device=where,
            score=first,
        )
        plans = [plan, *(rescaled(plan, trajectories, reference, s, where) for s in others)]
        starts = choose_starts(space, constraint, config, elites, walk_seed)
        entry = 0
        if starts.elite.any():
            ladders = [
                build_ladder(trajectories, of_walk, constraint, where, score=score)
                for of_walk, score in zip(plans, [first, *others], strict=True)
            ]
            near, usual = elites.to(where), reference.to(where)
            entry = max(elite_entry_rung(ladder, near, usual) for ladder in ladders)
        table = pd.DataFrame(
            {"design": space.decode(starts.designs), "elite": starts.elite.numpy()}
        )
        rungs, *more = [[rung.model_dump() for rung in of_walk] for of_walk in plans]
        return {
            "starts.parquet": parquet_bytes(table),
            "plan.json": json_bytes(
                {
                    "rungs": rungs,
                    "further_walks": more,
                    "elite_entry_rung": entry,
                    "sampler": sampler.model_dump(),
                    "ladder": ladder_kind(plan, trajectories),
                }
            ),
        }

    depends_on = {
        "measured": inputs.measured.files,
        "folds": inputs.folds.files,
        "members": [member.files for member in members],
        "rules": rules,
        "sampling": config.model_dump(mode="json", exclude={"pool_rungs"}),
        "seed": inputs.seed,
        "device": where.type,
    }
    stage = run_stage(Settings(), "plan", depends_on, make)
    plan, entry = load_plan(stage)
    run_logger().info(
        "ladder of %d rungs, %d steps in all; elites enter at rung %d",
        len(plan), sum(rung.steps for rung in plan), entry,
    )  # fmt: skip
    return stage


@task(name="sample-shard", task_run_name="sample shard {shard} of {shards}")
def sample_shard(
    inputs: RoundInputs,
    plan_stage: StageResult,
    members: Sequence[StageResult],
    shard: int,
    shards: int,
) -> StageResult | None:
    """Walk one shard of the chains along the ladder; None where there are fewer blocks."""
    settings = Settings()
    where = use_device(inputs.config.execution.device)
    depends_on = _walk_inputs(inputs, plan_stage, members)
    if whole := finished_stage(settings, "walk", depends_on, __name__):
        return whole
    starts = pd.read_parquet(plan_stage.path("starts.parquet"))
    parts = share_out(cut_blocks(starts["elite"].tolist()), shards)
    if shard > len(parts):
        return None
    blocks = parts[shard - 1]

    def make() -> dict[str, bytes]:
        facts = load_facts(inputs.measured)
        space, known = facts.space, best_measured(load_folds(inputs.folds), facts)
        plan, entry = load_plan(plan_stage)
        sampler = load_sampler(plan_stage)
        walked = sampler.walked(space)
        constraint = build_rules(inputs.config.rules, walked, known)
        ladders = load_ladders(plan_stage, members, facts, inputs.folds, constraint, where)
        designs = space.encode(starts["design"].tolist()).to(where)
        walk_seed = derive_seed(inputs.seed, "walk")
        frames: list[pd.DataFrame] = []
        said = time.monotonic()
        for block in blocks:
            ladder = ladders[block.turn % len(ladders)]
            for frame in sample_block(
                ladder, plan, designs, block, entry, walk_seed, sampler, space
            ):
                frames.append(frame)
                if time.monotonic() - said > _PROGRESS_SECONDS:
                    said = time.monotonic()
                    _report(frame, block, blocks, len(plan))
        return {"snapshots.parquet": parquet_bytes(pd.concat(frames, ignore_index=True))}

    stage = run_stage(settings, "walk-shard", {**depends_on, "blocks": blocks}, make)
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

    def make(stage: Stage) -> list[str]:
        paths = [shard.path("snapshots.parquet") for shard in shards if shard]
        stage.write("snapshots.parquet", lambda file: write_rows(join_shards(paths), file))
        return ["snapshots.parquet"]

    return write_stage(Settings(), "walk", _walk_inputs(inputs, plan_stage, members), make)


def load_ladders(
    plan_stage: StageResult,
    members: Sequence[StageResult],
    facts: TableFacts,
    folds: StageResult,
    constraint: Constraint,
    device: torch.device,
) -> list[list[Rung]]:
    """Return the ladder of each walk of a plan; blocks of chains take turns on them."""
    content = json.loads(plan_stage.path("plan.json").read_bytes())
    plans = [
        [RungPlan.model_validate(rung) for rung in rungs]
        for rungs in (content["rungs"], *content["further_walks"])
    ]
    walked = load_sampler(plan_stage).walked(facts.space)
    trajectories = Ensemble(members).trajectories
    scores = walk_scores(trajectories, facts, load_folds(folds))
    return [
        build_ladder(trajectories, plan, constraint, device, walked, score)
        for plan, score in zip(plans, scores, strict=True)
    ]


def _walk_inputs(
    inputs: RoundInputs, plan_stage: StageResult, members: Sequence[StageResult]
) -> dict[str, Any]:
    return {
        "plan": plan_stage.files,
        "members": [member.files for member in members],
        "rules": inputs.config.rules,
        "seed": inputs.seed,
    }


def _report(frame: pd.DataFrame, block: Block, blocks: Sequence[Block], rungs: int) -> None:
    run_logger().info(
        "block %d of %d: rung %d of %d, median score %.2f, acceptance %.2f",
        list(blocks).index(block) + 1, len(blocks), int(frame["rung"].iloc[0]) + 1, rungs,
        frame["score"].median(), frame["acceptance"].mean(),
    )  # fmt: skip
