"""Runs of the stored campaigns, in a process whose arithmetic is the same on every processor."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from tasks.installation.environment import tracking_uri
from tasks.installation.settings import REPOSITORY, Settings

__all__ = ["LEFT_OUT", "STORED", "TABLES", "run_all"]

STORED = Path(__file__).with_name("tables")
"""The folder of the stored results."""
TABLES = ("candidates", "snapshots")
"""What is stored of each campaign: what was proposed in all rounds, and what chains visited."""
LEFT_OUT = ("predictor_hash", "dataset_hash", "config_hash", "round_key")
"""Columns that hold hashes of files, settings or code. Ids stay: a design keeps its own forever."""

_OURS = ("DESIGN_", "PREFECT_", "MLFLOW_")
_PLAIN_ARITHMETIC = {
    # Libraries choose their kernels by the processor, and each kernel sums in an order of its own:
    # the last bits differ, and soon the designs. Here all of them take those that any x86-64 has.
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "OPENBLAS_CORETYPE": "Prescott",
    # Blocks of a matrix product are cut by it.
    "OPENBLAS_L2_SIZE": "512",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "ARROW_USER_SIMD_LEVEL": "NONE",
    # The exponential and the logarithm of the C library.
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX,-AVX2,-FMA,-FMA4,-AVX512F",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def run_all(home: Path) -> Path:
    """Run every campaign in a process of its own; return the folder of their tables.

    ``home`` is the installation; it may hold an MLflow database that is empty.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
    environment |= _PLAIN_ARITHMETIC
    environment["DESIGN_HOME"] = str(home)
    environment["PYTHONPATH"] = str(Settings().embedded)
    tables = home / "tables"
    done = subprocess.run(
        [sys.executable, "-m", "tests.golden.runs", str(tables)],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr
    return tables


def _run_here(tables: Path) -> None:
    """Run every campaign in this process, and write its tables into the folder."""
    from tests.golden.campaigns import CAMPAIGNS, load_campaign
    from tests.in_process import run_campaign, without_prefect

    home = Settings().home
    tables.mkdir(parents=True)
    # These choose by the processor too, and no variable of the environment tells them otherwise.
    torch.backends.mkldnn.set_flags(False)
    torch.backends.nnpack.set_flags(False)
    with pytest.MonkeyPatch.context() as patch:
        without_prefect(patch)
        patch.setenv("MLFLOW_TRACKING_URI", tracking_uri(Settings()))
        for name in CAMPAIGNS:
            own = home / name
            own.mkdir()
            patch.setenv("DESIGN_HOME", str(own))
            run_campaign(load_campaign(name, own))
            for kind, table in _results(own, name).items():
                kept = table.drop(columns=list(LEFT_OUT), errors="ignore")
                kept.to_csv(tables / f"{name}-{kind}.csv", index=False, float_format="%.9g")


def _results(home: Path, campaign: str) -> dict[str, pd.DataFrame]:
    """Return the tables of a campaign, those of all rounds in one."""
    rounds = sorted((home / "campaigns" / campaign).glob("round-*/candidates.parquet"))
    walks = sorted((home / "stages" / "samples").glob("*/snapshots.parquet"), key=_written)
    return {
        "candidates": pd.concat(map(pd.read_parquet, rounds), ignore_index=True),
        "snapshots": pd.concat(map(pd.read_parquet, walks), ignore_index=True),
    }


def _written(path: Path) -> int:
    return path.stat().st_mtime_ns


if __name__ == "__main__":
    _run_here(Path(sys.argv[1]))
