"""FASTA with measured values in the header lines."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from designlib.tables.delimited import utf8
from designlib.tables.raw import RawTable, as_text, compute, shown
from designlib.types import InputError

_ACCEPTED = "accepted are '>id 0.3', '>id|0.3' and '>id value=0.3 error=0.1'"
_KEYS = re.compile(r"(?:^|[\s|;,])([A-Za-z_][\w.-]*)\s*=", re.MULTILINE)
_NUMBER = r"(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?i:nan|inf))"


def read_fasta(content: bytes, name: str) -> RawTable:
    """Return the records of a FASTA file as a table with a ``design`` column.

    ``>id 0.3`` and ``>id|0.3`` give a column ``value``; ``>id score=0.3 error=0.1`` gives a column
    for each key. Sequences may run over several lines.

    Raises InputError for text before the first record, a record without sequence, and headers
    from which no value can be read.
    """
    text = re.split(r"\r\n|\r|\n", utf8(content, name).decode())
    lines = pd.Series(text, dtype="str").str.strip()
    numbers = np.arange(1, len(lines) + 1)
    written = (lines != "").to_numpy()
    lines, numbers = lines[written].reset_index(drop=True), numbers[written]
    is_header = lines.str.startswith(">").to_numpy()
    if not is_header[0]:
        raise InputError(
            f"{name}, line {numbers[0]}: {shown(lines[0])} stands before the first record; a FASTA "
            f"record begins with a line such as '>id value=0.3'"
        )
    record = np.cumsum(is_header) - 1
    lengths = np.bincount(record) - 1
    places = numbers[is_header].astype(np.int64)
    if (lengths == 0).any():
        at = int(np.flatnonzero(lengths == 0)[0])
        raise InputError(
            f"{name}, line {places[at]}: the record {shown(lines[is_header].iloc[at])} has no "
            f"sequence after it"
        )
    sequences = lines[~is_header]
    if (lengths > 1).any():
        sequences = sequences.groupby(record[~is_header]).agg("".join)
    headers = as_text(pa.array(lines[is_header].str.removeprefix(">").str.strip()))
    columns = {"design": as_text(pa.array(sequences)), **_values(headers, places, name)}
    return RawTable(name, columns, places, "line", {"design": "the sequences of the records"})


def _values(headers: pa.Array, places: np.ndarray, name: str) -> dict[str, pa.Array]:
    """Return the value columns: one for each ``key=``, or ``value`` for a lone number."""
    keys = sorted(set(_KEYS.findall("\n".join(headers.to_pylist()))))
    if "design" in keys:
        raise InputError(
            f"{name}: the key 'design=' in a header line means the sequence; rename it"
        )
    if keys:
        return {
            key: _captured(headers, rf"(?:^|[\s|;,]){re.escape(key)}\s*=\s*(?P<cell>[^\s|;,]*)")
            for key in keys
        }
    # Two spaces between words: each number then has a space of its own on both sides.
    spaced = compute(
        "replace_substring_regex", headers, options=pc.ReplaceSubstringOptions(r"[\s|;]+", "  ")
    )
    lone = rf" {_NUMBER}(?: |$)"
    count = compute(
        "count_substring_regex", spaced, options=pc.MatchSubstringOptions(lone)
    ).to_numpy()
    if (count != 1).any():
        at = int(np.flatnonzero(count != 1)[0])
        problem = "no value" if count[at] == 0 else "more than one number"
        raise InputError(
            f"{name}, line {places[at]}: there is {problem} in the header "
            f"{shown('>' + headers[at].as_py())}; {_ACCEPTED}"
        )
    return {"value": _captured(spaced, rf" (?P<cell>{_NUMBER})(?: |$)")}


def _captured(text: pa.Array, pattern: str) -> pa.Array:
    """Return what the group ``cell`` of ``pattern`` matches, empty where nothing does."""
    found = compute("extract_regex", text, options=pc.ExtractRegexOptions(pattern))
    return as_text(found.field("cell"))
