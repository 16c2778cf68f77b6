"""What the page of a campaign shows beside its best candidates."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from designlib.notation.alphabets import DNA
from designlib.spaces import SequenceSpace
from tasks.installation.files import parquet_bytes
from tasks.installation.settings import Settings
from tasks.reports.campaign_page import _of_designs, _started_from
from tasks.stages.stages import noted, run_stage

FOLDS = pd.DataFrame(
    {
        "design": ["AAAA", "CCCC", "GGGG", "TTTT", "ACGT"],
        "value": [0.1, 0.3, 0.2, 0.9, 0.8],
        "fold": ["train", "train", "test", "withheld", "train"],
        "round": [0.0, 0.0, 0.0, 0.0, 1.0],
    }
)
CANDIDATES = pd.DataFrame({"design": ["ACGT", "ACGA"], "round": [1, 2], "predicted_mean": 0.5})


@pytest.fixture
def about(home: Path) -> dict[str, Any]:
    del home
    split = run_stage(Settings(), "split", {}, lambda: {"folds.parquet": parquet_bytes(FOLDS)})
    return {"folds": noted(split), "maximise": True, "both_strands": False}


def test_the_start_is_what_could_be_learned_from_before_anything_was_proposed(
    about: dict[str, Any],
) -> None:
    assert _started_from(about)["design"].tolist() == ["CCCC", "GGGG", "AAAA"]
    smallest = _started_from({**about, "maximise": False})
    assert smallest["design"].tolist() == ["AAAA", "GGGG", "CCCC"]


def test_the_logo_says_what_it_is_beside(about: dict[str, Any]) -> None:
    space = SequenceSpace(DNA, 4)
    shown = _of_designs(space, CANDIDATES.head(1), CANDIDATES, about)
    assert shown.title.endswith("of the best designs of the table at the start")
    shutil.rmtree(Settings().stages)
    without = _of_designs(space, CANDIDATES.head(1), CANDIDATES, about)
    assert without.title.endswith("of the candidates of the first round")
    recorded_before = {name: value for name, value in about.items() if name != "folds"}
    assert _of_designs(space, CANDIDATES.head(1), CANDIDATES, recorded_before) == without
