"""Golden runs: small campaigns of each kind propose and visit the designs that they did before.

A test that fails says which columns differ. Where a change of results is meant,
``python -m tests.golden.regenerate`` stores the new ones.
"""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.golden.runs import STORED, TABLES, run_all

CAMPAIGNS = ("six6", "blends", "chromatograph", "front", "own")
RENAMED = {
    "predicted_spread": "predicted_std",
    "heldout_score": "validation_score",
    "spread_crx": "std_crx",
}
"""New names of columns, by the names that the stored tables have."""
TOLERANCE = 1e-6
"""Relative, of floats. Runs on any processor agree to the nine digits that are stored; this lets a
sum of single precision be taken in another order, where no design is another for it."""

pytestmark = [
    # Two minutes of a free processor.
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        platform.machine() not in ("x86_64", "AMD64"),
        reason="the stored results are those of x86-64 processors",
    ),
]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, empty_tracking: Path) -> Path:
    """The tables of all golden campaigns, run anew."""
    home = tmp_path_factory.mktemp("golden")
    shutil.copytree(empty_tracking, home / "mlflow")
    return run_all(home)


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_golden_run_gives_the_stored_table(campaign: str, kind: str, tables: Path) -> None:
    name = f"{campaign}-{kind}.csv"
    stored = _read(STORED / name).rename(columns=RENAMED)
    found = _read(tables / name)
    assert sorted(found.columns) == sorted(stored.columns)
    assert len(found) == len(stored)
    different = [column for column in stored if not _same(found[column], stored[column])]
    assert different == []


def test_every_stored_golden_table_is_compared() -> None:
    compared = {f"{campaign}-{kind}.csv" for campaign in CAMPAIGNS for kind in TABLES}
    assert {path.name for path in STORED.iterdir()} == compared


def test_golden_comparison_sees_a_changed_design_and_a_changed_digit() -> None:
    stored = _read(STORED / "six6-candidates.csv")
    changed = stored.assign(
        design=stored["design"].str[::-1],
        predicted_mean=(stored["predicted_mean"].astype(float) * (1 + 1e-5)).astype(str),
    )
    different = [column for column in stored if not _same(changed[column], stored[column])]
    assert different == ["design", "predicted_mean"]


def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _same(found: pd.Series, stored: pd.Series) -> bool:
    """Return whether two columns agree: texts and gaps exactly, numbers to the tolerance.

    Whole numbers are below a million, so that they agree exactly.
    """
    if found.tolist() == stored.tolist():
        return True
    try:
        values = [column.replace("", "nan").astype(float) for column in (found, stored)]
    except ValueError:
        return False
    return bool(np.allclose(*values, rtol=TOLERANCE, atol=0, equal_nan=True))
