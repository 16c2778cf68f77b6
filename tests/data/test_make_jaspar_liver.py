"""The embedded motifs: how they are taken out of JASPAR's database, and which they are."""

from __future__ import annotations

import importlib.util
import sqlite3
from types import ModuleType

import pytest

from designlib.analysis.position_weights import read_motifs
from tasks.inputs.catalogue import read_catalogue
from tasks.installation.files import sha256_of
from tasks.installation.settings import REPOSITORY

EMBEDDED = REPOSITORY / "data" / "jaspar_liver.txt"
COUNTS = {"A": [1, 20.0], "C": [3, 0], "G": [0, 0], "T": [16, 0]}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_jaspar_liver", REPOSITORY / "data" / "make_jaspar_liver.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def database() -> sqlite3.Connection:
    """A database of the form of JASPAR's with two versions of one matrix."""
    made = sqlite3.connect(":memory:")
    made.execute("CREATE TABLE matrix (id, collection, base_id, version, name)")
    made.execute("CREATE TABLE matrix_data (id, row, col, val)")
    for version in (1, 2):
        made.execute("INSERT INTO matrix VALUES (?, 'CORE', 'MA1', ?, 'ONE')", (version, version))
        for letter, counts in COUNTS.items():
            for column, count in enumerate(counts, start=1):
                row = (version, letter, column, count * version)
                made.execute("INSERT INTO matrix_data VALUES (?, ?, ?, ?)", row)
    return made


def test_a_matrix_is_written_in_the_jaspar_format(
    script: ModuleType, database: sqlite3.Connection
) -> None:
    text = script.matrix_text(database, "MA1.2")
    assert text == ">MA1.2\tONE\nA  [ 2 40 ]\nC  [ 6 0 ]\nG  [ 0 0 ]\nT  [ 32 0 ]\n"
    assert read_motifs(text)["ONE"].length == 2


def test_a_missing_matrix_or_count_is_an_error(
    script: ModuleType, database: sqlite3.Connection
) -> None:
    with pytest.raises(ValueError, match=r"0 matrices are called MA1\.3"):
        script.matrix_text(database, "MA1.3")
    database.execute("DELETE FROM matrix_data WHERE id = 1 AND row = 'G' AND col = 1")
    with pytest.raises(ValueError, match="counts of G are missing"):
        script.matrix_text(database, "MA1.1")
    database.execute("DELETE FROM matrix_data WHERE id = 2 AND row = 'T' AND col = 2")
    with pytest.raises(ValueError, match="at"):
        script.matrix_text(database, "MA1.2")


def test_the_embedded_file_is_that_of_the_catalogue(script: ModuleType) -> None:
    (file,) = read_catalogue()["jaspar_liver"].files
    assert (file.path, file.sha256) == (EMBEDDED.name, sha256_of(EMBEDDED))
    motifs = read_motifs(EMBEDDED.read_text(encoding="ascii"))
    assert tuple(motif.matrix for motif in motifs.values()) == script.MATRICES
