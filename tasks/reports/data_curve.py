"""The worth of measured data: more of it, a core set of it, and single rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int64

from designlib.analysis import PowerLaw, core_set, example_table, fit_power_law, subset_sizes
from designlib.config import TrainingConfig
from designlib.predictors import (
    Examples,
    PredictorSpec,
    Trajectory,
    emphasise,
    evaluate,
    rank_correlation,
    thinned,
    train,
)
from designlib.randomness import derive_seed, numpy_generator
from designlib.sampling.ladders import mean_score
from designlib.types import InputError
from tasks.rounds.train import Part, prepare
from tasks.stages.table_facts import TableFacts

_MORE = (100, 1000)
_FEWEST = 64
_CHECKPOINTS, _MEMBERS = 12, 2


@dataclass(frozen=True)
class Grounds:
    """What predictors are trained on and judged by."""

    spec: PredictorSpec
    config: TrainingConfig
    training: Examples
    validation: Examples
    """Decides which checkpoint counts."""
    held_out: Examples
    """Judges that checkpoint."""
    seed: int

    @classmethod
    def of(
        cls, facts: TableFacts, folds: pd.DataFrame, config: TrainingConfig, seed: int
    ) -> Grounds:
        """Return the first objective's, judged by the folds test and validation_model."""
        part, device = Part("predictor", 1, seed), torch.device("cpu")
        plain = config.model_copy(update={"own_share": 0.0})
        spec, training, validation = prepare(facts, folds, plain, part, device)
        judges = {"validation": "-", "test": "validation", "validation_model": "validation"}
        judging = folds.assign(fold=folds["fold"].replace(judges))
        _, _, held_out = prepare(facts, judging, plain, part, device)
        return cls(spec, plain, training, validation, held_out, seed)

    def subset(self, size: int, repeat: int) -> Int64[np.ndarray, "rows"]:
        """Return so many random training rows, others in each repeat."""
        drawn = numpy_generator(self.seed, "subset", size, repeat)
        return np.sort(drawn.choice(len(self.training.target), size, replace=False))


def measure_curve(grounds: Grounds, repeats: int, sizes: list[int] | None = None) -> pd.DataFrame:
    """Train on parts of the data; return rows, repeat, step and held-out rank correlation of each.

    Of each training the checkpoint counts that is best on the validation rows.
    Raises InputError for too few rows.
    """
    every = len(grounds.training.target)
    if every < _FEWEST:
        raise InputError(f"a learning curve needs at least {_FEWEST} training rows, not {every}")
    rows = []
    for size in sizes or subset_sizes(every):
        for repeat in range(repeats):
            states = _along(grounds, grounds.subset(size, repeat), repeat)
            _, score = max(states, key=lambda scores: scores[0])
            rows.append({"rows": size, "repeat": repeat, "rank_correlation": score})
    return pd.DataFrame(rows)


def expected_gains(curve: pd.DataFrame) -> tuple[PowerLaw, pd.DataFrame]:
    """Return the power law of 1 - rank correlation, and what the next measurements should gain.

    Columns: more, gain_low, gain, gain_high, of an interval of 90 %. ``more`` counts training rows.
    """
    law = fit_power_law(curve["rows"].tolist(), 1 - curve["rank_correlation"].to_numpy())
    every = int(curve["rows"].max())
    gains = [law.gain(every, more) for more in _MORE]
    columns = {"gain_low": "low", "gain": "middle", "gain_high": "high"}
    ends = {name: [getattr(gain, end) for gain in gains] for name, end in columns.items()}
    return law, pd.DataFrame({"more": _MORE, **ends})


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
            score = max(score for score, _ in _along(grounds, chosen, repeat, judged=False))
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


def _along(
    grounds: Grounds, rows: np.ndarray, repeat: int, *, judged: bool = True
) -> Iterator[tuple[float, float]]:
    """Yield validation and, where ``judged``, held-out rank correlation at every checkpoint."""
    chosen = Examples(*(column[torch.from_numpy(rows)] for column in grounds.training))
    seed = derive_seed(grounds.spec.seed, "repeat", repeat)
    spec = grounds.spec.model_copy(update={"seed": seed})
    network = spec.build()
    for state in train(network, chosen, grounds.validation, grounds.config, spec.seed):
        held_out = float("nan")
        if judged:
            scores = evaluate(network, grounds.held_out.one_hot[:]).numpy()
            held_out = rank_correlation(scores, grounds.held_out.target.numpy())
        yield state.metrics["validation_rank_correlation"], held_out
