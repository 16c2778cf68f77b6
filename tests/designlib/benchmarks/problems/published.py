"""Where tests of problems find published data files, or skip."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks.installation.settings import REPOSITORY


def published(name: str) -> Path:
    """Return the embedded or mirrored file of this name; skip the test where there is none."""
    mirrors = [Path(p) for p in os.environ.get("DESIGN_DATA_MIRRORS", "").split(os.pathsep) if p]
    for folder in (REPOSITORY / "data", *mirrors):
        if (folder / name).exists():
            return folder / name
    pytest.skip(f"no mirror folder in DESIGN_DATA_MIRRORS has {name}")
