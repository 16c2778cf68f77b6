"""The campaign command: what it refuses, in one line, before anything is written."""

from __future__ import annotations

import gzip
import io
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from flows.campaign import main
from tasks.installation.settings import REPOSITORY

KMERS = ["".join(letters) for letters in itertools.product("ACGT", repeat=3)]
ROWS = [f"{kmer},{number / 10}" for number, kmer in enumerate(KMERS)]


def csv(rows: list[str] = ROWS, header: str = "sequence,value") -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def with_row(index: int, row: str) -> bytes:
    """A good table but for the row that stands in spreadsheet row ``index``."""
    rows = list(ROWS)
    rows[index - 2] = row
    return csv(rows)


def parquet(values: list[float]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"sequence": KMERS, "value": values}), sink)
    return sink.getvalue()


BAD_TABLES = {
    "empty file": ("a.csv", b"", ["a.csv", "empty"]),
    "no rows": ("a.csv", csv([]), ["a.csv", "no row"]),
    "letter outside the alphabet": (
        "a.csv",
        with_row(7, "AXC,1"),
        ["a.csv, row 7, column 'sequence'", "'AXC'", "'X'"],
    ),
    "NaN": ("a.csv", with_row(9, "ACG,nan"), ["a.csv, row 9, column 'value'", "'nan'"]),
    "empty value": ("a.csv", with_row(9, "ACG,"), ["a.csv, row 9, column 'value'", "empty"]),
    "text": ("a.csv", with_row(9, "ACG,high"), ["a.csv, row 9, column 'value'", "'high'"]),
    "ragged": ("a.csv", with_row(30, "ACGT,1"), ["a.csv, row 30, column 'sequence'", "'ACGT'"]),
    "duplicate headers": (
        "a.csv",
        csv([f"{row},1" for row in ROWS], "sequence,value,value"),
        ["a.csv, row 1", "'value'"],
    ),
    "too few rows": ("a.csv", csv(ROWS[:20]), ["a.csv", "20 distinct designs"]),
    "constant values": (
        "a.csv",
        csv([f"{kmer},0.5" for kmer in KMERS]),
        ["a.csv, column 'value'", "0.5"],
    ),
    "wrong encoding": ("a.csv", csv().decode().encode("utf-16"), ["a.csv", "UTF-16", "UTF-8"]),
    "truncated Parquet": ("a.parquet", parquet([*range(64)])[:-40], ["a.parquet", "truncated"]),
    "NaN in Parquet": (
        "a.parquet",
        parquet([*range(63), float("nan")]),
        ["a.parquet, row 64, column 'value'", "'nan'"],
    ),
    "truncated gzip": ("a.csv.gz", gzip.compress(csv())[:-30], ["a.csv.gz", "truncated"]),
    "unknown format": ("a.xlsx", csv(), ["a.xlsx", ".csv"]),
    "unsound FASTA": ("a.fa", b">a 1\nACG\n>b\nACC\n", ["a.fa, line 3", "'>b'", "no value"]),
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation in which nothing has been made."""
    folder = tmp_path / "home"
    monkeypatch.setenv("DESIGN_HOME", str(folder))
    return folder


class Refusal:
    """Runs the command on settings that it must refuse."""

    def __init__(self, folder: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.home, self.capsys = folder, home, capsys

    def of(self, settings: str) -> str:
        """Return the one line that is said; nothing may have been written."""
        (self.folder / "campaign.yaml").write_text(settings, encoding="utf-8")
        before = sorted(self.folder.rglob("*"))
        code = main(["--config", str(self.folder / "campaign.yaml")])
        printed, said = self.capsys.readouterr()
        assert code == 2
        assert printed == ""
        assert said.startswith("error: ")
        assert said.count("\n") == 1
        assert sorted(self.folder.rglob("*")) == before
        assert not self.home.exists()
        return said


@pytest.fixture
def refusal(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> Refusal:
    (tmp_path / "input").mkdir()
    return Refusal(tmp_path / "input", home, capsys)


# ---- tables


@pytest.mark.parametrize(("name", "content", "parts"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_a_bad_table(refusal: Refusal, name: str, content: bytes, parts: list[str]) -> None:
    (refusal.folder / name).write_bytes(content)
    said = refusal.of(f"data: {{source: {{path: {name}}}}}")
    for part in parts:
        assert part in said


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("path: none.csv", ["none.csv", "no such file"]),
        ("path: .", ["directory"]),
        ("{path: a.csv, columns: {design: oligo}}", ["a.csv", "'oligo'", "'sequence'"]),
        ("{path: a.csv, columns: {values: [signal]}}", ["a.csv", "'signal'", "'value'"]),
        ("{path: a.csv, alphabet: protein, both_strands: true}", ["both_strands", "protein"]),
        ("dataset: tfbind9", ["'tfbind9'", "tfbind8_six6"]),
    ],
)
def test_a_source_that_is_not_there(refusal: Refusal, source: str, parts: list[str]) -> None:
    (refusal.folder / "a.csv").write_bytes(csv())
    mapping = source if source.startswith("{") else f"{{{source}}}"
    said = refusal.of(f"data: {{source: {mapping}}}")
    for part in parts:
        assert part in said


def test_the_command_itself_answers_with_exit_code_2(tmp_path: Path, home: Path) -> None:
    (tmp_path / "a.csv").write_bytes(with_row(7, "AXC,1"))
    (tmp_path / "campaign.yaml").write_text("data: {source: {path: a.csv}}")
    ours = ("PREFECT_", "MLFLOW_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    finished = subprocess.run(
        [sys.executable, "-m", "flows.campaign", "--config", str(tmp_path / "campaign.yaml")],
        env={**environment, "DESIGN_HOME": str(home)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert finished.stderr.startswith("error: a.csv, row 7, column 'sequence'")
    assert finished.stderr.count("\n") == 1
    assert not home.exists()


# ---- settings


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ("colour: red", ["colour", "not permitted", "'red'"]),
        ("training: {epochs: 3}", ["training.epochs", "not permitted"]),
        ("constraints: {gc: {lower: 0.1}}", ["constraints.gc.lower", "not permitted"]),
        ("seed: -1", ["seed", "greater than or equal to 0", "-1"]),
        ("seed: many", ["seed", "integer", "'many'"]),
        ("training: {members: 0}", ["training.members", "0"]),
        ("sampling: {sharpness: 0}", ["sampling.sharpness", "greater than 0"]),
        ("sampling: {sharpness: .nan}", ["sampling.sharpness", "nan"]),
        ("split: {scorer: 0.5, validation: 0.3, test: 0.2}", ["split", "must leave"]),
        ("selection: {batch_size: 0}", ["selection.batch_size", "0"]),
        ("selection: {batch_size: 1536, shortlist_batches: 50}", ["selection", "at most 5000"]),
        ("execution: {shards: 0}", ["execution.shards", "0"]),
        ("execution: {device: tpu}", ["execution.device", "'tpu'"]),
        ("data: {source: {dataset: tfbind8_six6, visible_share: 0}}", ["visible_share", "0"]),
        ("name: ../elsewhere", ["name", "'../elsewhere'"]),
        ("name: a/b", ["name", "'a/b'"]),
        ("name: ..", ["name", "'..'"]),
        ('name: ""', ["name", "''"]),
    ],
)
def test_bad_settings_are_named(refusal: Refusal, settings: str, parts: list[str]) -> None:
    said = refusal.of(settings)
    for part in ["campaign.yaml", *parts]:
        assert part in said


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ("- name: a\n- seed: 1\n", ["campaign.yaml", "settings such as"]),
        ("just words", ["campaign.yaml", "settings such as"]),
        ("name: [a", ["campaign.yaml", "YAML", "line 1"]),
        ("seed: 1\nname: a\nseed: 2\n", ["campaign.yaml", "'seed' is set twice", "line 3"]),
        ("data:\n  a: 1\n  a: 1\n", ["campaign.yaml", "'a' is set twice", "line 3"]),
    ],
)
def test_what_is_not_settings(refusal: Refusal, settings: str, parts: list[str]) -> None:
    said = refusal.of(settings)
    for part in parts:
        assert part in said


def test_a_configuration_that_is_not_there(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--config", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml: there is no such configuration file" in capsys.readouterr().err
    assert main(["--config", str(tmp_path)]) == 2
    assert "error: " in capsys.readouterr().err
    assert not home.exists()


@pytest.mark.parametrize(
    ("constraints", "parts"),
    [
        ("hamming_ball: {reference: ACGT, radius: 1}", ["hamming_ball", "4", "8"]),
        ("hamming_ball: {reference: ACGTACGX, radius: 1}", ["hamming_ball", "'X'"]),
        ("fixed_sites: [{position: 9, letters: A}]", ["fixed_sites", "position 9", "1 to 8"]),
        ("forbidden_motifs: [ACGTACGTA]", ["forbidden_motifs", "'ACGTACGTA'", "9 letters"]),
        ("forbidden_motifs: [NN]", ["forbidden_motifs", "'NN'", "every design"]),
        ("gc: {low: 0.9, high: 0.1}", ["gc", "0.9", "0.1"]),
    ],
)
def test_constraints_that_do_not_fit_the_table(
    refusal: Refusal, constraints: str, parts: list[str]
) -> None:
    said = refusal.of(f"constraints: {{{constraints}}}")
    for part in parts:
        assert part in said


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(refusal: Refusal) -> None:
    said = refusal.of("execution: {device: cuda}")
    assert "cuda is set, but this machine has no usable GPU" in said
