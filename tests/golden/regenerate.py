"""Store the results of the golden campaigns anew, where they are meant to change.

    python -m tests.golden.regenerate

The difference belongs into the commit that makes it, with the reason.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.golden.runs import STORED, run_all

__all__ = ["main"]


def main() -> None:
    """Run all campaigns and replace the stored tables by theirs."""
    with tempfile.TemporaryDirectory() as home:
        tables = run_all(Path(home))
        shutil.rmtree(STORED, ignore_errors=True)
        shutil.copytree(tables, STORED)


if __name__ == "__main__":
    main()
