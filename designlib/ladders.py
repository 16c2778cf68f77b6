"""Ladders: the sequences of target densities that a driver walks.

The training-trajectory ladder goes from an early checkpoint, whose score is a
smooth version of the final one, to the trained predictor. Source: "From
Predictors to Samplers via the Training Trajectory", ICLR 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Int
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from designlib.constraints.base import Constraint
from designlib.predictors.networks import evaluate
from designlib.spaces import SequenceSpace
from designlib.targets import Target
from designlib.trajectory import Trajectory, ensemble_mean, spread
from designlib.types import InputError, Letters, OneHot, Scores

__all__ = ["Rung", "RungPlan", "build_ladder", "elite_entry_rung", "plan_trajectory"]


class Rung(NamedTuple):
    """One target of a ladder and how many kernel steps are spent on it."""

    target: Target
    steps: int
    label: str


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


def plan_trajectory(
    members: Sequence[Trajectory],
    reference: Letters,
    *,
    sharpness: float,
    steps_per_rung: int,
    final_steps: int = 0,
    device: torch.device | str = "cpu",
) -> list[RungPlan]:
    """Return one rung per checkpoint of an ensemble, with its scale.

    The target of rung t is pi_t(x) ~ exp(beta_t f_t(x)), f_t the mean score of the members and
    beta_t = sharpness / sigma_t, where sigma_t is the standard deviation of f_t over ``reference``
    designs. Without this scale the output of an early checkpoint is so small that its target is
    flat and its steps are wasted. A checkpoint that gives every reference design the same score
    orders nothing and is left out. The last rung gets ``final_steps`` more steps.

    Raises InputError where the members' checkpoints are of different steps or spaces, where no
    checkpoint tells designs apart, and for a sharpness or a number of steps out of range.
    """
    if not sharpness > 0 or steps_per_rung < 1 or final_steps < 0:
        raise InputError(
            f"a ladder needs sharpness > 0, steps_per_rung >= 1 and final_steps >= 0, not "
            f"{sharpness}, {steps_per_rung} and {final_steps}"
        )
    space = _common_space(members)
    one_hot = space.relax(reference.to(device))
    rungs: list[RungPlan] = []
    for index, training_step in enumerate(members[0].steps):
        sigma = spread(_mean_score(members, index, device), one_hot)
        if sigma > _FLAT:
            rungs.append(
                RungPlan(
                    checkpoint=index,
                    training_step=training_step,
                    sigma=sigma,
                    beta=sharpness / sigma,
                    steps=steps_per_rung,
                )
            )
    if not rungs:
        raise InputError("no checkpoint scores any two reference designs differently")
    rungs[-1] = rungs[-1].model_copy(update={"steps": steps_per_rung + final_steps})
    return rungs


def build_ladder(
    members: Sequence[Trajectory],
    plan: Sequence[RungPlan],
    constraint: Constraint | None,
    device: torch.device | str = "cpu",
) -> list[Rung]:
    """Return the ladder that a plan describes, its networks on ``device``."""
    space = _common_space(members)
    return [
        Rung(
            Target(
                _mean_score(members, rung.checkpoint, device),
                space,
                constraint,
                beta=rung.beta,
                label=rung.label,
            ),
            rung.steps,
            rung.label,
        )
        for rung in plan
    ]


def elite_entry_rung(
    ladder: Sequence[Rung],
    elites: Letters,
    reference: Int[Tensor, "reference sites"],
    *,
    standing: float = 0.9,
) -> int:
    """Return the first rung from which on the elites stand out among the reference designs.

    Early rungs know little: they would wash out what good measured designs had. The elites' median
    score is compared with the reference designs' scores on each rung; they stand out where it is
    above a share ``standing`` of them, on this and all later rungs. Where that never holds, the
    last rung is returned.
    """
    entry = len(ladder) - 1
    for index in range(len(ladder) - 1, -1, -1):
        target = ladder[index].target
        good = evaluate(target.predict, target.space.relax(elites)).median()
        usual = evaluate(target.predict, target.space.relax(reference))
        if float((usual < good).double().mean()) < standing:
            break
        entry = index
    return entry


_FLAT = 1e-12


def _mean_score(
    members: Sequence[Trajectory], index: int, device: torch.device | str
) -> Callable[[OneHot], Scores]:
    return ensemble_mean([member.network(index, device) for member in members])


def _common_space(members: Sequence[Trajectory]) -> SequenceSpace:
    first = members[0]
    for number, member in enumerate(members[1:], start=2):
        if member.steps != first.steps or member.spec.space != first.spec.space:
            raise InputError(
                f"member {number} has checkpoints at {member.steps} of {member.spec.space}; "
                f"member 1 has them at {first.steps} of {first.spec.space}"
            )
    return first.spec.space
