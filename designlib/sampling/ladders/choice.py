"""Which checkpoints of a training become rungs.

Each function returns the indices of the chosen checkpoints, rising, the last one included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from designlib.sampling.weights import conditional_share
from designlib.types import InputError

CheckpointScores = Float[Tensor, "checkpoints designs"]
"""Scores of reference designs under every checkpoint."""


def by_log_step(steps: Sequence[int], rungs: int) -> list[int]:
    """Return the checkpoints closest to ``rungs`` training steps evenly spaced in log(1 + step).

    Early in training a predictor changes with every step, late with every thousand. Fewer than
    ``rungs`` are returned where one checkpoint is the closest to several steps.

    Raises InputError for no rungs, or steps that do not rise.

    >>> by_log_step([0, 1, 3, 7, 15], 3)
    [0, 2, 4]
    """
    if not steps or any(a >= b for a, b in pairwise(steps)):
        raise InputError(f"checkpoints need rising training steps, not {list(steps)}")
    positions = [math.log1p(step) for step in steps]
    return _closest(positions, rungs)


def by_function_change(scores: CheckpointScores, rungs: int) -> list[int]:
    """Return ``rungs`` checkpoints between which the predictor changes by equal amounts.

    The change between neighbours is the root mean square difference of their standardised
    scores of the reference designs; positions along the training are its running sum (arc
    length in function space). A checkpoint that scores all designs alike counts as all zeros.

    Raises InputError for no rungs, or scores that are not finite.
    """
    _check_scores(scores)
    centred = scores.double() - scores.double().mean(1, keepdim=True)
    spread = centred.pow(2).mean(1, keepdim=True).sqrt()
    standard = torch.where(spread > 0, centred / spread.clamp(min=1e-300), 0.0)
    change = (standard[1:] - standard[:-1]).pow(2).mean(1).sqrt()
    return _closest([0.0, *change.cumsum(0).tolist()], rungs)


def by_smc_criterion(log_densities: CheckpointScores, ess_share: float = 0.5) -> list[int]:
    """Return the fewest checkpoints such that each step along them keeps enough particles.

    From one rung the next is the latest checkpoint for which the conditional effective sample size
    (`conditional_share`) is at least ``ess_share`` (Zhou, Johansen and Aston 2016); where none is,
    the next one. The sums are over reference designs, so the criterion is an estimate by importance
    sampling. The first rung is reached from the uniform density.

    ``log_densities`` are beta_t * f_t of uniform reference designs. Raises InputError for a share
    that is not between 0 and 1, or log densities that are not finite.
    """
    if not 0 < ess_share < 1:
        raise InputError(f"a share of the particles lies between 0 and 1, not {ess_share:g}")
    _check_scores(log_densities)
    densities = log_densities.double()
    chosen: list[int] = []
    current = torch.zeros_like(densities[0])
    while not chosen or chosen[-1] < len(densities) - 1:
        first = chosen[-1] + 1 if chosen else 0
        later = densities[first:]
        share = conditional_share(current.expand_as(later), later - current)
        reachable = (share >= ess_share).nonzero().flatten().tolist()
        chosen.append(first + max(reachable, default=0))
        current = densities[chosen[-1]]
    return chosen


def _closest(positions: Sequence[float], rungs: int) -> list[int]:
    """Return the distinct indices closest to evenly spaced positions; a lone rung is the last."""
    if rungs < 1:
        raise InputError(f"a ladder needs at least one rung, not {rungs}")
    if rungs == 1:
        return [len(positions) - 1]
    first, last = positions[0], positions[-1]
    wanted = [first + (last - first) * k / (rungs - 1) for k in range(rungs)]
    table = torch.tensor(positions, dtype=torch.float64)
    chosen = {int((table - position).abs().argmin()) for position in wanted}
    return sorted(chosen | {len(positions) - 1})


def _check_scores(scores: Tensor) -> None:
    if scores.shape[0] == 0 or scores.shape[1] < 2:
        raise InputError(
            f"scores of shape {tuple(scores.shape)}: at least one checkpoint and two reference "
            "designs are needed"
        )
    bad = (~scores.isfinite()).nonzero()
    if len(bad):
        checkpoint, design = bad[0].tolist()
        raise InputError(
            f"checkpoint {checkpoint + 1} scores reference design {design + 1} as "
            f"{float(scores[checkpoint, design])}; finite scores are needed"
        )
