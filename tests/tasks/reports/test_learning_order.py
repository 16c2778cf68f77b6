"""The parts of the page of what was learned when, from stages to tables and text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from designlib.config.learning import LearningConfig
from designlib.config.training import NetworkConfig, TrainingConfig
from designlib.notation.alphabets import DNA
from designlib.predictors.training import train
from designlib.predictors.trajectory import state_to_bytes
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace, describe_space
from tasks.installation.files import parquet_bytes
from tasks.installation.settings import Settings
from tasks.reports.data_curve import Grounds
from tasks.reports.learning_order import _analyse, _content, _notes, _page, _tables
from tasks.stages.stages import StageResult, run_stage
from tasks.stages.table_facts import TableFacts, TableSource

SPACE = SequenceSpace(DNA, 6)
CONFIG = TrainingConfig(
    network=NetworkConfig(architecture="mlp", width=8), steps=40, checkpoints=6, batch_size=32
)
FACTS = TableFacts(
    **describe_space(SPACE),
    source=TableSource(),
    name="few",
    rows_read=300,
    designs=300,
    guesses={},
    value_name="signal",
)
FOLDS = ["predictor", "validation", "test", "validation_model"]


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, StageResult]:
    """A member, the table and its folds, as a campaign leaves them."""
    monkeypatch.setenv("DESIGN_HOME", str(tmp_path))
    letters = SPACE.random(300, torch_generator(0, "designs")).unique(dim=0)
    value = ((letters == 0).sum(1) - (letters == 3).sum(1)).double()
    fold = np.repeat(FOLDS, [len(letters) - 120, 40, 40, 40])
    folds = pd.DataFrame(
        {
            "design": SPACE.decode(letters),
            "value": value.numpy(),
            "error": np.nan,
            "weight": np.nan,
            "fold": fold,
            "round": 0.0,
        }
    ).iloc[torch.randperm(len(letters), generator=torch_generator(1, "order")).numpy()]
    folds = folds.assign(fold=fold).reset_index(drop=True)
    grounds = Grounds.of(FACTS, folds, CONFIG, 0)
    network = grounds.spec.build()
    files = {
        f"checkpoint-{state.step:08d}.safetensors": state_to_bytes(state, grounds.spec)
        for state in train(network, grounds.training, grounds.validation, CONFIG, 0)
    }
    return {
        "member": run_stage(Settings(), "train", {}, lambda: files),
        "folds": run_stage(
            Settings(), "split", {}, lambda: {"folds.parquet": parquet_bytes(folds)}
        ),
        "table": run_stage(
            Settings(), "ingest", {}, lambda: {"facts.json": FACTS.model_dump_json().encode()}
        ),
    }


def test_every_part_is_made_once_and_told(stages: dict[str, StageResult]) -> None:
    recorded = {"training": CONFIG.model_dump(mode="json"), "seed": 0}
    asked = LearningConfig(core=60, curve=True)

    def look(what: LearningConfig) -> list[StageResult]:
        designs = ["ACGTAC", "GGCATC"]
        made = [stages["member"]], stages["table"], stages["folds"]
        return _analyse(*made, designs, what, recorded)

    found = look(asked)
    tables = _tables(found)
    assert sorted(tables) == ["core.csv", "curve.csv", "examples.parquet", "learning.csv"]
    table = pd.read_csv(tables["learning.csv"])
    assert table["step"].iloc[-1] == 40
    names = ["degree 1", "1-mers", "2-mers", "mutagenesis"]
    assert table[names].iloc[-1].tolist() == pytest.approx([1, 1, 1, 1], abs=1e-6)
    notes = _notes(_content(found)[0])
    assert "training rows look mislabelled" in notes[0]
    assert notes[1].startswith("100 more measurements: rank correlation +")
    assert notes[2].startswith("1,000 more measurements")
    assert notes[3].startswith("trained on a core set of 60")
    page = _page("few<b>", found).decode()
    for text in ("few&lt;b&gt;", "What more measurements are worth", "A core set", "By checkpoint"):
        assert text in page
    assert all(stage.reused for stage in look(asked))
    bare = look(LearningConfig())
    assert all(stage.reused for stage in bare)
    assert sorted(_tables(bare)) == ["examples.parquet", "learning.csv"]
    assert "A core set" not in _page("few", bare).decode()
    assert len(_notes(_content(bare)[0])) == 1
