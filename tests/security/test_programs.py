"""Programs are code: a run of the Prefect page loads only those that the operator allows."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from designlib.config import ExternalPredictor
from designlib.predictors.external import load_program
from designlib.types import InputError
from tasks.inputs import tables as tables_module
from tasks.inputs.config import DataConfig, TableFile
from tasks.inputs.tables import ingest
from tasks.installation.settings import REPOSITORY, Settings
from tasks.rounds import import_checkpoints as module
from tasks.rounds.import_checkpoints import import_checkpoints
from tasks.stages.stages import StageResult
from tests.security.crafted import CRAFTED

every_craft = pytest.mark.parametrize("craft", CRAFTED.values(), ids=CRAFTED)
Craft = Callable[[Path], bytes]


class _Page:
    id = "deployment"


@pytest.fixture
def start(home: Path, monkeypatch: pytest.MonkeyPatch) -> StageResult:
    """The table of a campaign that a run of the page reads."""
    (home / "tables").mkdir()
    table = pd.read_parquet(REPOSITORY / "data" / "tfbind8_six6.parquet").iloc[::200]
    table.to_csv(home / "tables" / "table.csv", index=False)
    for reader in (module, tables_module):
        monkeypatch.setattr(reader, "deployment", _Page)
    return ingest.fn(DataConfig(source=TableFile(path="table.csv")))


def predictor(program: str) -> ExternalPredictor:
    examples = [{"design": "ACGTACGT", "value": 1.0}, {"design": "TTTTGATC", "value": 2.0}]
    return ExternalPredictor.model_validate({"model": program, "examples": examples})


@every_craft
def test_a_crafted_program_runs_its_code_where_it_is_loaded(craft: Craft, tmp_path: Path) -> None:
    """Otherwise the tests below would show nothing."""
    mark = tmp_path / "mark"
    content = craft(mark)
    assert not mark.exists()
    with contextlib.suppress(Exception):
        load_program(content)(torch.zeros(2, 4, 6))
    assert mark.exists()


@every_craft
def test_a_crafted_program_is_refused_from_the_page_and_leaves_no_mark(
    craft: Craft, start: StageResult, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    (Settings().table_folder / "program.pt2").write_bytes(craft(mark))
    with pytest.raises(InputError, match=r"model: program.pt2 is code .* not allowed"):
        import_checkpoints.fn(predictor("program.pt2"), start)
    assert not mark.exists()
    assert not (Settings().stages / "predictor").exists()


def test_a_program_is_allowed_by_its_digest_or_its_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home / "tables" / "models" / "p.pt2"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"program")
    digest = hashlib.sha256(b"program").hexdigest()
    assert not Settings().allows_program(path, digest)
    for listed, allowed in (
        (digest, True),
        (digest.upper(), True),
        (str(path.parent), True),
        (f"{'0' * 64}, {home / 'tables'}", True),
        (f"{'0' * 64},{home / 'other'}", False),
        (str(path.parent) + "2", False),
    ):
        monkeypatch.setenv("DESIGN_PROGRAMS", listed)
        assert Settings().allows_program(path, digest) == allowed, listed
    # A link out of the folder does not make another file allowed.
    monkeypatch.setenv("DESIGN_PROGRAMS", str(path.parent))
    outside = home / "outside.pt2"
    outside.write_bytes(b"other")
    (path.parent / "link.pt2").symlink_to(outside)
    assert not Settings().allows_program(path.parent / "link.pt2", "1" * 64)
