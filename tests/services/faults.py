"""What every test of a fault begins with and has to end in.

Each begins with a campaign of which nothing has been done yet, and ends with the candidates of an
undisturbed one, whatever happened on the way.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.services.site import Site

CHECKPOINTS = "stages/train/*/checkpoint-*.safetensors"
SNAPSHOTS = "stages/sample-shard/*/snapshots.parquet"


class Undisturbed:
    """The candidates that every test has to end in, and the check that nothing was done twice."""

    def __init__(self, site: Site, expected: Path) -> None:
        self._site = site
        self._expected = expected
        self._done: dict[Path, int] = {}

    def remember(self) -> None:
        """Note which stages are finished now."""
        found = (self._site.home / "stages").rglob("manifest.json")
        self._done |= {path: path.stat().st_mtime_ns for path in found}

    def forget(self) -> None:
        """Start anew with another campaign of which nothing has been done yet."""
        self._done = {}

    def check(self) -> None:
        """Check the outcome against an undisturbed campaign's, and what is left behind."""
        assert self._done
        for path, written in self._done.items():
            assert path.stat().st_mtime_ns == written, f"{path} was made again"
        folder = self._site.published("small")
        for name in ("candidates.parquet", "candidates.csv", "rejected.parquet"):
            assert (folder / name).read_bytes() == (self._expected / name).read_bytes(), name
        self._site.assert_quiet()
        finished = sorted(str(r.info.run_name) for r in self._site.mlflow_runs("FINISHED", "small"))
        assert finished == [
            "ensemble",
            "generation",
            "predictor 1",
            "predictor 2",
            "round 01",
            "validation model 1",
        ]
        assert len(self._site.mlflow_runs(campaign="small")) == len(finished)


@pytest.fixture
def outcome(site: Site, undisturbed: Any) -> Undisturbed:
    site.forget("small")
    return Undisturbed(site, undisturbed.folder)


@pytest.fixture
def settings(small: dict[str, Any]) -> dict[str, Any]:
    """The small campaign in four shards, so that there is more to interrupt; same candidates."""
    return {**small, "execution": {"device": "cpu", "shards": 4}}
