"""Measured tables: every accepted form."""

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

from designlib.config.tables import CANONICAL_COLUMNS, TableColumns
from designlib.tables import MINIMUM_DESIGNS, from_parquet, parse_table, to_parquet_bytes
from designlib.types import InputError
from tests.designlib.tables.made import GOOD, KMERS, ROWS, VALUES, csv, parquet, with_row

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
