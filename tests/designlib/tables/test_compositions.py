"""Tables of measured compositions: what is read, and one clear message for what is not."""

import math

import pytest
from pydantic import ValidationError

from designlib.config.tables import CompositionReading, TableColumns
from designlib.spaces import SimplexSpace
from designlib.tables import from_parquet, parse_compositions, parse_table, to_parquet_bytes
from designlib.types import InputError

ROWS = [(a, b, 10 - a - b) for a in range(11) for b in range(11 - a)]
IRON = CompositionReading(components=("Fe", "Ni", "Co"), step=10)
FORMULAS = [f"(Fe{a + 1}Ni{b})2O{c + 1}" for a, b, c in ROWS]


def columns(rows=ROWS, whole=10.0, extra=()):
    lines = [f"{a / whole},{b / whole},{c / whole},{a * b + a}" for a, b, c in rows]
    return "\n".join(["Fe,Ni,Co,activity", *lines, *extra]).encode()


def formulas(extra=(), designs=FORMULAS):
    lines = [f"{formula},{row}" for row, formula in enumerate(designs)]
    return "\n".join(["formula,Tc", *lines, *extra]).encode()


def of(table, design):
    (row,) = table.frame[table.frame["design"] == design].to_dict("records")
    return row


def test_component_columns_become_designs():
    table = parse_compositions(columns(), "plate.csv", IRON)
    assert table.space == SimplexSpace(("Fe", "Ni", "Co"), grid_steps=10)
    assert (len(table), table.rows_read, table.value_name) == (66, 66, "activity")
    assert of(table, "Fe=0.3, Ni=0.2, Co=0.5")["value"] == 9
    with pytest.raises(InputError, match="compositions have no alphabet"):
        _ = table.alphabet


def test_percent_and_normalised_amounts_are_the_same_designs():
    same = parse_compositions(columns(), "a.csv", IRON).frame
    percent = IRON.model_copy(update={"amounts": "percent"})
    assert parse_compositions(columns(whole=0.1), "b.csv", percent).frame.equals(same)
    normalised = IRON.model_copy(update={"amounts": "any"})
    assert parse_compositions(columns(whole=3.0), "c.csv", normalised).frame.equals(same)


def test_replicates_are_merged_whatever_their_order_and_after_rounding():
    extra = ["0.31,0.2,0.49,13", "0.3,0.2,0.5,14"]
    table = parse_compositions(columns(extra=extra), "plate.csv", IRON)
    assert (len(table), table.rows_read) == (66, 68)
    row = of(table, "Fe=0.3, Ni=0.2, Co=0.5")
    assert (row["value"], row["replicates"]) == (12.0, 3)
    assert row["spread"] == pytest.approx(math.sqrt(7))
    assert table.guesses["compositions"] == "rounded to steps of 10 %, by at most 1 %"


def test_formulas_are_shares_of_atoms():
    table = parse_compositions(formulas(), "tc.csv", CompositionReading(step=0.1))
    assert table.space == SimplexSpace(("O", "Fe", "Ni"), grid_steps=1000)
    assert table.guesses["formula"] == "column 'formula', by its cells"
    # (Fe1Ni0)2O11: 2 of 13 atoms are iron.
    assert "O=0.846, Fe=0.154" in set(table.frame["design"])


def test_what_is_not_reported_or_unreadable_is_left_out_and_counted():
    extra = ["FeO,0", "Ni2O3,0", "FeO7-x,5", "Xx2O,1"]
    reading = CompositionReading(step=1, not_reported=0, skip_unreadable=True)
    table = parse_compositions(formulas(extra), "tc.csv", reading)
    assert table.guesses["rows left out"] == "3 without a reported value"
    assert table.guesses["formulas left out"] == "2 that cannot be read"
    assert table.rows_read == 65


