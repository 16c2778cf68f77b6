"""Losses of single training rows along the checkpoints, and whether a core set is enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from designlib.analysis import core_set, example_table
from designlib.predictors import Examples, Trajectory, emphasise, evaluate, thinned
from designlib.sampling.ladders import mean_score
from tasks.reports.data_curve import Grounds, trained_score

__all__ = ["compare_core", "example_losses"]

_CHECKPOINTS, _MEMBERS = 12, 2


def example_losses(
    members: Sequence[Trajectory], folds: pd.DataFrame, emphasis: float
) -> pd.DataFrame:
    """Return one row per training row: design, value, and the columns of `example_table`.

    By two members at up to twelve checkpoints, which is enough for a correlation. ``emphasis`` on
    good designs is that of the training, so that its own loss on the validation rows decides what
    a row agrees with.
    """
    kept = [
        Trajectory(member.spec, tuple(thinned(member.states, _CHECKPOINTS)))
        for member in members[:_MEMBERS]
    ]
    training = folds[folds["fold"] == "predictor"].reset_index(drop=True)
    error, _ = _errors(kept, training)
    others, target = _errors(kept, folds[folds["fold"] == "validation"])
    even = torch.ones_like(target)
    weight = emphasise(Examples(even, target, even), emphasis).weight.numpy()
    validation = (others**2 * weight).sum(1) / weight.sum()
    table = example_table(error**2, validation, error)
    return training[["design", "value"]].join(table)


def compare_core(table: pd.DataFrame, size: int, grounds: Grounds, repeats: int) -> pd.DataFrame:
    """Train on a core set, on as many random rows and on all; return their validation scores.

    ``table`` is that of `example_losses`, of the training rows of ``grounds`` in their order.
    Columns: rows, of, validation_rank_correlation, one row per training.
    """
    size = min(size, len(table))
    core = core_set(table["agreement"].to_numpy(), table["value"].to_numpy(), size)
    rows = []
    for repeat in range(repeats):
        random = grounds.subset(size, repeat)
        for of, chosen in (("core", core), ("random", random), ("all", np.arange(len(table)))):
            score = trained_score(grounds, chosen, repeat)
            rows.append({"of": of, "rows": len(chosen), "validation_rank_correlation": score})
    return pd.DataFrame(rows)


def _errors(members: Sequence[Trajectory], rows: pd.DataFrame) -> tuple[np.ndarray, torch.Tensor]:
    """Return score less standardised value of each row at each checkpoint, and these values."""
    spec = members[0].spec
    relaxed = spec.space.relax(spec.space.encode(rows["design"].tolist()))
    target = spec.learnt(torch.tensor(rows["value"].to_numpy()))
    scores = [
        evaluate(mean_score(members, index, "cpu"), relaxed).double()
        for index in range(len(members[0].states))
    ]
    return (torch.stack(scores) - target).numpy(), target
