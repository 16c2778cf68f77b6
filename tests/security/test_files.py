"""Files of a home are its owner's, and inputs that unpack without end are refused."""

from __future__ import annotations

import gzip
import io
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from designlib.types import InputError
from flows.campaign import main
from tasks.installation.environment import prepare_environment
from tasks.installation.files import read_input
from tasks.installation.settings import REPOSITORY, Settings

_MADE = """
from tasks.installation.settings import Settings
from tasks.installation.files import write_atomically
import flows
from tasks.tracking.tracking import prepare_tracking

prepare_tracking(Settings())
write_atomically(Settings().table_folder / "table.csv", b"design,value")
"""


@pytest.fixture
def mask() -> Iterator[None]:
    """Leave the mask of this process as it is."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.parametrize(("setting", "mode"), [({}, 0o600), ({"DESIGN_UMASK": "027"}, 0o640)])
def test_databases_and_tables_are_the_owners(
    setting: dict[str, str], mode: int, tmp_path: Path, empty_tracking: Path
) -> None:
    ours = ("DESIGN_", "PREFECT_", "MLFLOW_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    home = tmp_path / "home"
    subprocess.run(
        [sys.executable, "-c", _MADE],
        env={**kept, **setting, "DESIGN_HOME": str(home)},
        cwd=REPOSITORY,
        check=True,
        umask=0o022,
    )
    made = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*.*")}
    assert {"mlflow.db", "table.csv"} <= made.keys()
    assert set(made.values()) == {mode}
    assert stat.S_IMODE(home.stat().st_mode) == mode | (mode & 0o444) >> 2


def test_a_database_that_others_can_read_is_closed(tmp_path: Path, mask: None) -> None:
    for name in ("prefect/prefect.db", "mlflow/mlflow.db", "mlflow/users-01234567.db"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch(0o644)
    prepare_environment(Settings(home=tmp_path))
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*.db")} == {0o600}


def zipped_csv() -> bytes:
    return gzip.compress(b"design,value\n" + b"A" * 20_000_000)


def parquet() -> bytes:
    sink = io.BytesIO()
    text = pa.array(["A" * 1000] * 20_000)
    pq.write_table(pa.table({"design": text}), sink, compression="zstd")
    return sink.getvalue()


def checkpoint() -> bytes:
    """A state dict whose archive is compressed, which torch reads all the same."""
    plain, small = io.BytesIO(), io.BytesIO()
    torch.save({"weight": torch.zeros(5_000_000)}, plain)
    with (
        zipfile.ZipFile(plain) as old,
        zipfile.ZipFile(small, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return small.getvalue()


@pytest.mark.parametrize(
    ("make", "name"),
    [(zipped_csv, "table.csv.gz"), (parquet, "table.parquet"), (checkpoint, "model.pt")],
)
def test_what_unpacks_to_more_than_the_limit_is_refused(
    make: Callable[[], bytes], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.write_bytes(make())
    assert path.stat().st_size < 1_000_000
    assert read_input(path) == path.read_bytes()
    monkeypatch.setenv("DESIGN_UNPACKED_GB", "0.01")
    with pytest.raises(InputError, match=rf"{name}: unpacked, the file is larger than 0.01 GB"):
        read_input(path)


def test_the_command_says_so_in_one_line(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "table.csv.gz").write_bytes(zipped_csv())
    settings = tmp_path / "campaign.yaml"
    settings.write_text("data: {source: {path: table.csv.gz}}")
    monkeypatch.setenv("DESIGN_UNPACKED_GB", "0.01")
    assert main(["--config", str(settings)]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "DESIGN_UNPACKED_GB" in told


def test_a_plain_file_may_be_larger_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESIGN_UNPACKED_GB", "0.001")
    path = tmp_path / "model.pt"
    torch.save({"weight": torch.rand(500_000)}, path)
    assert len(read_input(path)) > 1_000_000
    table = tmp_path / "table.parquet"
    pd.DataFrame({"value": torch.rand(500_000).numpy()}).to_parquet(table, compression=None)
    assert read_input(table)
