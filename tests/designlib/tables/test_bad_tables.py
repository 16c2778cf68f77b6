"""Measured tables: every message names what is wrong, where, and what is accepted."""

from __future__ import annotations

import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from designlib.config.tables import TableColumns
from designlib.tables import parse_table
from designlib.types import InputError
from tests.designlib.tables.made import GOOD, KMERS, ROWS, VALUES, csv, parquet, with_row

PLAIN = parquet({"sequence": KMERS, "value": VALUES})
BAD = {
    "unknown suffix": ("a.xlsx", GOOD, ["a.xlsx", ".csv", ".parquet", ".fasta", ".gz"]),
    "no suffix": ("table", GOOD, ["table", ".csv"]),
    "empty file": ("a.csv", b"", ["a.csv", "empty"]),
    "blank file": ("a.csv", b" \n\n", ["a.csv", "empty"]),
    "empty Parquet": ("a.parquet", b"", ["a.parquet", "empty"]),
    "empty gzip": ("a.csv.gz", gzip.compress(b""), ["a.csv.gz", "empty"]),
    "only a header": ("a.csv", b"sequence,value\n", ["a.csv", "no row", "sequence, value"]),
    "header and blank rows": ("a.csv", b"sequence,value\n\n,\n", ["a.csv", "no row"]),
    "Parquet without rows": ("a.parquet", parquet({"x": pa.array([], pa.string())}), ["no row"]),
    "no headers": ("a.csv", b",,\nACG,1\n", ["a.csv", "row 1", "no column"]),
    "data as header": ("a.csv", b"ACGT,0.5\nACGG,0.7\n", ["a.csv", "first line", "design,value"]),
    "duplicate headers": (
        "a.csv",
        csv([f"{r},1" for r in ROWS], "sequence,value, value "),
        ["a.csv", "row 1", "'value'", "columns 2, 3"],
    ),
    "letter": (
        "a.csv",
        with_row(7, "ACX,1"),
        ["a.csv, row 7, column 'sequence'", "'ACX'", "'X' at position 3", "ACGT"],
    ),
    "N": ("a.csv", with_row(7, "ANG,1"), ["row 7", "'N' at position 2", "several bases", "ACGT"]),
    "IUPAC": (
        "a.csv",
        with_row(9, "rrr,1"),
        ["row 9", "'rrr'", "'R' at position 1", "several bases"],
    ),
    "protein letter in DNA": (
        "a.csv",
        with_row(7, "ACL,1"),
        ["row 7", "'L' at position 3", "alphabet to protein"],
    ),
    "gap": ("a.csv", with_row(7, "A-C,1"), ["row 7", "'-' at position 2"]),
    "inner space": ("a.csv", with_row(7, "A C,1"), ["row 7", "' ' at position 2"]),
    "not ASCII": ("a.csv", with_row(7, "AÄC,1"), ["row 7", "'Ä' at position 2"]),
    "zero-width space": ("a.csv", with_row(7, "AC\u200b,1"), ["row 7", r"'\u200b' at position 3"]),
    "no sequence": ("a.csv", with_row(7, ",1"), ["row 7, column 'sequence'", "empty"]),
    "ragged": (
        "a.csv",
        with_row(30, "ACGT,1"),
        ["row 30, column 'sequence'", "'ACGT' has 4 letters", "most rows have 3"],
    ),
    "two bad cells": (
        "a.csv",
        csv([*ROWS, "AXC,1", "AYC,1", "ANX,2"]),
        ["row 66", "'X'", "2 more such cells"],
    ),
    "empty value": (
        "a.csv",
        with_row(7, "ACG,"),
        ["row 7, column 'value'", "empty", "finite number"],
    ),
    "missing field": ("a.csv", with_row(7, "ACG"), ["row 7, column 'value'", "empty"]),
    "NaN": (
        "a.csv",
        with_row(7, "ACG,NaN"),
        ["row 7, column 'value'", "'NaN' is not a finite number"],
    ),
    "NA": ("a.csv", with_row(7, "ACG,NA"), ["row 7, column 'value'", "'NA' is not a number"]),
    "text": ("a.csv", with_row(7, "ACG,high"), ["row 7, column 'value'", "'high' is not a number"]),
    "True": ("a.csv", with_row(7, "ACG,True"), ["row 7", "'True' is not a number"]),
    "hexadecimal": ("a.csv", with_row(7, "ACG,0x1F"), ["row 7", "'0x1F' is not a number"]),
    "underscore": ("a.csv", with_row(7, "ACG,1_000"), ["row 7", "'1_000' is not a number"]),
    "infinite": (
        "a.csv",
        with_row(7, "ACG,-inf"),
        ["row 7, column 'value'", "'-inf' is not a finite number"],
    ),
    "overflow": ("a.csv", with_row(7, "ACG,1e999"), ["row 7, column 'value'", "'1e999'"]),
    "too large": (
        "a.csv",
        with_row(7, "ACG,1e31"),
        ["row 7, column 'value'", "'1e31' is too large", "1e+30"],
    ),
    "decimal comma": (
        "a.csv",
        with_row(7, 'ACG,"0,5"'),
        ["row 7", "'0,5' is not a number", "point"],
    ),
    "row after blank rows": (
        "a.csv",
        b"\n" + GOOD.replace(b"AAC,", b"\nAAC,x"),
        ["row 5, column 'value'", "'x0.1'"],
    ),
    "quoted line break": (
        "a.csv",
        with_row(7, '"AC\nG",1'),
        ["row 7, column 'sequence'", "line break"],
    ),
    "row after a quoted line break": (
        "a.csv",
        csv(
            [f'{r},"a\nb"' for r in ROWS[:9]] + ["ACG,bad,z"] + [f"{r},c" for r in ROWS[10:]],
            "sequence,value,notes",
        ),
        ["row 11, column 'value'", "'bad'"],
    ),
    "open quote": ("a.csv", with_row(7, '"ACG,1'), ["a.csv, row 7", "never closed"]),
    "too many fields": (
        "a.csv",
        with_row(7, "ACG,0,5"),
        ["a.csv, row 7", "3 fields", "'sequence', 'value'", "has 2", "'5'"],
    ),
    "too many fields after a long cell": (
        "a.csv",
        with_row(7, "ACG," + "5" * 200_000) + b"ACG,1,2\n",
        ["a.csv"],
    ),
    "one row": ("a.csv", csv(ROWS[:1]), ["a.csv", "1 distinct designs in 1 rows"]),
    "too few designs": ("a.csv", csv(ROWS[:49]), ["a.csv", "49 distinct designs", "50"]),
    "too few distinct designs": ("a.csv", csv(ROWS[:49] * 2), ["49 distinct designs in 98 rows"]),
    "constant": (
        "a.csv",
        csv([f"{k},0.5" for k in KMERS]),
        ["a.csv, column 'value'", "all 64 values", "0.5"],
    ),
    "constant on average": (
        "a.csv",
        csv([f"{k},{v}" for k in KMERS for v in (1, 3)]),
        ["column 'value'", "averaging", "(2)"],
    ),
    "UTF-16": ("a.csv", GOOD.decode().encode("utf-16"), ["a.csv", "UTF-16", "UTF-8"]),
    "UTF-16 without mark": (
        "a.csv",
        GOOD.decode().encode("utf-16-le"),
        ["a.csv", "line 1", "NUL", "UTF-8"],
    ),
    "Latin-1": (
        "a.csv",
        csv([*ROWS, "ACG,µ"]).decode().encode("latin-1"),
        ["a.csv, line 66", "0xb5", "UTF-8"],
    ),
    "NUL byte": ("a.csv", with_row(7, "AC\0,1"), ["a.csv, line 7", "NUL"]),
    "gzip called CSV": ("a.csv", gzip.compress(GOOD), ["a.csv", "gzip", ".gz"]),
    "Excel called CSV": ("a.csv", b"PK\x03\x04...", ["a.csv", "Excel"]),
    "Parquet called CSV": ("a.csv", PLAIN, ["a.csv", "Parquet"]),
    "CSV called gzip": ("a.csv.gz", GOOD, ["a.csv.gz", "gzip"]),
    "truncated gzip": ("a.csv.gz", gzip.compress(GOOD)[:-30], ["a.csv.gz", "truncated"]),
    "damaged gzip": (
        "a.csv.gz",
        gzip.compress(GOOD)[:30] + b"xxxxxxxx" + gzip.compress(GOOD)[38:],
        ["a.csv.gz", "gzip"],
    ),
    "CSV called Parquet": ("a.parquet", GOOD, ["a.parquet", "not a Parquet"]),
    "truncated Parquet": ("a.parquet", PLAIN[:-40], ["a.parquet", "truncated"]),
    "tiny Parquet": ("a.parquet", b"PAR1", ["a.parquet", "truncated"]),
    "damaged Parquet": (
        "a.parquet",
        PLAIN[:200] + b"\0" * (len(PLAIN) - 204) + b"PAR1",
        ["a.parquet", "damaged"],
    ),
    "NaN in Parquet": (
        "a.parquet",
        parquet({"seq": KMERS, "y": [*VALUES[:-1], float("nan")]}),
        ["a.parquet, row 64, column 'y'", "'nan'"],
    ),
    "null in Parquet": (
        "a.parquet",
        parquet({"seq": KMERS, "y": [None, *VALUES[1:]]}),
        ["a.parquet, row 1, column 'y'", "empty"],
    ),
    "null sequence": (
        "a.parquet",
        parquet({"seq": [None, *KMERS[1:]], "y": VALUES}),
        ["row 1, column 'seq'", "empty"],
    ),
    "FASTA without record": (
        "a.fa",
        b"ACGT\n>x 1\nACGT\n",
        ["a.fa, line 1", "'ACGT'", ">id value=0.3"],
    ),
    "FASTA without sequence": (
        "a.fa",
        b">a 1\nACG\n>b 2\n>c 3\nACC\n",
        ["a.fa, line 3", "'>b 2'", "no sequence"],
    ),
    "FASTA without value": (
        "a.fa",
        b">a 1\nACG\n\n>b\nACC\n",
        ["a.fa, line 4", "no value", "'>b'", ">id|0.3"],
    ),
    "FASTA with two values": (
        "a.fa",
        b">a 1\nACG\n>b 2 3\nACC\n",
        ["a.fa, line 3", "more than one number"],
    ),
    "FASTA with NaN": (
        "a.fa",
        b">a 1\nACG\n>b nan\nACC\n",
        ["a.fa, line 3, column 'value'", "'nan'"],
    ),
    "FASTA with one key missing": (
        "a.fa",
        b">a value=1 error=1\nACG\n>b value=2\nACC\n",
        ["a.fa, line 3, column 'error'", "empty"],
    ),
    "FASTA letters": (
        "a.fa",
        b">a 1\nACG\n>b 2\nAC\nX\n",
        ["a.fa, line 3, column 'design'", "'X' at position 3"],
    ),
}


