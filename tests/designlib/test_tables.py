"""Measured tables: every accepted form, and one clear message for every bad one."""

from __future__ import annotations

import gzip
import io
import itertools
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from designlib.configs.tables import CANONICAL_COLUMNS, TableColumns
from designlib.tables import MINIMUM_DESIGNS, from_parquet, parse_table, to_parquet_bytes
from designlib.types import InputError

KMERS = ["".join(letters) for letters in itertools.product("ACGT", repeat=3)]
ROWS = [f"{kmer},{number / 10}" for number, kmer in enumerate(KMERS)]


def csv(rows: list[str] = ROWS, header: str = "sequence,value") -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def with_row(index: int, row: str) -> bytes:
    """A good table but for the row that stands in spreadsheet row ``index``."""
    rows = list(ROWS)
    rows[index - 2] = row
    return csv(rows)


def parquet(columns: dict[str, object]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


GOOD = csv()
VALUES = [number / 10 for number in range(64)]


# ---- accepted forms


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", GOOD),
        ("a.CSV", GOOD),
        ("a.csv.gz", gzip.compress(GOOD)),
        ("a.csv", b"\xef\xbb\xbf" + GOOD),
        ("a.csv", GOOD.replace(b"\n", b"\r\n")),
        ("a.csv", GOOD.replace(b"\n", b"\r")),
        ("a.csv", GOOD.replace(b",", b";")),
        ("a.csv", GOOD.replace(b",", b"\t")),
        ("a.tsv", GOOD.replace(b",", b"\t")),
        ("a.txt", GOOD.replace(b",", b"\t")),
        ("a.txt", GOOD),
        ("a.csv", b"\n\r\n" + GOOD + b"\n\n,\n"),
        ("a.csv", GOOD.replace(b"\n", b"\n\n")),
        ("a.csv", GOOD.replace(b",", b" , ")),
        ("a.csv", GOOD.lower()),
        ("a.csv", csv([f'"{row.split(",")[0]}",{row.split(",")[1]}' for row in ROWS])),
        ("a.csv", csv(list(reversed(ROWS)))),
        ("a.csv", csv([f"{i},{row}" for i, row in enumerate(ROWS)], ",Sequence,Value")),
        ("a.csv", csv([f"{row},," for row in ROWS], "sequence,value,,")),
        ("a.csv", csv([f"{row},NA" for row in ROWS], "sequence,value,notes")),
        ("a.csv", csv([f"{row}," for row in ROWS], "sequence,value,error")),
        ("a.parquet", parquet({"sequence": KMERS, "value": VALUES})),
        ("a.parquet", parquet({"sequence": KMERS, "value": [str(v) for v in VALUES]})),
        ("a.parquet", parquet({"sequence": pa.array(KMERS).dictionary_encode(), "y": VALUES})),
        ("a.parquet.gz", gzip.compress(parquet({"sequence": KMERS, "value": VALUES}))),
        (
            "a.fa",
            "".join(
                f">s{i} {v}\n{k}\n" for i, (k, v) in enumerate(zip(KMERS, VALUES, strict=True))
            ),
        ),
        (
            "a.fasta",
            "".join(
                f">{i}|{v}\n\n{k}\n" for i, (k, v) in enumerate(zip(KMERS, VALUES, strict=True))
            ),
        ),
        (
            "a.fa",
            "".join(
                f">sp|P{i}|X_Y value={v}\n{k}\n"
                for i, (k, v) in enumerate(zip(KMERS, VALUES, strict=True))
            ),
        ),
        (
            "a.fa",
            "".join(
                f">s; score = {v}\n{k[0]}\n {k[1:]} \n" for k, v in zip(KMERS, VALUES, strict=True)
            ),
        ),
        (
            "a.fa.gz",
            gzip.compress(
                "".join(f">s {v}\r\n{k}\r\n" for k, v in zip(KMERS, VALUES, strict=True)).encode()
            ),
        ),
    ],
)
def test_accepted_forms_give_the_same_table(name: str, content: bytes | str) -> None:
    table = parse_table(content.encode() if isinstance(content, str) else content, name)
    assert tuple(table.frame.columns) == CANONICAL_COLUMNS
    assert table.frame["design"].tolist() == KMERS
    assert table.frame["value"].tolist() == VALUES
    assert set(table.frame["replicates"]) == {1}
    assert table.frame[["spread", "error", "weight"]].isna().to_numpy().all()
    assert (table.alphabet.name, table.length, table.rows_read) == ("dna", 3, 64)
    assert table.name == name


