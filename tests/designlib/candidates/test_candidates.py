import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from designlib.candidates import (
    COLUMNS,
    SCHEMA_VERSION,
    Provenance,
    build_table,
    describe_columns,
    design_id,
    read_candidates,
    readable,
    to_csv_bytes,
    to_parquet_bytes,
)
from designlib.notation.alphabets import DNA, RNA
from designlib.types import InputError

RELEASE_0_1 = Path(__file__).parent / "released" / "candidates-0.1.parquet"
PROVENANCE = Provenance(
    campaign="six6",
    round=1,
    seed=0,
    predictor_hash="p" * 16,
    dataset_hash="d" * 16,
    config_hash="c" * 16,
    round_key="r" * 16,
    value_name="E-score",
    value_units="a.u.",
    maximise=True,
)

# Campaigns last for months: a change here needs a new SCHEMA_VERSION and a migration.
EXPECTED = {
    "candidate_id": "string",
    "campaign": "string",
    "round": "int64",
    "rank": "int64",
    "design": "string",
    "predicted_mean": "double",
    "predicted_std": "double",
    "interval_low": "double",
    "interval_high": "double",
    "applicability": "double",
    "feature_distance": "double",
    "family_energy": "double",
    "validation_score": "double",
    "acquisition": "double",
    "parent_id": "string",
    "parent_design": "string",
    "edits": "string",
    "n_edits": "int64",
    "nearest_measured_id": "string",
    "nearest_measured": "string",
    "distance_to_measured": "int64",
    "cluster": "int64",
    "feasible": "bool",
    "role": "string",
    "chain": "int64",
    "rung": "int64",
    "step": "int64",
    "sampler": "string",
    "start": "string",
    "predictor_hash": "string",
    "dataset_hash": "string",
    "config_hash": "string",
    "round_key": "string",
    "seed": "int64",
    "status": "string",
    "plate": "string",
    "well": "string",
    "measured_value": "double",
    "measured_error": "double",
    "true_value": "double",
    "true_percentile": "double",
}


def batch(**columns):
    frame = pd.DataFrame(
        {
            "design": ["CCGT", "ACGT", "ACTT"],
            "rank": [2, 1, 3],
            "predicted_mean": [1.0, 1.23456789, 0.5],
            "predicted_std": [0.1, 0.2, 0.3],
            "validation_score": [0.9, np.nan, 0.4],
            "acquisition": [0.9, 1.1, 0.2],
            "nearest_measured": ["AAGT", "AAGT", "AAGT"],
            "distance_to_measured": [2, 1, 2],
            "cluster": [1, 1, 2],
            "parent_design": ["AAGT", None, "AAGT"],
            "start": ["elite", "random", "elite"],
            "chain": [4, 0, 7],
            "constraint_gc": ["ok", "ok", "25 % GC, at least 50 % wanted"],
            "constraint_fixed": "ok",
            "objective_stability": [1.0, 2.0, 3.0],
            "scratch": [1, 2, 3],
        }
    )
    return frame.assign(**columns)


def table(**columns):
    return build_table(batch(**columns), DNA, PROVENANCE)


def test_the_schema_is_what_it_was():
    assert SCHEMA_VERSION == 3
    assert {column.name: str(column.type) for column in COLUMNS} == EXPECTED
    assert [column.name for column in COLUMNS] == list(EXPECTED)


def test_further_columns_follow_by_name():
    extra = ["objective_stability", "constraint_fixed", "constraint_gc"]
    assert table().column_names == [*EXPECTED, *extra]


def test_every_column_tells_its_meaning_and_unit():
    told = {name: (unit, text) for name, unit, text in describe_columns(table())}
    assert told["predicted_mean"] == ("a.u.", "Predicted value: mean of the ensemble.")
    assert told["distance_to_measured"][0] == "letters"
    assert "stability" in told["objective_stability"][1]
    assert all(text.endswith(".") for _, text in told.values())


def test_metadata_state_version_and_direction():
    assert table().schema.metadata == {
        b"schema_version": b"3",
        b"value_name": b"E-score",
        b"value_units": b"a.u.",
        b"direction": b"maximise",
    }


def test_rows_come_in_rank_order_with_what_follows_from_them():
    first, second, third = table().to_pylist()
    assert [first["design"], second["design"], third["design"]] == ["ACGT", "CCGT", "ACTT"]
    assert first["candidate_id"] == design_id("ACGT", DNA)
    assert (first["parent_id"], first["edits"], first["n_edits"]) == (None, None, None)
    assert second["parent_id"] == design_id("AAGT", DNA) == second["nearest_measured_id"]
    assert (second["edits"], second["n_edits"]) == ("1A>C;2A>C", 2)
    assert (first["feasible"], third["feasible"]) == (True, False)
    assert (first["role"], first["status"]) == ("exploit", "proposed")
    assert first["validation_score"] is None
    assert first["well"] is None
    assert {row["round_key"] for row in (first, second, third)} == {"r" * 16}


def test_a_batch_without_constraints_is_feasible():
    frame = batch().drop(columns=["constraint_gc", "constraint_fixed"])
    assert build_table(frame, DNA, PROVENANCE)["feasible"].to_pylist() == [True] * 3


def test_an_id_depends_on_design_and_alphabet_alone():
    assert design_id("ACG", DNA) == design_id("ACG", DNA)
    assert len({design_id("ACG", DNA), design_id("ACG", RNA), design_id("ACC", DNA)}) == 3
    assert design_id("ACGT", DNA) == "c-3bbe8ef5a8af"  # fixed for good


