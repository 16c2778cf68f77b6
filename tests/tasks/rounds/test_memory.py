"""No stage of a round holds the one-hot rows of a table: they are made for the rows in hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from designlib.config import SplitConfig
from designlib.config.training import NetworkConfig, TrainingConfig
from designlib.predictors import TrainingState, Trajectory
from designlib.selection import Predictors
from designlib.spaces import SequenceSpace
from tasks.inputs.config import DataConfig, TableFile
from tasks.inputs.tables import ingest, split
from tasks.installation.settings import REPOSITORY
from tasks.rounds.train import Part, prepare
from tasks.stages.table_facts import best_measured, load_facts, load_folds

TRAINING = TrainingConfig(network=NetworkConfig(architecture="mlp", width=4))


@pytest.fixture
def relaxed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many designs were relaxed at once, each time."""
    sizes: list[int] = []
    relax = SequenceSpace.relax

    def watched(space: SequenceSpace, designs: torch.Tensor, *others: Any) -> torch.Tensor:
        sizes.append(len(designs))
        return relax(space, designs, *others)

    monkeypatch.setattr(SequenceSpace, "relax", watched)
    return sizes


def test_training_and_scoring_relax_no_table(home: Path, relaxed: list[int]) -> None:
    source = TableFile(path=str(REPOSITORY / "data" / "tfbind8_six6.parquet"))
    measured = ingest.fn(DataConfig(source=source))
    folds = load_folds(split.fn(measured, SplitConfig(), 0))
    facts = load_facts(measured)
    spec, training, validation = prepare(
        facts, folds, TRAINING, Part("predictor", 1, 0), torch.device("cpu")
    )
    best = best_measured(folds, facts)
    assert relaxed == []
    assert best.dtype == torch.uint8
    assert len(training.target) > 40_000
    assert training.one_hot[torch.tensor([1, 5])].shape == (2, 8, 4)
    assert validation.one_hot[:7].shape == (7, 8, 4)

    state = TrainingState(0, dict(spec.build().state_dict()), {}, {})
    predicted = Predictors([Trajectory(spec, (state,))]).predict(facts.space, best)
    assert predicted[""].shape == (1, len(best))
    assert max(relaxed) == 4096
