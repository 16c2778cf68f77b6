"""The notebooks of the documentation run, and are stored with outputs of the same kind."""

from __future__ import annotations

import nbformat
import pytest

from tests.notebooks import NOTEBOOKS, ROOT, execute

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def _kinds(notebook) -> list[list[str]]:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [[output.output_type for output in cell.outputs] for cell in cells]


@pytest.mark.services
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_gives_outputs_as_stored(path, tmp_path):
    assert _kinds(execute(path, tmp_path)) == _kinds(nbformat.read(path, as_version=4))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_stored_notebook_is_small_and_names_no_machine(path):
    text = path.read_text()
    assert len(text) < 60_000
    assert str(ROOT) not in text
    assert "/tmp/" not in text
    assert '"name": "stderr"' not in text


def test_there_are_notebooks():
    assert NOTEBOOKS
