"""A measured table together with what was measured since."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from designlib.notation.alphabets import DNA
from designlib.spaces import SequenceSpace
from designlib.tables import (
    ROUND_COLUMN,
    MeasuredTable,
    from_parquet,
    join_results,
    reveal_results,
    to_parquet_bytes,
)


def table(**columns: list[float]) -> MeasuredTable:
    frame = pd.DataFrame(
        {
            "design": ["AAAA", "CCCC"],
            "value": [1.0, 2.0],
            "spread": [np.nan, np.nan],
            "replicates": [1, 1],
            "error": [np.nan, np.nan],
            "weight": [np.nan, np.nan],
            **columns,
        }
    ).astype({"design": "str"})
    return MeasuredTable(frame, SequenceSpace(DNA, 4), "t.csv", 2)


def results(**columns: list[object]) -> pd.DataFrame:
    usual = {
        "design": ["CCCC", "ACGT"],
        "value": [4.0, 9.0],
        "spread": [np.nan, 0.5],
        "replicates": [1, 3],
        "error": [np.nan, 0.2],
        "round": [2, 1],
    }
    return pd.DataFrame({**usual, **columns})


def test_new_designs_are_added_and_known_ones_averaged_over_all_replicates() -> None:
    joined = join_results(table(), results())
    frame = joined.frame.set_index("design")
    assert list(joined.frame["design"]) == ["AAAA", "ACGT", "CCCC"]
    assert frame["value"].to_dict() == {"AAAA": 1.0, "ACGT": 9.0, "CCCC": 3.0}
    assert frame["replicates"].to_dict() == {"AAAA": 1, "ACGT": 3, "CCCC": 2}
    assert frame.loc["CCCC", "spread"] == pytest.approx(np.std([2.0, 4.0], ddof=1))
    assert frame.loc["ACGT", "spread"] == 0.5
    assert frame[ROUND_COLUMN].to_dict() == {"AAAA": 0, "ACGT": 1, "CCCC": 2}
    assert joined.rows_read == 2 + 4
    # The stages that follow read it from Parquet.
    pd.testing.assert_frame_equal(from_parquet(to_parquet_bytes(joined)).frame, joined.frame)


def test_pooled_spread_and_error_are_those_of_all_replicates() -> None:
    old, new = np.array([1.0, 2.0, 4.0]), np.array([3.0, 7.0])
    start = table(
        value=[1.0, old.mean()],
        spread=[np.nan, old.std(ddof=1)],
        replicates=[1, 3],
        error=[0.1, 0.3],
    )
    came = results(
        design=["CCCC"],
        value=[new.mean()],
        spread=[new.std(ddof=1)],
        replicates=[2],
        error=[0.4],
        round=[1],
    )
    frame = join_results(start, came).frame.set_index("design")
    both = np.concatenate([old, new])
    assert frame.loc["CCCC", "value"] == pytest.approx(both.mean())
    assert frame.loc["CCCC", "spread"] == pytest.approx(both.std(ddof=1))
    assert frame.loc["CCCC", "error"] == pytest.approx(np.hypot(3 * 0.3, 2 * 0.4) / 5)


def test_new_designs_get_the_usual_weight_of_a_replicate() -> None:
    frame = join_results(table(weight=[4.0, 6.0]), results()).frame.set_index("design")
    assert frame["weight"].to_dict() == {"AAAA": 4.0, "ACGT": 15.0, "CCCC": 12.0}


def test_an_oracle_only_says_which_rows_are_known() -> None:
    revealed = reveal_results(table(), results(value=[2.0, 9.0]))
    assert revealed.frame["design"].tolist() == ["AAAA", "CCCC"]
    assert revealed.frame[ROUND_COLUMN].tolist() == [0, 2]
    assert revealed.frame["value"].tolist() == [1.0, 2.0]
    assert revealed.frame["replicates"].tolist() == [1, 1]


def test_further_values_of_results_join_the_columns_of_the_table() -> None:
    joined = join_results(table(off=[1.0, 2.0]), results(off=[4.0, np.nan])).frame
    further = joined.set_index("design")["off"]
    assert further["AAAA"] == 1.0
    assert further["CCCC"] == 3.0  # 2 of the table and 4 of the results, one replicate each
    assert np.isnan(further["ACGT"])
