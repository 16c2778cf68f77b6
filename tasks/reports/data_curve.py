"""Trainings on parts of the measured data: what more of it is worth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int64

from designlib.analysis import PowerLaw, fit_power_law, subset_sizes
from designlib.config import TrainingConfig
from designlib.predictors import Examples, PredictorSpec, evaluate, rank_correlation, train
from designlib.randomness import derive_seed, numpy_generator
from designlib.types import InputError
from tasks.rounds.train import Part, prepare
from tasks.stages.table_facts import TableFacts

__all__ = ["Grounds", "expected_gains", "measure_curve", "trained_score"]

_MORE = (100, 1000)
_FEWEST = 64


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
        judging = folds.assign(
            fold=folds["fold"].replace({"validation": "-", "test": "validation",
                                        "validation_model": "validation"})
        )  # fmt: skip
        _, _, held_out = prepare(facts, judging, plain, part, device)
        return cls(spec, plain, training, validation, held_out, seed)

    def subset(self, size: int, repeat: int) -> Int64[np.ndarray, "rows"]:
        """Return so many random training rows, others in each repeat."""
        drawn = numpy_generator(self.seed, "subset", size, repeat)
        return np.sort(drawn.choice(len(self.training.target), size, replace=False))


def trained_score(grounds: Grounds, rows: Int64[np.ndarray, "rows"], repeat: int) -> float:
    """Return the rank correlation, on the validation rows, of a predictor trained on some rows."""
    return max(score for score, _ in _along(grounds, rows, repeat))


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
            states = list(_along(grounds, grounds.subset(size, repeat), repeat, judged=True))
            best = max(range(len(states)), key=lambda index: states[index][0])
            rows.append({"rows": size, "repeat": repeat, "rank_correlation": states[best][1]})
    return pd.DataFrame(rows)


def expected_gains(curve: pd.DataFrame) -> tuple[PowerLaw, pd.DataFrame]:
    """Return the power law of 1 - rank correlation, and what the next measurements should gain.

    Columns: more, gain_low, gain, gain_high, of an interval of 90 %. ``more`` counts training rows.
    """
    law = fit_power_law(curve["rows"].tolist(), 1 - curve["rank_correlation"].to_numpy())
    every = int(curve["rows"].max())
    gains = [(more, law.gain(every, more)) for more in _MORE]
    return law, pd.DataFrame(
        {
            "more": [more for more, _ in gains],
            "gain_low": [gain.low for _, gain in gains],
            "gain": [gain.middle for _, gain in gains],
            "gain_high": [gain.high for _, gain in gains],
        }
    )


def _along(
    grounds: Grounds, rows: np.ndarray, repeat: int, *, judged: bool = False
) -> Iterator[tuple[float, float]]:
    """Yield validation and, where asked for, held-out rank correlation at every checkpoint."""
    chosen = Examples(*(column[torch.from_numpy(rows)] for column in grounds.training))
    seed = derive_seed(grounds.spec.seed, "repeat", repeat)
    spec = grounds.spec.model_copy(update={"seed": seed})
    network = spec.build()
    for state in train(network, chosen, grounds.validation, grounds.config, spec.seed):
        known = float("nan")
        if judged:
            told = evaluate(network, grounds.held_out.one_hot).numpy()
            known = rank_correlation(told, grounds.held_out.target.numpy())
        yield state.metrics["validation_rank_correlation"], known
