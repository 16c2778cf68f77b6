"""The record of a campaign: what was proposed and what came back, in the order it happened.

The record is a sequence of entries that only grows. An entry is a Parquet file named after its
number, its kind and its content, so that damage is seen and the same content is never counted
twice:

- ``proposed``: the candidate table of one round;
- ``measured``: measurements, one row per well or replicate, failed ones included.

What is true now follows from the entries by three rules. A proposal of round k replaces earlier
proposals of rounds k and later, unless one of their candidates was measured in the meantime; it
also takes back what an oracle had measured for those rounds. A later measurement of the same
design, plate, well and replicate corrects an earlier one. A candidate is pending from its proposal
until a value or a failure is known.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float64

from designlib.alphabets import ALPHABETS
from designlib.candidates import design_id, with_all_columns
from designlib.types import InputError

__all__ = [
    "MEASUREMENT_COLUMNS",
    "RECORD_VERSION",
    "Entry",
    "Kind",
    "Record",
    "content_hash",
    "entry_bytes",
    "measurement_table",
    "read_entry",
]

RECORD_VERSION = 4
"""Version 1 was a candidate table alone, as rounds published it before there was a record; in
version 2 measurements were of one objective; in version 3 candidates had no intervals and no
applicability."""

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

IDENTITY = ["candidate_id", "plate", "well", "replicate", "objective"]
"""What makes two rows the same measurement."""

_KEY = b"campaign_record"
_ORACLE = "oracle"


class Entry(NamedTuple):
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


def entry_bytes(kind: Kind, round_: int, about: Mapping[str, Any], table: pa.Table) -> bytes:
    """Return one entry as Parquet; the same rows and facts give the same bytes."""
    head = {"version": RECORD_VERSION, "kind": kind, "round": round_, "about": dict(about)}
    kept = table.schema.metadata or {}
    table = table.replace_schema_metadata({**kept, _KEY: json.dumps(head, sort_keys=True).encode()})
    sink = pa.BufferOutputStream()
    pq.write_table(table.combine_chunks(), sink, compression="zstd", version="2.6")
    return sink.getvalue().to_pybytes()


def read_entry(content: bytes, number: int, name: str) -> Entry:
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
    for version in range(head["version"], RECORD_VERSION):
        head, table = _MIGRATIONS[version](head, table, name)
    if head["version"] != RECORD_VERSION:
        raise InputError(
            f"{name}: entry of version {head['version']}; this release reads up to "
            f"{RECORD_VERSION}. Update the project"
        )
    rows = table.replace_schema_metadata(None).to_pandas()
    return Entry(number, head["kind"], head["round"], head["about"], rows, content_hash(content))


def measurement_table(rows: pd.DataFrame) -> pa.Table:
    """Return measurements with exactly the columns of MEASUREMENT_COLUMNS."""
    arrays = [
        pa.array(rows[name], type=kind, from_pandas=True)
        for name, kind in MEASUREMENT_COLUMNS.items()
    ]
    return pa.Table.from_arrays(arrays, names=list(MEASUREMENT_COLUMNS))


_Migrated = tuple[dict[str, Any], pa.Table]


def _from_candidate_table(head: dict[str, Any], table: pa.Table, name: str) -> _Migrated:
    """Version 1 to 2: a candidate table says all but the alphabet, which its ids tell."""
    metadata = table.schema.metadata or {}
    if b"schema_version" not in metadata or table.num_rows == 0:
        raise InputError(f"{name}: neither an entry of a record nor a candidate table")
    design, candidate = table["design"][0].as_py(), table["candidate_id"][0].as_py()
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
    told = {"version": 2, "kind": "proposed", "round": table["round"][0].as_py(), "about": about}
    return {**head, **told}, table


def _of_one_objective(head: dict[str, Any], table: pa.Table, name: str) -> _Migrated:
    """Version 2 to 3: what was measured was the first objective."""
    del name
    if head["kind"] == "measured":
        first = pa.array([""] * table.num_rows, pa.string())
        place = list(MEASUREMENT_COLUMNS).index("objective")
        table = table.add_column(place, "objective", first)
    return {**head, "version": 3}, table


def _of_candidates_with_confidence(head: dict[str, Any], table: pa.Table, name: str) -> _Migrated:
    """Version 3 to 4: nothing is known of intervals and applicability of earlier candidates."""
    del name
    if head["kind"] == "proposed":
        table = with_all_columns(table)
    return {**head, "version": 4}, table


_MIGRATIONS: dict[int, Callable[[dict[str, Any], pa.Table, str], _Migrated]] = {
    1: _from_candidate_table,
    2: _of_one_objective,
    3: _of_candidates_with_confidence,
}


@dataclass(frozen=True, eq=False)
class Record:
    """A campaign's entries, oldest first, and what follows from them."""

    entries: tuple[Entry, ...] = ()

    @cached_property
    def current(self) -> tuple[Entry, ...]:
        """The entries without those that a later proposal replaced."""
        by_people = [e for e in self.entries if e.kind == "measured" and not e.by_oracle]
        answered = {cid for entry in by_people for cid in entry.rows["candidate_id"]}
        kept: list[Entry] = []
        for entry in self.entries:
            if entry.kind == "proposed":
                kept = [e for e in kept if not _replaces(entry, e, answered)]
            kept.append(entry)
        return tuple(kept)

    @property
    def proposals(self) -> list[Entry]:
        """The proposals that count, oldest first."""
        return [entry for entry in self.current if entry.kind == "proposed"]

    @property
    def rounds(self) -> int:
        """The latest round that was proposed; 0 before the first."""
        return max((entry.round for entry in self.proposals), default=0)

    @property
    def has_news(self) -> bool:
        """Whether there are measurements that the latest proposal did not know."""
        known = _known(self.proposals[-1]) if self.proposals else 0
        return any(e.kind == "measured" and e.number > known for e in self.current)

    def known_before(self, round_: int) -> int:
        """Return how many entries a round knew when it was first proposed; all that are here if
        it was not yet.
        """
        first = next((e for e in self.proposals if e.round == round_), None)
        return len(self.entries) if first is None else _known(first)

    def first(self, entries: int) -> Record:
        """Return the record as it was with its first so many entries, without what was replaced."""
        return Record(tuple(e for e in self.current if e.number <= entries))

    @cached_property
    def measurements(self) -> pd.DataFrame:
        """One row per measurement, as last corrected, sorted by what identifies it."""
        found = [e.rows.assign(entry=e.number) for e in self.current if e.kind == "measured"]
        if not found:
            return pd.DataFrame(columns=pd.Index([*MEASUREMENT_COLUMNS, "entry"]))
        rows = pd.concat(found, ignore_index=True)
        return (
            rows.drop_duplicates(IDENTITY, keep="last").sort_values(IDENTITY).reset_index(drop=True)
        )

    def results(self) -> pd.DataFrame:
        """Return one row per measured design: value, spread, replicates, error and round.

        Replicates are averaged, by inverse variance where each has an error; ``round`` is the one
        after which the design was first measured. Further objectives follow under their own names,
        NaN where they were not measured.
        """
        rows = self.measurements
        rows = rows[rows["outcome"] == "measured"]
        results = _summaries(rows[rows["objective"] == ""])
        for objective, group in rows[rows["objective"] != ""].groupby("objective"):
            means = _summaries(group).set_index("design")["value"]
            results[str(objective)] = results["design"].map(means).astype(float)
        return results

    @property
    def objectives(self) -> list[dict[str, Any]]:
        """All objectives as the latest proposal has them, the first one first: ``name``, of which
        the first has its value's, ``maximise``, and ``reference``, from where hypervolumes count.
        """
        return list(self.proposals[-1].about.get("objectives", ())) if self.proposals else []

    def candidates(self) -> pd.DataFrame:
        """Return all candidates that count, with state and measured value as they are now."""
        found = [entry.rows for entry in self.proposals]
        if not found:
            return pd.DataFrame({"candidate_id": [], "design": [], "round": [], "status": []})
        # A design proposed again later counts where it was proposed last.
        rows = pd.concat(found, ignore_index=True).drop_duplicates("candidate_id", keep="last")
        told = self.measurements
        told = told[told["objective"] == ""]
        # One good replicate is a measurement, however many failed beside it.
        good = (told["outcome"] == "measured").groupby(told["candidate_id"]).any()
        outcome = {name: "measured" if some else "failed" for name, some in good.items()}
        told = zip(rows["candidate_id"], rows["status"], strict=True)
        status = [str(outcome.get(candidate, was)) for candidate, was in told]
        results = self.results().set_index("design").reindex(rows["design"])
        rows = rows.assign(
            status=status,
            measured_value=results["value"].to_numpy(dtype=float),
            measured_error=results["error"].to_numpy(dtype=float),
            **{
                f"measured_{name}": results[name].to_numpy(dtype=float)
                if name in results
                else np.nan
                for name in (objective["name"] for objective in self.objectives[1:])
            },
        )
        return rows.reset_index(drop=True)

    def pending(self) -> list[str]:
        """Return the designs that wait for a measurement, sorted."""
        rows = self.candidates()
        return sorted(rows.loc[rows["status"].isin(["proposed", "ordered"]), "design"])

    def overview(self) -> pd.DataFrame:
        """Return one row per round: how many were proposed, measured, failed, and how good.

        Columns: round, proposed, measured, failed, pending, best, median, predicted_median (of
        those measured). ``best`` goes by what the campaign wants, large values or small ones.
        """
        candidates = self.candidates()
        best = "max" if not self.proposals or self.proposals[-1].about["maximise"] else "min"
        rows = []
        for number, batch in candidates.groupby("round"):
            known = batch[batch["status"] == "measured"]
            counts = batch["status"].value_counts()
            rows.append(
                {
                    "round": number,
                    "proposed": len(batch),
                    "measured": len(known),
                    "failed": int(counts.get("failed", 0)),
                    "pending": int(counts.get("proposed", 0) + counts.get("ordered", 0)),
                    "best": known["measured_value"].agg(best) if len(known) else np.nan,
                    "median": known["measured_value"].median(),
                    "predicted_median": known["predicted_mean"].median(),
                }
            )
        return pd.DataFrame(rows)

    @cached_property
    def design_of(self) -> dict[str, str]:
        """The design of every candidate id that was ever proposed."""
        frames = [entry.rows for entry in self.entries if entry.kind == "proposed"]
        pairs = [frame[["candidate_id", "design"]].to_numpy().tolist() for frame in frames]
        return {candidate: design for frame in pairs for candidate, design in frame}

    @cached_property
    def wells(self) -> dict[tuple[str, str], str]:
        """The design in each plate and well that was laid out."""
        return {
            (plate, well): design
            for entry in self.entries
            for plate, well, design in entry.about.get("wells", ())
        }

    @property
    def plate_size(self) -> int:
        """Wells of the campaign's plates; the largest that there are where it has none."""
        return next((e.about["plate_size"] for e in reversed(self.entries)
                     if "plate_size" in e.about), 384)  # fmt: skip

    def find(self, candidate: str) -> pd.DataFrame:
        """Return every proposal of a candidate id, replaced ones too, oldest first."""
        found = [e.rows[e.rows["candidate_id"] == candidate] for e in self.entries
                 if e.kind == "proposed"]  # fmt: skip
        return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _known(proposal: Entry) -> int:
    # Results may be imported while a round is being computed; it has not learned from those.
    return proposal.about.get("known", proposal.number - 1)