def test_guesses_are_reported_and_what_was_said_is_not() -> None:
    table = parse_table(GOOD.replace(b",", b";"), "a.csv")
    assert table.guesses == {
        "design": "column 'sequence', by its name",
        "value": "column 'value', by its name",
        "alphabet": "dna, by the letters",
        "delimiter": "semicolon, by the header line",
    }
    said = parse_table(GOOD, "a.csv", TableColumns(design="sequence", values=("value",)), "dna")
    assert said.guesses == {}


@pytest.mark.parametrize("names", ["promoter,ratio", "clone,log2 fold change", "A,B"])
def test_columns_are_guessed_by_content(names: str) -> None:
    table = parse_table(
        csv([f"training,{row},{i}" for i, row in enumerate(ROWS)], f"set,{names},id"), "a.csv"
    )
    assert table.frame["value"].tolist() == VALUES
    assert "the only one that looks like sequences" in table.guesses["design"]
    assert "the only one that holds measured numbers" in table.guesses["value"]


def test_a_name_that_holds_no_sequences_does_not_win() -> None:
    rows = [f"{i},{row}" for i, row in enumerate(ROWS)]
    assert parse_table(csv(rows, "x,sequence,value"), "a.csv").frame["design"].tolist() == KMERS


# ---- alphabets


def rna(text: bytes) -> bytes:
    header, _, body = text.partition(b"\n")
    return header + b"\n" + body.replace(b"T", b"U")


def test_u_without_t_is_rna() -> None:
    table = parse_table(rna(GOOD), "a.csv")
    assert table.alphabet.name == "rna"
    assert table.frame["design"].tolist() == sorted(k.replace("T", "U") for k in KMERS)
    assert table.guesses["alphabet"] == "rna, as there are letters U and no T"


def test_u_and_t_mixed_is_dna_and_reported() -> None:
    table = parse_table(with_row(65, "uut,6.3"), "a.csv")
    assert table.frame["design"].tolist() == KMERS
    assert table.guesses["letters"] == "2 U read as T"


@pytest.mark.parametrize(("alphabet", "letter"), [("dna", "T"), ("rna", "U")])
def test_a_named_nucleic_alphabet_reads_u_and_t_alike(alphabet, letter) -> None:
    for content in (GOOD, rna(GOOD)):
        table = parse_table(content, "a.csv", alphabet=alphabet)
        assert table.alphabet.name == alphabet
        assert table.frame["design"].iloc[-1] == letter * 3


def test_protein_by_its_letters() -> None:
    peptides = ["".join(p) for p in itertools.product("ACDEFGHIKLMNPQRSTVWY", repeat=2)]
    rows = [f"{p},{i}" for i, p in enumerate(peptides)]
    table = parse_table(csv(rows), "a.csv")
    assert (table.alphabet.name, len(table)) == ("protein", 400)
    assert table.guesses["alphabet"] == "protein, as there are letters E, F, I, L, P, Q"


def test_a_named_protein_alphabet_is_kept() -> None:
    table = parse_table(GOOD, "a.csv", alphabet="protein")
    assert table.alphabet.name == "protein"
    assert table.frame["design"].tolist() == KMERS


# ---- replicates


def test_replicates_are_aggregated() -> None:
    table = parse_table(csv([*ROWS, "AAA,1", " aaa ,2"]), "a.csv")
    row = table.frame.iloc[0]
    assert (row["design"], row["value"], row["spread"], row["replicates"]) == ("AAA", 1.0, 1.0, 3)
    assert (len(table), table.rows_read) == (64, 66)
    assert np.isnan(table.frame["spread"].iloc[1])


def test_errors_weigh_by_inverse_variance() -> None:
    rows = [f"{row},0.5" for row in ROWS] + ["AAA,5,1.0"]
    table = parse_table(csv(rows, "sequence,value,sem"), "a.csv")
    row = table.frame.iloc[0]
    assert row["value"] == pytest.approx((0 * 4 + 5 * 1) / 5)
    assert row["error"] == pytest.approx(1 / np.sqrt(5))
    assert row["spread"] == pytest.approx(5 / np.sqrt(2))
    assert table.frame["error"].iloc[1] == 0.5
    assert table.guesses["error"] == "column 'sem', by its name"


def test_weights_weigh_and_add_up_and_further_values_are_kept() -> None:
    rows = [f"{row},1,{i}" for i, row in enumerate(ROWS)] + ["AAA,4,3,8"]
    columns = TableColumns(values=("value", "growth rate"))
    table = parse_table(csv(rows, "sequence,value,weight,growth rate"), "a.csv", columns)
    row = table.frame.iloc[0]
    assert (row["value"], row["weight"], row["growth rate"]) == (3.0, 4.0, 6.0)
    assert tuple(table.frame.columns) == (*CANONICAL_COLUMNS, "growth rate")