def test_a_stored_table_is_read_back():
    table = parse_compositions(columns(), "plate.csv", IRON)
    content = to_parquet_bytes(table)
    again = from_parquet(content)
    assert again.frame.equals(table.frame)
    assert again.space == table.space
    assert content == to_parquet_bytes(again)
    dna = parse_table(
        b"seq,y\n"
        + b"\n".join(
            f"{a}{b}{c},{i}".encode()
            for i, (a, b, c) in enumerate((a, b, c) for a in "ACGT" for b in "ACGT" for c in "ACGT")
        ),
        "d.csv",
    )
    assert from_parquet(to_parquet_bytes(dna)).space == dna.space


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("0.5,-0.1,0.6,1", "row 68, column 'Ni': '-0.1' is negative"),
        ("0,0,0,1", "row 68, column 'Fe to Co': all amounts are 0"),
        ("0.5,0.4,0.2,1", "the amounts sum to 1.1; 1 is needed, to one part in a thousand"),
        ("50,40,10,1", "sum to 100; .*they look like percent"),
        ("0.5,x,0.5,1", "row 68, column 'Ni': 'x' is not a number"),
        ("0.5,,0.5,1", "row 68, column 'Ni': the cell is empty"),
        ("0.5,0,0.5,nan", "row 68, column 'activity': 'nan' is not a finite number"),
    ],
)
def test_a_bad_row_is_named(extra, message):
    with pytest.raises(InputError, match=message):
        parse_compositions(columns(extra=[extra]), "plate.csv", IRON)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("Zz2O3,1", "row 68, column 'formula': .*there is no element Zz"),
        ("Fe2O3+,1", "charges and amounts such as 7-x are not accepted"),
        ("Fe(O,1", "this bracket is not closed"),
        ("Fe0,1", "no element with a finite amount above 0"),
        (",1", "row 68, column 'formula'"),
    ],
)
def test_a_bad_formula_is_named(cell, message):
    with pytest.raises(InputError, match=message):
        parse_compositions(formulas([cell]), "tc.csv")


@pytest.mark.parametrize(
    ("content", "reading", "message"),
    [
        (columns(), CompositionReading(), "no column looks like formulas"),
        (columns(), CompositionReading(components=("Fe", "Cu")), "no component column 'Cu'"),
        (columns(), CompositionReading(components=("Fe",)), "at least two are needed"),
        (columns(ROWS[:30]), IRON, "30 distinct compositions in 30 rows; at least 50"),
        (formulas(designs=["Fe2", "Fe3"] * 40), CompositionReading(), "only Fe occurs"),
        (formulas(designs=["f-o"] * 3 + FORMULAS[:2]), CompositionReading(), "looks like formulas"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(content, reading, message):
    with pytest.raises(InputError, match=message):
        parse_compositions(content, "plate.csv", reading)


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (TableColumns(values=("z",)), "no column 'z'"),
        (TableColumns(design="f"), "a design column of formulas .*one of them is needed"),
    ],
)
def test_named_columns_that_are_missing_or_contradict_are_refused(named, message):
    with pytest.raises(InputError, match=message):
        parse_compositions(columns(), "plate.csv", IRON, named)


def test_compositions_have_further_values_and_weights():
    header, *lines = columns().decode().splitlines()
    costs = [f"{line},{number}" for number, line in enumerate(lines, start=1)]
    content = "\n".join([f"{header},cost", *costs]).encode()
    table = parse_compositions(content, "t.csv", IRON, TableColumns(values=("activity", "cost")))
    assert table.frame["cost"].sum() == pytest.approx(sum(range(1, len(ROWS) + 1)))
    weighted = TableColumns(values=("activity",), weight="cost")
    frame = parse_compositions(content, "t.csv", IRON, weighted).frame
    assert frame["weight"].equals(table.frame["cost"])


def test_fewer_rows_than_components_are_refused():
    names = [f"c{index}" for index in range(80)]
    rows = [",".join("1" if i == row else "0" for i in range(80)) + f",{row}" for row in range(60)]
    content = "\n".join([",".join([*names, "y"]), *rows]).encode()
    with pytest.raises(InputError, match=r"60 distinct .*at least 81 are needed of 80 components"):
        parse_compositions(content, "wide.csv", CompositionReading(components=tuple(names)))


def test_values_for_a_logarithm_are_above_zero():
    with pytest.raises(InputError, match="column 'activity': '0' is not above zero"):
        parse_compositions(columns(), "plate.csv", IRON, positive=True)


@pytest.mark.parametrize("step", [7, 30, 0.03])
def test_a_grid_that_the_sum_cannot_meet_is_refused(step):
    with pytest.raises(ValidationError, match="cannot make up 100 %"):
        CompositionReading(step=step)
