r"""The training-trajectory ladder: one rung per checkpoint, from coarse to fine.

Source: "From Predictors to Samplers via the Training Trajectory", ICLR 2026. The target of
rung t is :math:`\pi_t(x) \propto \exp(\beta_t f_t(x))`. With :math:`\beta_t = c / \sigma_t`,
:math:`\sigma_t` the spread of f_t over reference designs, every rung is equally sharp; without
it the output of an early checkpoint is so small that its target is flat and its steps are wasted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from designlib.constraints import Constraint
from designlib.predictors import evaluate
from designlib.sampling.ladders.base import Rung, check_steps
from designlib.sampling.objectives import ScoreFunction
from designlib.sampling.targets import NonFiniteScoreError, Target
from designlib.spaces import Space
from designlib.types import Designs, InputError

_OUTSTANDING = 0.9
"""Share of the reference designs that good designs stand out from."""

FLAT = 1e-12
"""Standard deviation below which a checkpoint orders nothing."""


def trajectory_ladder(
    checkpoints: Sequence[ScoreFunction],
    space: Space,
    reference: Designs,
    *,
    steps: int,
    final_steps: int = 0,
    sharpness: float = 6.0,
    beta: float | None = None,
    constraint: Constraint | None = None,
    labels: Sequence[str] = (),
    dtype: torch.dtype = torch.float32,
    choose: Callable[[Tensor], Sequence[int]] | None = None,
) -> list[Rung]:
    """Return the ladder along the checkpoints of one predictor, earliest first.

    Parameters
    ----------
    checkpoints
        The predictor at several steps of its training, as modules or functions from relaxed
        designs to scores. Modules must have the same parameters, by name and shape.
    space, constraint
        Where designs live.
    reference
        Designs over which the spread of each checkpoint is measured, such as random or
        measured ones, at least two.
    steps, final_steps
        Kernel steps on each rung, and further ones on the last.
    sharpness
        The log density of every rung changes by this much per standard deviation of its score.
    beta
        The same inverse temperature for every rung instead; 1 samples exp(f_t) as it is.
    labels, dtype
        Names of the rungs, numbered by default, and floating type of the predictor's input.
    choose
        Which checkpoints become rungs, from their scores of the reference designs, shape
        (checkpoints, reference), as in ``lambda scores: by_function_change(scores, 12)``;
        all by default.

    Raises
    ------
    InputError
        Checkpoints of different architecture, a number out of range, or no checkpoint that
        tells reference designs apart.
    NonFiniteScoreError
        A checkpoint gives a reference design NaN or infinity.

    A checkpoint that gives every reference design the same score orders nothing: it is left out.
    """
    check_steps(steps, final_steps)
    if not checkpoints:
        raise InputError("a trajectory needs at least one checkpoint")
    if not sharpness > 0:
        raise InputError(f"a sharpness of {sharpness:g} is not positive")
    if labels and len(labels) != len(checkpoints):
        raise InputError(f"{len(labels)} labels for {len(checkpoints)} checkpoints")
    _check_same_architecture(checkpoints)
    names = list(labels) or [f"checkpoint {index + 1}" for index in range(len(checkpoints))]
    scores = score_reference(checkpoints, space, reference, names, dtype)
    chosen = range(len(checkpoints)) if choose is None else choose(scores)
    rungs = []
    for index in chosen:
        spread = float(scores[index].std())
        if spread > FLAT:
            scale = sharpness / spread if beta is None else beta
            target = Target(checkpoints[index], space, constraint, scale, names[index], dtype)
            rungs.append(Rung(target, steps, names[index]))
    if not rungs:
        raise InputError("no checkpoint scores any two reference designs differently")
    rungs[-1] = rungs[-1]._replace(steps=steps + final_steps)
    return rungs


def score_reference(
    checkpoints: Sequence[ScoreFunction],
    space: Space,
    reference: Designs,
    names: Sequence[str],
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Return the scores of reference designs under every checkpoint, float64.

    Shape (checkpoints, reference). Raises InputError for fewer than two designs and
    NonFiniteScoreError, naming the checkpoint, for NaN or infinity.
    """
    if len(reference) < 2:
        raise InputError(
            f"the spread of a score needs at least two reference designs, not {len(reference)}"
        )
    relaxed = space.relax(reference, dtype)
    rows = []
    for name, checkpoint in zip(names, checkpoints, strict=True):
        row = evaluate(checkpoint, relaxed).double()
        if not bool(row.isfinite().all()):
            raise NonFiniteScoreError(f"rung {name!r} scores a reference design as NaN or infinity")
        rows.append(row)
    return torch.stack(rows)


def elite_entry_rung(
    ladder: Sequence[Rung],
    elites: Shaped[Tensor, "elites columns"],
    reference: Shaped[Tensor, "reference columns"],
) -> int:
    """Return the first rung from which on good measured designs stand out.

    Early rungs would wash out what they had. The elites' median score is compared with the
    reference designs' scores on each rung; they stand out where it is above a share 0.9 of them, on
    this and all later rungs. Where that never holds, the last rung is returned.
    """
    entry = len(ladder) - 1
    for index in range(len(ladder) - 1, -1, -1):
        target = ladder[index].target
        good = evaluate(target.predict, target.space.relax(elites, target.dtype)).median()
        usual = evaluate(target.predict, target.space.relax(reference, target.dtype))
        if float((usual < good).double().mean()) < _OUTSTANDING:
            break
        entry = index
    return entry


def _check_same_architecture(checkpoints: Sequence[ScoreFunction]) -> None:
    modules = [c.state_dict() if isinstance(c, nn.Module) else {} for c in checkpoints]
    first, *others = ({name: tuple(v.shape) for name, v in m.items()} for m in modules)
    for number, other in enumerate(others, start=2):
        if other != first:
            name = min(set(first.items()) ^ set(other.items()))[0]
            raise InputError(
                f"checkpoint {number} differs in architecture from checkpoint 1: {name} has shape "
                f"{other.get(name, 'none')}, not {first.get(name, 'none')}"
            )