def test_tiny_and_huge_errors_do_not_overflow() -> None:
    rows = [f"{row},1e-200" for row in ROWS] + ["AAA,5,1e29"]
    row = parse_table(csv(rows, "sequence,value,error"), "a.csv").frame.iloc[0]
    assert (row["value"], row["error"]) == (0.0, 1e-200)


def test_equal_replicates_keep_their_value_exactly() -> None:
    rows = [*ROWS, "ACG,0.6", "ACG,0.6"]
    row = parse_table(csv(rows), "a.csv").frame.set_index("design").loc["ACG"]
    assert (row["value"], row["spread"]) == (0.6, 0.0)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    generator = np.random.default_rng(0)
    rows = [
        f"{k},{v:.17g},{e:.17g}"
        for k, v, e in zip(
            KMERS * 3, generator.normal(size=192), generator.random(192) + 0.1, strict=True
        )
    ]
    straight = parse_table(csv(rows, "seq,score,error"), "a.csv")
    np.random.default_rng(seed).shuffle(rows)
    assert to_parquet_bytes(parse_table(csv(rows, "seq,score,error"), "a.csv")) == to_parquet_bytes(
        straight
    )


@given(values=st.lists(st.floats(-1e29, 1e29, allow_subnormal=False), min_size=64, max_size=64))
@settings(max_examples=50, deadline=None)
def test_written_numbers_are_read_exactly(values: list[float]) -> None:
    values[:2] = [0.0, 1e29]
    content = csv([f"{k},{v!r}" for k, v in zip(KMERS, values, strict=True)])
    assert parse_table(content, "a.csv").frame["value"].tolist() == values


# ---- the canonical file


def test_parquet_round_trip_keeps_everything(tmp_path: Path) -> None:
    rows = [f"{row},0.5,{i}" for i, row in enumerate(ROWS)] + ["AAA,4,3,8"]
    columns = TableColumns(values=("value", "größe"))
    table = parse_table(csv(rows, "sequence,value,error,größe"), "plate 1.csv", columns)
    content = to_parquet_bytes(table)
    assert content == to_parquet_bytes(table)
    (tmp_path / "table.parquet").write_bytes(content)
    for source in (content, tmp_path / "table.parquet"):
        back = from_parquet(source)
        pd.testing.assert_frame_equal(back.frame, table.frame)
        for name in ("alphabet", "length", "name", "rows_read", "guesses"):
            assert getattr(back, name) == getattr(table, name)
        assert to_parquet_bytes(back) == content
    assert pq.read_table(io.BytesIO(content)).column("spread").null_count == 63


def test_the_canonical_file_can_be_handed_in_again() -> None:
    table = parse_table(GOOD, "a.csv")
    again = parse_table(to_parquet_bytes(table), "a.parquet")
    pd.testing.assert_frame_equal(again.frame, table.frame)


def test_from_parquet_refuses_other_files(tmp_path: Path) -> None:
    for content in (b"", b"PAR1", parquet({"design": KMERS})):
        (tmp_path / "x.parquet").write_bytes(content)
        for source in (content, tmp_path / "x.parquet"):
            with pytest.raises(InputError, match="measured table"):
                from_parquet(source)
    with pytest.raises(InputError, match=r"x\.parquet"):
        from_parquet(tmp_path / "x.parquet")


# ---- bad tables: every message names what is wrong, where, and what is accepted

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
        (TableColumns(design="value"), ["no column looks like measured values"]),
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
    with pytest.raises(InputError, match="no column looks like measured values"):
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


# ---- size, and real tables


def test_the_minimum_is_enough() -> None:
    assert len(parse_table(csv(ROWS[:MINIMUM_DESIGNS]), "a.csv")) == MINIMUM_DESIGNS


def test_sixty_thousand_rows_are_quick() -> None:
    kmers = ["".join(letters) for letters in itertools.product("ACGT", repeat=8)]
    content = csv([f"{kmer},{number}" for number, kmer in enumerate(kmers)])
    start = time.process_time()
    assert len(parse_table(content, "a.csv")) == 65_536
    assert time.process_time() - start < 5  # well below one second on an idle machine


def test_real_splice_sites() -> None:
    mirrors = [Path(p) for p in os.environ.get("DESIGN_DATA_MIRRORS", "").split(os.pathsep) if p]
    found = [p for m in mirrors if (p := m / "mpra" / "mavenn_mpsa_data.csv.gz").exists()]
    if not found:
        pytest.skip("no mirror folder in DESIGN_DATA_MIRRORS has mpra/mavenn_mpsa_data.csv.gz")
    table = parse_table(found[0].read_bytes(), found[0].name)
    assert (len(table), table.length, table.alphabet.name) == (30_483, 9, "rna")
    assert table.guesses["design"] == "column 'x', by its name"
