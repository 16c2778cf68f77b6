import json

import pytest

from tasks.benchmarks import selection_cost
from tasks.benchmarks.selection_cost import measure_selection


def test_time_and_memory_of_a_choice_are_measured(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DESIGN_HOME", str(tmp_path))
    path = measure_selection.fn((20_000,))
    (row,) = json.loads(path.read_bytes())["rows"]
    assert row["designs"] == 20_000
    assert row["chosen"] == selection_cost._CONFIG.batch_size
    # Half fail the validation model and a few a constraint, the spread or the distance.
    assert 0.3 < row["survivors"] / row["designs"] < 0.5
    assert 0 < row["cpu_seconds"] <= 60
    assert 100 < row["mebibytes"] < 2048
