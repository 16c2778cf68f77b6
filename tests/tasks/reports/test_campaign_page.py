"""What the page of a campaign shows of the table that it started from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.installation.files import parquet_bytes
from tasks.installation.settings import Settings
from tasks.reports.campaign_page import start_designs
from tasks.stages.stages import run_stage, stage_record

FOLDS = pd.DataFrame(
    {
        "design": ["AAAA", "CCCC", "GGGG", "TTTT", "ACGT"],
        "value": [0.1, 0.3, 0.2, 0.9, 0.8],
        "fold": ["train", "train", "test", "withheld", "train"],
        "round": [0.0, 0.0, 0.0, 0.0, 1.0],
    }
)


@pytest.fixture
def about(home: Path) -> dict[str, Any]:
    del home
    split = run_stage(Settings(), "split", {}, lambda: {"folds.parquet": parquet_bytes(FOLDS)})
    return {"folds": stage_record(split), "maximise": True, "both_strands": False}


def test_the_start_is_what_could_be_learned_from_before_anything_was_proposed(
    about: dict[str, Any],
) -> None:
    assert start_designs(about)["design"].tolist() == ["CCCC", "GGGG", "AAAA"]
    smallest = start_designs({**about, "maximise": False})
    assert smallest["design"].tolist() == ["AAAA", "GGGG", "CCCC"]


def test_without_the_table_there_are_no_designs_of_the_start(about: dict[str, Any]) -> None:
    shutil.rmtree(Settings().stages)
    assert start_designs(about)["design"].tolist() == []
    recorded_before = {name: value for name, value in about.items() if name != "folds"}
    assert start_designs(recorded_before)["design"].tolist() == []
