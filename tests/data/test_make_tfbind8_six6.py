"""The embedded table: how it is made, and that it is the published one."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pyarrow.parquet as pq
import pytest

from designlib.notation.alphabets import DNA
from designlib.spaces import SequenceSpace
from designlib.tables import parse_table
from tasks.inputs.catalogue import read_catalogue
from tasks.installation.files import sha256_of
from tasks.installation.settings import REPOSITORY

EMBEDDED = REPOSITORY / "data" / "tfbind8_six6.parquet"
OF_TWO = REPOSITORY / "data" / "tfbind8_six6_crx.parquet"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_tfbind8_six6", REPOSITORY / "data" / "make_tfbind8_six6.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HEADER = b"8-mer\t8-mer\tE-score\tMedian\tZ-score\n"
ROW = b"AAAAAAAC\tGTTTTTTT\t-0.12351\t65293.23\t0.2856\n"


def test_a_row_stands_for_both_strands(script: ModuleType) -> None:
    palindrome = b"AAAATTTT\tAAAATTTT\t0.5\t1\t1\n"
    assert script.expand(HEADER + ROW + palindrome) == {
        "AAAAAAAC": -0.12351,
        "AAAATTTT": 0.5,
        "GTTTTTTT": -0.12351,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ROW, "the header is"),
        (HEADER + ROW.replace(b"GTTT", b"CTTT"), "reverse complement"),
        (HEADER + ROW + ROW, "twice"),
    ],
)
def test_another_file_is_refused(script: ModuleType, text: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        script.expand(text)


def test_the_same_scores_give_the_same_bytes(script: ModuleType, tmp_path: Path) -> None:
    for name in ("a", "b"):
        script.write_parquet({"e_score": script.expand(HEADER + ROW)}, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_columns_of_different_designs_are_refused(script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="different designs"):
        script.write_parquet({"a": {"AAAA": 1.0}, "b": {"CCCC": 1.0}}, tmp_path / "c")


@pytest.mark.parametrize("path", [EMBEDDED, OF_TWO])
def test_the_embedded_tables_are_those_of_the_catalogue(path: Path) -> None:
    (file,) = read_catalogue()[path.stem].files
    assert (file.path, file.sha256) == (path.name, sha256_of(path))
    assert path.stat().st_size == file.size < 500_000


def test_the_table_of_two_factors_has_the_scores_of_the_table_of_one() -> None:
    one, two = (pq.read_table(path).to_pandas().set_index("design") for path in (EMBEDDED, OF_TWO))
    assert (one["e_score"] == two["six6"]).all()
    other = [d[::-1].translate(str.maketrans("ACGT", "TGCA")) for d in two.index]
    assert (two["crx"].to_numpy() == two.loc[other, "crx"].to_numpy()).all()


def test_the_embedded_table_has_all_8_mers_with_equal_strands() -> None:
    table = parse_table(EMBEDDED.read_bytes(), EMBEDDED.name)
    assert (len(table), table.length, table.alphabet) == (65_536, 8, DNA)
    assert set(table.frame["replicates"]) == {1}
    space = SequenceSpace(DNA, 8)
    designs = table.frame["design"].tolist()
    other = space.decode(space.reverse_complement(space.encode(designs)))
    values = table.frame.set_index("design")["value"]
    assert (values.loc[other].to_numpy() == values.to_numpy()).all()
    assert (values.min(), values.max()) == (-0.47907, 0.49105)


def test_the_embedded_table_is_made_of_the_published_file(
    script: ModuleType, tmp_path: Path
) -> None:
    mirrors = [Path(p) for p in os.environ.get("DESIGN_DATA_MIRRORS", "").split(os.pathsep) if p]
    name = "tfbind8/SIX6_REF_R1_8mers.txt"
    found = [m / name for m in mirrors if (m / name).exists()]
    if not found:
        pytest.skip(f"no mirror folder in DESIGN_DATA_MIRRORS has {name}")
    assert sha256_of(found[0]) == next(iter(script.MEMBERS.values()))
    scores = script.expand(found[0].read_bytes())
    table = pq.read_table(EMBEDDED).to_pydict()
    assert dict(zip(table["design"], table["e_score"], strict=True)) == scores
    published = {
        field for line in found[0].read_text().splitlines()[1:] for field in line.split("\t")[2:3]
    }
    assert {f"{score:.5f}" for score in table["e_score"]} == published