def test_parquet_is_the_same_bytes_in_any_row_order():
    content = to_parquet_bytes(table())
    assert content == to_parquet_bytes(table())
    turned = build_table(batch().iloc[::-1], DNA, PROVENANCE)
    assert content == to_parquet_bytes(turned)
    shuffled = table().take([2, 0, 1])
    assert content == to_parquet_bytes(shuffled)
    parts = pa.concat_tables([table().slice(0, 1), table().slice(1)])
    assert content == to_parquet_bytes(parts)
    assert content == to_parquet_bytes(read_candidates(content))


def test_parquet_comes_back_as_it_was():
    back = read_candidates(to_parquet_bytes(table()))
    assert back.equals(table())
    assert back.schema.equals(table().schema, check_metadata=True)


def test_csv_holds_every_column_and_whole_numbers_stay_whole():
    lines = to_csv_bytes(table()).decode().splitlines()
    assert lines[0].split(",") == table().column_names
    back = pd.read_csv(io.BytesIO(to_csv_bytes(table())))
    assert back["predicted_mean"].tolist() == [1.23456789, 1.0, 0.5]
    assert ",1A>C;2A>C,2," in lines[2]


def test_the_readable_table_is_short_and_rounded():
    frame = readable(table())
    assert 12 <= len(frame.columns) <= 17
    assert frame["predicted_mean"].tolist() == [1.235, 1.0, 0.5]
    assert frame["edits"].tolist()[0] == ""
    assert "true_value" not in frame
    assert "true_value" in readable(table(true_value=[0.1, 0.2, 0.3]))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"rank": [0, 1, 2]}, "ranks of 3 candidates must be 1 to 3"),
        ({"rank": [1, 1, 2]}, "ranks of 3 candidates must be 1 to 3"),
        ({"design": ["ACGT", "ACGT", "ACTT"]}, r"rank 1 \(ACGT\) and 2 \(ACGT\)"),
        ({"predicted_mean": [1, np.nan, 1]}, "predicted_mean of the candidate of rank 1 is empty"),
        ({"predicted_mean": [np.inf, 1, 1]}, "rank 2 is inf; a finite number"),
        ({"true_value": [np.inf, 1, 1]}, "rank 2 is inf; a finite number"),
        ({"chain": [1.5, 2, 3]}, "chain of the candidate of rank 2 is 1.5; a whole number"),
        ({"chain": ["x", 2, 3]}, "column chain must hold int64"),
        ({"role": ["exploit", "exploit", "spare"]}, "rank 3 is 'spare'; it must be one of exploit"),
        ({"start": ["warm", None, None]}, "it must be one of random, elite"),
        ({"design": ["", "ACGT", "ACTT"]}, "column design of the candidate of rank 2 is empty"),
        ({"constraint_gc": [None, "ok", "ok"]}, "constraint_gc of the candidate of rank 2"),
        ({"parent_design": ["AAG", None, None]}, "'AAG' has 3 letters"),
    ],
)
def test_what_is_wrong_is_named(columns, message):
    with pytest.raises(InputError, match=message):
        table(**columns)


def test_missing_columns_are_named():
    with pytest.raises(InputError, match="lack the columns acquisition, cluster"):
        build_table(batch().drop(columns=["cluster", "acquisition"]), DNA, PROVENANCE)


def test_unknown_parts_may_be_left_out():
    frame = batch().drop(columns=["parent_design", "start", "chain", "validation_score"])
    made = build_table(frame, DNA, PROVENANCE)
    assert made["parent_id"].null_count == 3
    assert readable(made)["edits"].tolist() == [""] * 3


def test_what_is_not_parquet_is_refused():
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_candidates(b"candidate_id,design\n")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_candidates(to_parquet_bytes(table())[:-100])


def parquet(changed: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(changed, sink)
    return sink.getvalue()


def test_another_table_is_refused():
    with pytest.raises(InputError, match="states no schema_version"):
        read_candidates(parquet(table().replace_schema_metadata(None)))


def test_a_table_of_version_1_is_read_with_the_later_columns_empty():
    later = ["interval_low", "interval_high", "applicability", "feature_distance", "family_energy"]
    old = table().drop_columns(later).replace_schema_metadata({"schema_version": "1"})
    read = read_candidates(parquet(old))
    assert read.column_names == table().column_names
    assert [read[name].null_count for name in later] == [3] * 5
    assert read.drop_columns(later).equals(table().drop_columns(later))


def test_a_candidate_file_of_release_0_1_is_read_under_present_names():
    """Schema version 2: standard deviations and the validation score had former names."""
    read = read_candidates(RELEASE_0_1.read_bytes()).to_pandas()
    assert read["predicted_std"].tolist() == [0.1, 0.2]
    assert read["validation_score"].tolist() == [0.9, 0.4]
    assert read["std_crx"].tolist() == [0.03, 0.02]
    assert not [name for name in read if "spread" in name or "heldout" in name]
    assert {"predicted_std", "validation_score"} <= set(
        readable(read_candidates(RELEASE_0_1.read_bytes()))
    )


def test_another_version_is_refused():
    newer = table().replace_schema_metadata({"schema_version": "4"})
    with pytest.raises(InputError, match="schema version 4; this library reads versions up to 3"):
        read_candidates(parquet(newer))


def test_a_missing_or_changed_column_is_refused():
    with pytest.raises(InputError, match="lacks the column well"):
        read_candidates(parquet(table().drop_columns(["well"])))
    at = table().column_names.index("rank")
    changed = table().set_column(at, "rank", pa.array([1.0, 2.0, 3.0]))
    with pytest.raises(InputError, match="column rank of the candidate table holds double"):
        read_candidates(parquet(changed))
