"""The plan of a sampling run, as it is stored, and the ladders that it describes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Shaped
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from designlib.config import SamplingConfig
from designlib.constraints import Constraint
from designlib.predictors import Trajectory
from designlib.sampling.ladders.base import Rung
from designlib.sampling.ladders.elites import elite_entry_rung
from designlib.sampling.ladders.plan import (
    LadderKind,
    RungPlan,
    ScoreAt,
    build_ladder,
    ladder_kind,
    plan_trajectory,
    rescaled,
)
from designlib.sampling.sampler import Sampler, choose_sampler
from designlib.sampling.starts import Starts, choose_starts, reference_designs
from designlib.spaces import DesignSpace, Space, widened

__all__ = ["SamplingPlan", "build_ladders", "plan_sampling"]


class SamplingPlan(BaseModel):
    """Ladders, sampler and entry rung of a sampling run, without designs and networks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ladders: tuple[tuple[RungPlan, ...], ...] = Field(min_length=1)
    """The rungs of one ladder for each score that chains follow; blocks take turns on them."""
    elite_entry_rung: int
    """Rung at which chains from measured designs begin."""
    sampler: Sampler
    kind: LadderKind

    @property
    def rungs(self) -> tuple[RungPlan, ...]:
        """The first ladder; the others have the same checkpoints and steps."""
        return self.ladders[0]


def plan_sampling(
    members: Sequence[Trajectory],
    scores: Sequence[ScoreAt],
    space: DesignSpace,
    constraint: Constraint,
    measured: Shaped[Tensor, "measured columns"],
    config: SamplingConfig,
    seed: int,
    device: torch.device | str = "cpu",
) -> tuple[SamplingPlan, Starts]:
    """Return the plan of a sampling run and the designs that its chains start at.

    ``scores`` are those that chains follow, ``measured`` the measured designs, best first; the
    feasible ones among them serve as elites. ``constraint`` is one on ``space``, the space of
    written designs. The entry rung is the first on which the elites stand out by every score.

    Raises InputError where the members do not match, where no checkpoint tells designs apart, and
    where no feasible designs are found.
    """
    feasible = measured[constraint.satisfied(measured)]
    elites = widened(feasible[: max(1, round(config.elite_share * config.chains))])
    reference = reference_designs(space, constraint, seed, feasible)
    first = plan_trajectory(
        members,
        reference,
        sharpness=config.sharpness,
        steps_per_rung=config.steps_per_rung,
        final_steps=config.final_steps,
        choice=config.rung_choice,
        rungs=config.rungs,
        scale=config.scale,
        device=device,
        score=scores[0],
    )
    others = [rescaled(first, members, reference, score, device) for score in scores[1:]]
    plan = SamplingPlan(
        ladders=tuple(tuple(rungs) for rungs in (first, *others)),
        elite_entry_rung=0,
        sampler=choose_sampler(config, space),
        kind=ladder_kind(first, members),
    )
    starts = choose_starts(space, constraint, config, elites, seed)
    if not bool(starts.elite.any()):
        return plan, starts
    ladders = build_ladders(plan, members, scores, constraint, device)
    near, usual = elites.to(device), reference.to(device)
    entry = max(elite_entry_rung(ladder, near, usual) for ladder in ladders)
    return plan.model_copy(update={"elite_entry_rung": entry}), starts


def build_ladders(
    plan: SamplingPlan,
    members: Sequence[Trajectory],
    scores: Sequence[ScoreAt],
    constraint: Constraint,
    device: torch.device | str = "cpu",
    space: Space | None = None,
) -> list[list[Rung]]:
    """Return the ladders of a plan, their networks on ``device``; see `build_ladder`.

    Raises ValueError where there is another number of scores than of ladders.
    """
    return [
        build_ladder(members, rungs, constraint, device, space, score)
        for rungs, score in zip(plan.ladders, scores, strict=True)
    ]