def _replaces(new: Entry, old: Entry, answered: set[str]) -> bool:
    if old.round < new.round:
        return False
    if old.kind == "measured":
        return old.by_oracle
    return not answered & set(old.rows["candidate_id"])


def _summaries(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per design, sorted; a hundred thousand take seconds."""
    rows = rows.sort_values("design", kind="stable")
    firsts = np.flatnonzero(~rows["design"].duplicated())
    numbers = [rows[name].to_numpy(np.float64) for name in ("value", "error", "round")]
    groups = zip(*(np.split(column, firsts[1:]) for column in numbers), strict=True)
    # Of no rows, np.split makes one empty group.
    summaries = [
        _summary(design, *group)
        for design, group in zip(rows["design"].iloc[firsts], groups, strict=False)
    ]
    columns = ["design", "value", "spread", "replicates", "error", "round"]
    return pd.DataFrame(summaries, columns=pd.Index(columns))


def _summary(
    design: str,
    values: Float64[np.ndarray, " rows"],
    errors: Float64[np.ndarray, " rows"],
    rounds: Float64[np.ndarray, " rows"],
) -> dict[str, Any]:
    known = bool(np.isfinite(errors).all() and (errors > 0).all())
    shares = (errors.min() / errors) ** 2 if known else np.ones(len(values))
    shares = shares / shares.sum()
    return {
        "design": design,
        # Written from the first value, so that equal replicates average to exactly that value.
        "value": float(values[0] + (shares * (values - values[0])).sum()),
        "spread": float(values.std(ddof=1)) if len(values) > 1 else np.nan,
        "replicates": len(values),
        "error": float(np.sqrt((shares**2 * errors**2).sum())) if known else np.nan,
        "round": int(rounds.min()),
    }