@pytest.mark.parametrize(("name", "content", "parts"), BAD.values(), ids=BAD.keys())
def test_a_bad_table_gives_one_clear_message(name: str, content: bytes, parts: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        parse_table(content, name)
    message = str(caught.value)
    assert message.startswith(name)
    assert "\n" not in message
    assert len(message) < 400
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("header", "cell", "parts"),
    [
        ("error", "0", ["row 7, column 'error'", "'0' is not above zero", "another name"]),
        ("error", "-0.1", ["row 7, column 'error'", "'-0.1' is not above zero"]),
        ("error", "", ["row 7, column 'error'", "empty"]),
        ("weight", "0", ["row 7, column 'weight'", "'0' is not above zero"]),
        ("weight", "-2", ["row 7, column 'weight'", "'-2' is not above zero"]),
        ("weight", "many", ["row 7, column 'weight'", "'many' is not a number"]),
    ],
)
def test_errors_and_weights_are_positive(header: str, cell: str, parts: list[str]) -> None:
    rows = [f"{row},{cell if i == 5 else 1}" for i, row in enumerate(ROWS)]
    with pytest.raises(InputError) as caught:
        parse_table(csv(rows, f"sequence,value,{header}"), "a.csv")
    for part in ["a.csv", *parts]:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "parts"),
    [
        (TableColumns(design="seqs"), ["'seqs'", "design column", "'sequence', 'value'"]),
        (TableColumns(values=("valu",)), ["'valu'", "value 1", "did you mean 'value'?"]),
        (TableColumns(error="sd"), ["'sd'", "error column"]),
        (TableColumns(weight="w"), ["'w'", "weight column"]),
        (
            TableColumns(design="value", values=("value",)),
            ["'value'", "both as design and as value 1"],
        ),
        (
            TableColumns(design="value", values=("sequence",)),
            ["row 2, column 'value'", "'0.0' has '0' at position 1"],
        ),
        (TableColumns(design="value"), ["no column holds measured numbers"]),
        (TableColumns(values=("sequence",)), ["no column looks like sequences"]),
    ],
)
def test_named_columns_must_be_there_and_fit(columns: TableColumns, parts: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        parse_table(GOOD, "a.csv", columns)
    for part in ["a.csv", *parts]:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("seq,value,dna", ["several columns", "'seq', 'dna'", "setting columns.design"]),
        ("seq,value,other", []),
        (
            "a,b,c",
            ["several columns", "'a', 'c'", "Columns: 'a', 'b', 'c'", "setting columns.design"],
        ),
    ],
)
def test_ambiguous_designs_are_refused(header: str, parts: list[str]) -> None:
    content = csv([f"{row},{row[:3]}" for row in ROWS], header)
    if not parts:
        assert parse_table(content, "a.csv").guesses["design"] == "column 'seq', by its name"
        return
    with pytest.raises(InputError) as caught:
        parse_table(content, "a.csv")
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("seq,score,activity", ["'score', 'activity'", "setting columns.values"]),
        ("seq,mic,ic50", ["'mic', 'ic50'", "setting columns.values"]),
    ],
)
def test_ambiguous_values_are_refused(header: str, parts: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        parse_table(csv([f"{row},{i}" for i, row in enumerate(ROWS)], header), "a.csv")
    for part in parts:
        assert part in str(caught.value)


def test_two_error_columns_are_refused() -> None:
    with pytest.raises(InputError, match="'sd', 'sem'"):
        parse_table(csv([f"{row},1,1" for row in ROWS], "seq,value,sd,sem"), "a.csv")


def test_a_table_without_values_is_refused() -> None:
    with pytest.raises(InputError, match="no column holds measured numbers"):
        parse_table(csv(KMERS, "sequence"), "a.csv")


def test_line_breaks_in_unused_columns_are_reported() -> None:
    rows = [f"{row},ok" for row in ROWS]
    rows[60:62] = [rows[60].replace("ok", '"5 prime'), rows[61].replace("ok", 'x"')]
    table = parse_table(csv(rows, "sequence,value,notes"), "a.csv")
    assert table.rows_read == 63
    assert "row 62" in table.guesses["column 'notes'"]


def test_two_duplicate_parquet_columns_are_refused() -> None:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array(KMERS), pa.array(KMERS)], names=["s", "s"]), sink)
    with pytest.raises(InputError, match="two columns are called 's'"):
        parse_table(sink.getvalue(), "a.parquet")


def test_parquet_types_that_are_no_numbers_are_refused() -> None:
    content = parquet({"seq": KMERS, "value": [i % 2 == 0 for i in range(64)]})
    with pytest.raises(InputError, match="column 'value': the cells have type bool"):
        parse_table(content, "a.parquet")
    with pytest.raises(InputError, match="column 'value': the cells have type bool"):
        parse_table(content, "a.parquet", TableColumns(design="value", values=("seq",)))


# ---- the settings model


def test_columns_take_blank_fields_of_a_form_as_not_given() -> None:
    columns = TableColumns(design=" ", error="", weight="", values=("", " y "))
    assert columns == TableColumns(values=("y",))


@pytest.mark.parametrize(
    "wrong", [{"designs": "x"}, {"values": ("y", "y")}, {"values": ("y", "error")}, {"design": 3}]
)
def test_columns_refuse_what_they_do_not_know(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TableColumns.model_validate(wrong)


def test_every_field_is_described_and_has_a_default() -> None:
    for field in TableColumns.model_fields.values():
        assert field.description
        assert not field.is_required()
        assert field.default_factory is None
