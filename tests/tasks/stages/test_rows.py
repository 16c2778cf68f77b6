import io

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tasks.stages import rows
from tasks.stages.rows import query_rows, read_rows, write_rows


@pytest.fixture
def frame(monkeypatch):
    monkeypatch.setattr(rows, "ROWS", 100)
    rng = np.random.default_rng(0)
    names = rng.permutation(1000)
    return pd.DataFrame(
        {
            "design": [f"D{name:04}" for name in names],
            "value": rng.normal(size=1000),
            "parent": pd.array([None] * 300 + ["P"] * 700, dtype="str"),
        }
    )


def written(parts):
    sink = io.BytesIO()
    write_rows(parts, sink)
    return sink.getvalue()


@pytest.mark.parametrize("cuts", [[], [1], [300], [100, 200, 250, 999], list(range(1, 1000))])
def test_the_same_bytes_however_the_rows_are_cut(frame, cuts):
    parts = [frame.iloc[a:b] for a, b in zip([0, *cuts], [*cuts, 1000], strict=True)]
    assert written(parts) == written([frame])


def test_rows_come_back_in_order_and_in_parts(frame, tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(written([frame]))
    assert pq.read_metadata(path).num_row_groups == 10
    parts = list(read_rows(path))
    assert [len(part) for part in parts] == [100] * 10
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), frame)
    assert list(next(read_rows(path, ["value"]))) == ["value"]


def test_a_column_that_is_empty_at_first_is_one_of_text(frame):
    first = frame.head(3).assign(parent=None)
    content = written([first, frame.tail(3)])
    read = pd.read_parquet(io.BytesIO(content))
    assert read["parent"].isna().tolist() == [True] * 3 + [False] * 3


def test_no_rows_are_a_table_and_no_parts_an_error(frame):
    assert list(pd.read_parquet(io.BytesIO(written([frame.head(0)])))) == list(frame)
    with pytest.raises(ValueError, match="at least one part"):
        written([])


def test_queries_sort_several_files_as_one(frame, tmp_path):
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for path, half in zip(paths, (frame.head(500), frame.tail(500)), strict=True):
        path.write_bytes(written([half]))
    found = pd.concat(query_rows("SELECT * FROM halves ORDER BY design", {"halves": paths}))
    expected = frame.sort_values("design")
    pd.testing.assert_frame_equal(found.reset_index(drop=True), expected.reset_index(drop=True))
