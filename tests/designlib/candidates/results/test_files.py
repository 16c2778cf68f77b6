"""Results files of all kinds against the record of a small campaign."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from designlib.notation.alphabets import DNA
from designlib.candidates import Provenance, build_table, design_id
from designlib.candidates.events import event_bytes, measurement_table, read_event
from designlib.candidates.results import Import, merge_results, parse_results
from designlib.candidates.ledger import Ledger
from designlib.types import InputError

PROPOSED = ["ACGTA", "CCGTA", "GGGTA"]
IDS = [design_id(design, DNA) for design in PROPOSED]
ABOUT = {
    "alphabet": "dna", "length": 5, "both_strands": True, "value_name": "E-score",
    "units": "a.u.", "maximise": True, "simulated": False, "round_key": "k", "bounds": [0, 10],
    "plate_size": 96,
    "wells": [["P1", "A1", "ACGTA"], ["P1", "A2", "CCGTA"], ["P1", "H12", "TTTTT"]],
}  # fmt: skip


def proposed() -> Ledger:
    frame = pd.DataFrame(
        {
            "design": PROPOSED, "rank": [1, 2, 3], "predicted_mean": 1.0, "predicted_std": 0.1,
            "acquisition": 1.0, "nearest_measured": "AAAAA", "distance_to_measured": 1,
            "cluster": 1,
        }
    )  # fmt: skip
    provenance = Provenance("c", 1, 0, "p", "d", "c", "k", "E-score", "a.u.", True)
    table = build_table(frame, DNA, provenance)
    return Ledger((read_event(event_bytes("proposed", 1, ABOUT, table), 1, "entry"),))


def added(record: Ledger, found: Import) -> Ledger:
    content = event_bytes("measured", 1, {"source": "x"}, measurement_table(found.rows))
    return Ledger((*record.entries, read_event(content, len(record.entries) + 1, "entry")))


def imported(
    text: str, record: Ledger | None = None, *, corrections: bool = False, name: str = "r.csv"
) -> Ledger:
    """The record after the import of a file."""
    record = record or proposed()
    parsed = parse_results(text.encode(), name, record)
    found = merge_results(record, parsed, name, corrections=corrections)
    return added(record, found) if len(found.rows) else record


def values(record: Ledger) -> dict[str, float]:
    results = record.results()
    return dict(zip(results["design"], results["value"], strict=True))


# ---- three ways to say which candidate a row is about


@pytest.mark.parametrize(
    "text",
    [
        f"candidate_id,value\n{IDS[0]},2.5\n",
        "sequence,E-score\nacgta,2.5\n",
        "Sequence;E-score\n TACGT ;2.5\n",  # the other strand is the same molecule
        "design,signal\nACGUA,2.5\n",
        "\ufeffdesign;value\r\nACGTA;2.5\r\n;\r\n",  # as Excel saves it
        f'candidate_id,value\n"  {IDS[0]} ",2.5\n',
        "plate,well,value\nP1,a01,2.5\n",
        "well,value\nA1,2.5\n",
        f"candidate_id,design,plate,well,value,error\n{IDS[0]},ACGTA,P1,A1,2.5,\n",
    ],
)
def test_a_row_finds_its_candidate(text: str) -> None:
    now = imported(text)
    assert values(now) == {"ACGTA": 2.5}
    assert now.pending() == ["CCGTA", "GGGTA"]


def test_parquet_with_numbers_flags_and_missing_cells() -> None:
    sink = io.BytesIO()
    frame = pd.DataFrame(
        {"design": PROPOSED, "value": [1.5, np.nan, np.nan], "failed": [False, True, False]}
    )
    frame.iloc[:2].to_parquet(sink)
    record = proposed()
    parsed = parse_results(sink.getvalue(), "r.parquet", record)
    now = added(record, merge_results(record, parsed, "r.parquet"))
    assert values(now) == {"ACGTA": 1.5}
    assert now.pending() == ["GGGTA"]


def test_partial_results_failed_wells_and_designs_that_nobody_proposed() -> None:
    text = (
        "plate,well,sequence,value,qc,comment\n"
        "P1,A1,ACGTA,1,ok,\n"
        "P1,A2,CCGTA,,fail,bubble\n"
        "P1,A3,GGGTA,,,\n"
        "P1,A4,AAAAC,4,,by hand\n"
    )
    record = proposed()
    parsed = parse_results(text.encode(), "r.csv", record)
    assert "1 rows without a value are not measured yet" in parsed.notes
    found = merge_results(record, parsed, "r.csv")
    assert found.unproposed == 1
    now = added(record, found)
    assert values(now) == {"AAAAC": 4.0, "ACGTA": 1.0}
    assert now.pending() == ["GGGTA"]
    assert now.measurements.set_index("design").loc["CCGTA", "note"] == "bubble"


def test_what_was_laid_out_as_a_control_is_a_measurement_of_it() -> None:
    assert values(imported("well,value\nH12,3\n")) == {"TTTTT": 3.0}


# ---- replicates and errors


def test_rows_of_one_design_are_replicates() -> None:
    (result,) = imported("design,value\nACGTA,1\nACGTA,2\nACGTA,6\n").results().to_dict("records")
    assert (result["value"], result["replicates"]) == (3.0, 3)


def test_replicates_with_errors_weigh_by_inverse_variance() -> None:
    (result,) = imported("design,value,sem\nACGTA,1,1\nACGTA,4,2\n").results().to_dict("records")
    assert result["value"] == pytest.approx((1 * 1 + 4 / 4) / (1 + 1 / 4))
    assert result["error"] == pytest.approx(1 / np.sqrt(1 + 1 / 4))


def test_replicates_in_two_files_with_their_numbers() -> None:
    first = imported("design,value,replicate\nACGTA,1,1\n")
    second = imported("design,value,replicate\nACGTA,3,2\n", first)
    assert values(second) == {"ACGTA": 2.0}


# ---- the same again, more, and something else


def test_the_same_file_twice_changes_nothing_and_a_longer_one_adds_the_rest() -> None:
    text = "design,value\nACGTA,1\nACGTA,2\n"
    once = imported(text)
    assert len(imported(text, once).entries) == len(once.entries)
    assert len(imported(text, once, name="copy.csv").entries) == len(once.entries)
    longer = imported(text + "CCGTA,5\n", once)
    assert values(longer) == {"ACGTA": 1.5, "CCGTA": 5.0}
    assert longer.results()["replicates"].tolist() == [2, 1]


def test_a_well_that_is_listed_twice_counts_once() -> None:
    now = imported("plate,well,value\nP1,A1,2\nP1,A1,2\n")
    assert now.results()["replicates"].tolist() == [1]


def test_a_conflict_is_reported_with_both_values_and_nothing_is_taken() -> None:
    once = imported("design,value\nACGTA,1.25\n")
    with pytest.raises(InputError) as raised:
        imported("design,value\nACGTA,7.5\nCCGTA,5\n", once, name="later.csv")
    said = str(raised.value)
    for part in (
        "later.csv",
        "row 2",
        "ACGTA",
        "7.5 here",
        "1.25 in row 2 of r.csv",
        "nothing was",
    ):
        assert part in said


def test_two_values_for_one_well_in_a_file_are_a_conflict() -> None:
    with pytest.raises(InputError, match=r"row 3, .*well A1 of plate P1.*: 3, 2 in row 2"):
        imported("plate,well,value\nP1,A1,2\nP1,A1,3\n")


@pytest.mark.parametrize(
    ("text", "corrections"),
    [("design,value\nACGTA,7\n", True), ("design,value,correction\nACGTA,7,yes\n", False)],
)
def test_a_correction_replaces_the_earlier_value(text: str, corrections: bool) -> None:
    once = imported("design,value\nACGTA,1\n")
    now = imported(text, once, corrections=corrections)
    assert values(now) == {"ACGTA": 7.0}
    assert len(now.entries) == len(once.entries) + 1  # the earlier value stays on record


def test_a_failed_well_may_get_a_value_but_a_value_does_not_fail_silently() -> None:
    failed = imported("well,value,qc\nA1,,fail\n")
    assert values(imported("well,value\nA1,3\n", failed)) == {"ACGTA": 3.0}
    with pytest.raises(InputError, match="failed here, 3 in row 2"):
        imported("well,value,qc\nA1,,fail\n", imported("well,value\nA1,3\n"))


# ---- what cannot be taken


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["r.csv", "empty"]),
        ("design,value\n", ["r.csv", "no row"]),
        ("design,value\nACGTA,\n", ["'value'", "holds no value"]),
        ("candidate_id,value\nc-000000000000,1\n", ["row 2", "'c-000000000000'", "no candidate"]),
        ("design,value\nACGTA,1\nACGT,2\n", ["row 3", "'design'", "ACGT", "4 letters", "5"]),
        ("design,value\nACXTA,1\n", ["row 2", "'design'", "'X'", "position 3"]),
        ("design,value\nACGTA,high\n", ["row 2", "'value'", "'high'"]),
        ("design,value\nACGTA,#N/A\n", ["row 2", "'value'", "'#N/A'", "leave the cell empty"]),
        ("design;value\nACGTA;2,5\n", ["row 2", "'value'", "decimals with a point"]),
        ("design,value,value\nACGTA,1,1\n", ["'value' stands over columns 2, 3"]),
        ("design,value\nACGTA,nan\n", ["row 2", "'value'", "finite"]),
        ('design,value\nACGTA,"1,5"\n', ["row 2", "'value'", "1,5"]),
        ("design,value,error\nACGTA,1,-1\n", ["row 2", "'error'", "above zero"]),
        ("design,value,units\nACGTA,1,nM\n", ["row 2", "'units'", "'nM'", "'a.u.'"]),
        ("well,value\nI1,1\n", ["row 2", "'well'", "outside a plate of 96", "A1 to H12"]),
        ("well,value\nA13,1\n", ["row 2", "'well'", "outside a plate of 96"]),
        ("well,value\n7B,1\n", ["row 2", "'7B'", "no well"]),
        ("plate,well,value\nP2,A1,1\n", ["row 2", "nothing was laid out", "'P2'", "plates P1"]),
        ("plate,well,value\nP1,B5,1\n", ["row 2", "nothing was laid out in well B5"]),
        (f"candidate_id,design,value\n{IDS[0]},CCGTA,1\n", ["row 2", "ACGTA", "CCGTA"]),
        (f"candidate_id,well,value\n{IDS[0]},A2,1\n", ["row 2", "ACGTA", "CCGTA"]),
        ("design,value,qc\nACGTA,1,perhaps\n", ["row 2", "'qc'", "'perhaps'", "passed"]),
        ("design,value,qc\nACGTA,,ok\n", ["row 2", "'value'", "empty", "'ok'"]),
        ("design,value,replicate\nACGTA,1,1.5\n", ["row 2", "'replicate'", "whole number"]),
        ("design,value,replicate\nACGTA,1,1e25\n", ["row 2", "'replicate'", "whole number"]),
        ("design,value,correction\nACGTA,1,maybe\n", ["row 2", "'correction'", "'maybe'"]),
        ("name,value\nfirst,1\n", ["no column says", "candidate_id", "'name'"]),
        ("design,first,second\nACGTA,1,2\n", ["'first', 'second' could be", "'E-score'"]),
        ("design,sequence,value\nACGTA,ACGTA,1\n", ["'design' and 'sequence'"]),
        ("design,value\n,1\n", ["row 2", "empty", "what was measured"]),
    ],
)
def test_a_file_that_cannot_be_taken_is_told_where(text: str, parts: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        imported(text)
    for part in ["r.csv", *parts]:
        assert part in str(raised.value)


def test_values_beyond_physical_bounds_are_taken_with_a_warning_that_names_the_row() -> None:
    record = proposed()
    text = "design,value\nACGTA,5\nCCGTA,11\nGGGTA,-1\n"
    parsed = parse_results(text.encode(), "r.csv", record)
    assert parsed.warnings == [
        "row 3: 11 is above 10, the highest possible",
        "row 4: -1 is below 0, the lowest possible",
    ]
    assert len(parsed.rows) == 3


def test_order_of_rows_does_not_matter() -> None:
    rows = ["ACGTA,1", "CCGTA,2", "GGGTA,3", "ACGTA,5"]

    def results(order: list[str]) -> pd.DataFrame:
        return imported("\n".join(["design,value", *order])).results()

    pd.testing.assert_frame_equal(results(rows), results(rows[::-1]))


# ---- several objectives


def of_two() -> Ledger:
    (entry,) = proposed().entries
    objectives = [{"name": name, "maximise": True, "reference": 0} for name in ("E-score", "off")]
    return Ledger((entry._replace(about={**entry.about, "objectives": objectives}),))


def test_values_of_several_objectives_are_taken_from_columns_of_their_names() -> None:
    text = "design,E-score,Off\nACGTA,1,5\nACGTA,3,\nCCGTA,,7\nGGGTA,,\n"
    now = imported(text, of_two())
    results = now.results().set_index("design")
    assert list(results.loc["ACGTA", ["value", "off"]]) == [2.0, 5.0]
    assert list(results.index) == ["ACGTA"]
    candidates = now.candidates().set_index("design")
    assert candidates["measured_off"].loc["ACGTA"] == 5.0
    # Without its first objective a candidate still waits.
    assert now.pending() == ["CCGTA", "GGGTA"]
    assert len(now.measurements) == 4
    again = imported(text, now)
    assert again.entries == now.entries
    later = imported("design,value\nCCGTA,4\n", now)
    results = later.results().set_index("design")
    assert list(results.loc["CCGTA", ["value", "off"]]) == [4.0, 7.0]


def test_a_conflict_names_the_objective() -> None:
    now = imported("design,value,off\nACGTA,1,5\n", of_two())
    with pytest.raises(InputError, match="off of ACGTA, replicate 1: 6 here, 5 in row 2"):
        imported("design,value,off\nACGTA,1,6\n", now)
