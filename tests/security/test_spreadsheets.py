"""What a spreadsheet would run is written so that it does not, and read as it was."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from designlib.candidates import ORDER_FILES, Order
from designlib.tables import csv_bytes, read_csv, read_raw
from tasks.installation.settings import REPOSITORY

FORMULAS = (
    "=cmd|'/C calc'!A0", "+1+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=", "'=1", "''@x",
    "\uff1d1", '=HYPERLINK("http://elsewhere.example","x")',
)  # fmt: skip
PLAIN = ("ACGT", "", "'quoted'", "-1.5", "+2e3", "a=b", "x\ry", 'say "x"', "Fe2O3;x=1")


def cells(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


@pytest.mark.parametrize("dtype", [object, "str", "category", pd.ArrowDtype(pa.string())])
def test_every_cell_and_header_is_harmless_and_comes_back(dtype: object) -> None:
    texts = [*FORMULAS, *PLAIN]
    frame = pd.DataFrame({"=name": pd.Series(texts, dtype=dtype), "value": -1.5})  # pyright: ignore[reportArgumentType,reportCallIssue]
    content = csv_bytes(frame)
    header, *rows = cells(content)
    assert header == ["'=name", "value"]
    assert [row[0] for row in rows] == [*(f"'{text}" for text in FORMULAS), *PLAIN]
    assert {row[1] for row in rows} == {"-1.5"}
    ours = read_raw(content, "table.csv")
    assert ours.columns["=name"].to_pylist() == texts
    again = read_csv(content, keep_default_na=False)
    assert again["=name"].tolist() == texts
    assert again["value"].tolist() == [-1.5] * len(texts)


@given(st.lists(st.text(st.sampled_from("'=+-@\t\r\n,\"a1;"), min_size=1), min_size=1))
def test_any_text_comes_back(texts: list[str]) -> None:
    frame = pd.DataFrame({"design": texts, "n": range(len(texts))})
    assert read_csv(csv_bytes(frame), dtype={"design": str}, keep_default_na=False).equals(frame)


def test_tables_without_such_cells_are_written_as_ever() -> None:
    frame = pd.DataFrame(
        {"a": ["x", None], "b": [0.1, float("nan")], "c": [True, False], "d": [1, -2]}
    )
    assert csv_bytes(frame) == frame.to_csv(index=False, lineterminator="\n").encode()


def test_an_order_names_and_sequences_are_harmless() -> None:
    wells = pd.DataFrame({"candidate_id": ["=1+1"], "design": ["-ACGT"], "plate": ["@p"]})
    text = ORDER_FILES["order.csv"](Order(wells, wells, None))
    assert cells(text.encode())[1] == ["'@p", "'=1+1", "'-ACGT", "5"]


def test_no_other_way_to_csv_is_in_use() -> None:
    found = [
        path.relative_to(REPOSITORY)
        for folder in ("designlib", "tasks", "flows")
        for path in (REPOSITORY / folder).rglob("*.py")
        if "to_csv(" in path.read_text(encoding="utf-8")
    ]
    assert found == [Path("designlib/tables/delimited.py")]
