"""The notebooks of the documentation: `python -m tests.notebooks` stores their outputs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

__all__ = ["NOTEBOOKS", "execute"]

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "tutorials").glob("*.ipynb"))
_SECONDS = 240


def execute(path: Path, home: Path) -> NotebookNode:
    """Return the notebook with the outputs of this run, whose results go to ``home``."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=_SECONDS, kernel_name="python3", record_timing=False)
    client.execute(env=os.environ | {"DESIGN_HOME": str(home), "PYTHONPATH": str(ROOT)})
    return notebook


def main() -> None:
    """Execute all notebooks in place."""
    for path in NOTEBOOKS:
        with tempfile.TemporaryDirectory() as home:
            nbformat.write(execute(path, Path(home)), path)


if __name__ == "__main__":
    main()
