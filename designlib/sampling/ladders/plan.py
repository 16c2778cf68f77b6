"""The trajectory ladder of an ensemble as a plan that can be stored, and the ladder from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import torch
from pydantic import BaseModel, ConfigDict

from designlib.config import OwnNetwork, RungChoice
from designlib.constraints import Constraint
from designlib.predictors import Trajectory
from designlib.sampling.ladders.base import Rung, check_steps, geometric_betas
from designlib.sampling.ladders.choice import by_function_change, by_log_step, by_smc_criterion
from designlib.sampling.ladders.trajectory import FLAT, score_reference
from designlib.sampling.objectives import EnsembleMean, ScoreFunction
from designlib.sampling.targets import Target
from designlib.spaces import DesignSpace, Space
from designlib.types import Designs, InputError

ScoreAt: TypeAlias = Callable[[Sequence[Trajectory], int, torch.device | str], ScoreFunction]
"""The score that chains follow at one checkpoint of the members, on a device."""


def mean_score(
    members: Sequence[Trajectory], index: int, device: torch.device | str
) -> EnsembleMean:
    """Return the mean of the members at one checkpoint."""
    return EnsembleMean([member.network(index, device) for member in members])


class RungPlan(BaseModel):
    """What one rung of a trajectory ladder is, without its networks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint: int
    """Index of the checkpoint in the members' trajectories."""
    training_step: int
    sigma: float
    """Standard deviation of the checkpoint's score over the reference designs."""
    beta: float
    steps: int
    """Kernel steps spent on the rung."""

    @property
    def label(self) -> str:
        """How messages name the rung."""
        return f"checkpoint {self.training_step}"


LadderKind = Literal["trajectory", "temperatures", "distillation"]
"""What rungs are: checkpoints of the training; temperatures of one predictor, for lack of others;
or checkpoints of a short training that was made up for one."""


def ladder_kind(plan: Sequence[RungPlan], members: Sequence[Trajectory]) -> LadderKind:
    """Return what the rungs of a plan are."""
    if len(plan) > 1 and len({rung.checkpoint for rung in plan}) == 1:
        return "temperatures"
    own = [member.spec.network for member in members]
    distilled = any(isinstance(one, OwnNetwork) and one.distillation_steps for one in own)
    return "distillation" if distilled else "trajectory"


def plan_trajectory(
    members: Sequence[Trajectory],
    reference: Designs,
    *,
    sharpness: float,
    steps_per_rung: int,
    final_steps: int = 0,
    choice: RungChoice = "all",
    rungs: int = 12,
    device: torch.device | str = "cpu",
    score: ScoreAt = mean_score,
) -> list[RungPlan]:
    """Return the rungs along the checkpoints of an ensemble, each with its scale.

    The target of rung t is pi_t(x) ~ exp(beta_t f_t(x)), f_t the ``score`` of the members and
    beta_t the sharpness over its standard deviation; see `designlib.sampling.ladders.trajectory`. A
    checkpoint that gives every reference design the same score orders nothing and is left out. The
    last rung gets ``final_steps`` more steps. ``rungs`` is the number of rungs for the choices by
    training step and by function change; the SMC criterion finds its own. Members of a single
    checkpoint have a ladder of so many temperatures, geometric from a tenth of the last beta.

    Raises InputError where the members' checkpoints are of different steps or spaces, where no
    checkpoint tells designs apart, and for a number out of range.
    """
    if not sharpness > 0:
        raise InputError(f"a ladder needs sharpness > 0, not {sharpness}")
    check_steps(steps_per_rung, final_steps)
    space = _common_space(members)
    steps = members[0].steps
    scored = [score(members, index, device) for index in range(len(steps))]
    names = [f"checkpoint {step}" for step in steps]
    scores = score_reference(scored, space, reference.to(device), names)
    sigma = scores.std(1)
    useful = [index for index in range(len(steps)) if float(sigma[index]) > FLAT]
    if not useful:
        raise InputError("no checkpoint scores any two reference designs differently")
    beta = sharpness / sigma
    kept = scores[useful]
    chosen = {
        "all": lambda: list(range(len(useful))),
        "log_step": lambda: by_log_step([steps[index] for index in useful], rungs),
        "function_change": lambda: by_function_change(kept, rungs),
        "smc": lambda: by_smc_criterion(beta[useful, None] * kept),
    }[choice]()
    plan = [
        RungPlan(
            checkpoint=index,
            training_step=steps[index],
            sigma=float(sigma[index]),
            beta=float(beta[index]),
            steps=steps_per_rung,
        )
        for index in (useful[position] for position in chosen)
    ]
    if len(steps) == 1 and rungs > 1:
        betas = geometric_betas(_WARMEST * plan[0].beta, plan[0].beta, rungs)
        plan = [plan[0].model_copy(update={"beta": beta}) for beta in betas]
    plan[-1] = plan[-1].model_copy(update={"steps": steps_per_rung + final_steps})
    return plan


_WARMEST = 0.1
"""Share of the last inverse temperature at which a ladder of temperatures starts."""


def build_ladder(
    members: Sequence[Trajectory],
    plan: Sequence[RungPlan],
    constraint: Constraint | None,
    device: torch.device | str = "cpu",
    space: Space | None = None,
    score: ScoreAt = mean_score,
) -> list[Rung]:
    """Return the ladder that a plan describes, its networks on ``device``.

    ``space`` is where chains move, by default that of the members' designs, and ``constraint`` one
    on it.
    """
    space = space or _common_space(members)
    # One score for all temperatures of a checkpoint.
    scores = {
        index: score(members, index, device)
        for index in dict.fromkeys(rung.checkpoint for rung in plan)
    }
    ladder = []
    for rung in plan:
        target = Target(scores[rung.checkpoint], space, constraint, rung.beta, rung.label)
        ladder.append(Rung(target, rung.steps, rung.label))
    return ladder


def rescaled(
    plan: Sequence[RungPlan],
    members: Sequence[Trajectory],
    reference: Designs,
    score: ScoreAt,
    device: torch.device | str = "cpu",
) -> list[RungPlan]:
    """Return the same rungs for another score of the same members.

    Each is as sharp per standard deviation of that score as it is per one of its own.
    """
    scored = [score(members, rung.checkpoint, device) for rung in plan]
    names = [rung.label for rung in plan]
    scores = score_reference(scored, _common_space(members), reference.to(device), names)
    changed = []
    for rung, sigma in zip(plan, scores.std(1).clamp(min=FLAT).tolist(), strict=True):
        update = {"sigma": sigma, "beta": rung.beta * rung.sigma / sigma}
        changed.append(rung.model_copy(update=update))
    return changed


def _common_space(members: Sequence[Trajectory]) -> DesignSpace:
    first = members[0]
    for number, member in enumerate(members[1:], start=2):
        if member.steps != first.steps or member.spec.space != first.spec.space:
            raise InputError(
                f"member {number} has checkpoints at {member.steps} of {member.spec.space}; "
                f"member 1 has them at {first.steps} of {first.spec.space}"
            )
    return first.spec.space
