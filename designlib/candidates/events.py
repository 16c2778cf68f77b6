"""Entries of a campaign's record: one Parquet file for each proposal and each set of results.

An entry is named after its number, its kind and its content, so that damage is seen and the same
content is never counted twice:

- ``proposed``: the candidate table of one round;
- ``measured``: measurements, one row per well or replicate, failed ones included.

Entries of earlier versions are migrated when they are read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from designlib.candidates.building import design_id
from designlib.candidates.columns import up_to_date
from designlib.notation import ALPHABETS
from designlib.types import InputError

LEDGER_VERSION = 5
"""Version 1 was a candidate table alone, as rounds published it before there was a record; in
version 2 measurements were of one objective; in version 3 candidates had no intervals and no
applicability; up to version 4 columns and validation models had former names."""

Kind = Literal["proposed", "measured"]

MEASUREMENT_COLUMNS: dict[str, pa.DataType] = {
    "candidate_id": pa.string(),
    "design": pa.string(),
    "plate": pa.string(),
    "well": pa.string(),
    "replicate": pa.int64(),
    "objective": pa.string(),
    "outcome": pa.string(),
    "value": pa.float64(),
    "error": pa.float64(),
    "note": pa.string(),
    "round": pa.int64(),
    "source": pa.string(),
    "source_row": pa.int64(),
}
"""Columns of a measured entry; ``outcome`` is measured or failed, ``round`` the one it followed.
``objective`` is the further value column that was measured, empty for the first one."""

_KEY = b"campaign_record"
_ORACLE = "oracle"


class Event(NamedTuple):
    """One entry of a record."""

    number: int
    """Place in the record, from 1."""
    kind: Kind
    round: int
    about: Mapping[str, Any]
    """What is known of all rows: the space and the units of a proposal, the source of results."""
    rows: pd.DataFrame
    sha256: str

    @property
    def by_oracle(self) -> bool:
        """Whether an oracle measured it, in a simulated campaign."""
        return self.about.get("by") == _ORACLE


def content_hash(content: bytes) -> str:
    """Return 16 hex digits of the SHA-256 of an entry's bytes."""
    return hashlib.sha256(content).hexdigest()[:16]


def event_bytes(kind: Kind, round_: int, about: Mapping[str, Any], table: pa.Table) -> bytes:
    """Return one entry as Parquet; the same rows and facts give the same bytes."""
    head = {"version": LEDGER_VERSION, "kind": kind, "round": round_, "about": dict(about)}
    kept = table.schema.metadata or {}
    table = table.replace_schema_metadata({**kept, _KEY: json.dumps(head, sort_keys=True).encode()})
    sink = pa.BufferOutputStream()
    pq.write_table(table.combine_chunks(), sink, compression="zstd", version="2.6")
    return sink.getvalue().to_pybytes()


def read_event(content: bytes, number: int, name: str) -> Event:
    """Return the entry that a Parquet file holds, brought up to the present version.

    Raises InputError for what is no entry, and for a version of a later release.
    """
    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as error:
        detail = str(error).splitlines()[0]
        raise InputError(
            f"{name}: not a readable entry of a campaign's record ({detail})"
        ) from None
    metadata = table.schema.metadata or {}
    head: dict[str, Any] = json.loads(metadata[_KEY]) if _KEY in metadata else {"version": 1}
    if head["version"] < LEDGER_VERSION:
        head, table = _migrated(head, table, name)
    elif head["version"] > LEDGER_VERSION:
        raise InputError(
            f"{name}: entry of version {head['version']}; this release reads up to "
            f"{LEDGER_VERSION}. Update the project"
        )
    rows = table.replace_schema_metadata(None).to_pandas()
    return Event(number, head["kind"], head["round"], head["about"], rows, content_hash(content))


def measurement_table(rows: pd.DataFrame) -> pa.Table:
    """Return measurements with exactly the columns of MEASUREMENT_COLUMNS."""
    arrays = [
        pa.array(rows[name], type=kind, from_pandas=True)
        for name, kind in MEASUREMENT_COLUMNS.items()
    ]
    return pa.Table.from_arrays(arrays, names=list(MEASUREMENT_COLUMNS))


def _migrated(head: dict[str, Any], table: pa.Table, name: str) -> tuple[dict[str, Any], pa.Table]:
    """Return head and table of an earlier version as they are written now.

    Columns that came later are empty, renamed ones have their present names, and measurements
    without an objective are of the first one.
    """
    if head["version"] == 1:
        head = _head_of_candidates(table, name)
    if head["kind"] == "proposed":
        about = {_FORMER.get(key, key): value for key, value in head["about"].items()}
        head, table = {**head, "about": about}, up_to_date(table)
    elif "objective" not in table.column_names:
        first = pa.array([""] * table.num_rows, pa.string())
        table = table.add_column(list(MEASUREMENT_COLUMNS).index("objective"), "objective", first)
    return {**head, "version": LEDGER_VERSION}, table


_FORMER = {"scorers": "validation_models"}


def _head_of_candidates(table: pa.Table, name: str) -> dict[str, Any]:
    """Return the head of a candidate table, which has all of it but the alphabet."""
    metadata = table.schema.metadata or {}
    if b"schema_version" not in metadata or table.num_rows == 0:
        raise InputError(f"{name}: neither an entry of a record nor a candidate table")
    design, candidate = table["design"][0].as_py(), table["candidate_id"][0].as_py()
    # The alphabet decides the ids.
    alphabet = next((a for a in ALPHABETS.values() if design_id(design, a) == candidate), None)
    about = {
        "alphabet": alphabet.name if alphabet else None,
        "length": len(design),
        "both_strands": False,
        "value_name": metadata[b"value_name"].decode(),
        "units": metadata[b"value_units"].decode(),
        "maximise": metadata[b"direction"] == b"maximise",
        "simulated": table["true_value"].null_count < table.num_rows,
        "round_key": table["round_key"][0].as_py(),
    }
    return {"kind": "proposed", "round": table["round"][0].as_py(), "about": about}
