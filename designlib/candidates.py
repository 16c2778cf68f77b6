"""The candidate table: one versioned schema, content-hash ids, byte-identical Parquet.

A table holds one batch of one round, in rank order. Nothing that differs between
two runs of the same configuration, seed and data (a time, a host, a run id) may go
into it; ``round_key`` is what the tracking server's run carries to find its table.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from designlib.scoring import changes, edits
from designlib.spaces import Alphabet, MixedSpace, SimplexSpace
from designlib.types import InputError

__all__ = [
    "COLUMNS",
    "SCHEMA_VERSION",
    "Column",
    "Provenance",
    "build_table",
    "describe_columns",
    "design_id",
    "read_candidates",
    "readable",
    "to_csv_bytes",
    "to_parquet_bytes",
]

SCHEMA_VERSION = 1

_VALUE = "value"  # stands for the unit of the measured value
_DISTANCE = "distance"  # stands for that of distances between designs
_WORDS = {
    "role": ("exploit", "explore", "control", "replicate"),
    "start": ("random", "elite"),
    "status": ("proposed", "ordered", "measured", "failed"),
}


class Column(NamedTuple):
    """One column of the candidate table."""

    name: str
    type: pa.DataType
    required: bool
    """Whether every candidate has it; the others may be empty."""
    unit: str
    """Empty for what has none."""
    description: str


@dataclass(frozen=True)
class Provenance:
    """What all candidates of one batch share."""

    campaign: str
    round: int
    seed: int
    predictor_hash: str
    dataset_hash: str
    config_hash: str
    round_key: str
    """Content hash of the round; the tracking server's run carries the same as a tag."""
    value_name: str
    """What was measured, for example ``E-score``."""
    value_units: str
    maximise: bool
    """Whether large values are wanted."""
    distance_units: str = "letters"
    """What distances between designs are counted in."""
    variable_units: Mapping[str, str] = field(default_factory=dict)
    """Unit of each ``quantity_<name>`` column."""


_TEXT, _WHOLE, _REAL, _FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()

COLUMNS = (
    Column("candidate_id", _TEXT, True, "", "Id of the design: the same sequence always has it."),
    Column("campaign", _TEXT, True, "", "Campaign that proposes the design."),
    Column("round", _WHOLE, True, "", "Round of the campaign."),
    Column("rank", _WHOLE, True, "", "Place in the batch by acquisition; 1 is the best."),
    Column("design", _TEXT, True, "", "The sequence or composition to be made."),
    Column("predicted_mean", _REAL, True, _VALUE, "Predicted value: mean of the ensemble."),
    Column(
        "predicted_spread", _REAL, True, _VALUE,
        "Standard deviation of the predictions of the ensemble's members.",
    ),
    Column(
        "heldout_score", _REAL, False, _VALUE,
        "Prediction of a second predictor, trained on other data and not used by the sampler.",
    ),
    Column(
        "acquisition", _REAL, True, _VALUE,
        "What the batch is ranked by, more is better; by default prediction less some spreads.",
    ),
    Column("parent_id", _TEXT, False, "", "Id of the measured design that the chain started from."),
    Column("parent_design", _TEXT, False, "", "That design; empty for a random start."),
    Column(
        "edits", _TEXT, False, "",
        "Changes from the parent; 12A>G is A to G at position 12, Fe 0.5>0.4 a share.",
    ),
    Column("n_edits", _WHOLE, False, "", "Number of changes from the parent."),
    Column("nearest_measured_id", _TEXT, True, "", "Id of the most similar measured design."),
    Column("nearest_measured", _TEXT, True, "", "The most similar measured design."),
    Column(
        "distance_to_measured", _WHOLE, True, _DISTANCE,
        "Distance to the most similar measured design: letters that differ, or steps that have to "
        "be moved between components.",
    ),
    Column(
        "cluster", _WHOLE, True, "",
        "Group of similar candidates of this batch; 1 holds the best candidate.",
    ),
    Column("feasible", _FLAG, True, "", "Whether every constraint is met."),
    Column(
        "role", _TEXT, True, "",
        "Why it is in the batch: exploit, explore, control or replicate.",
    ),
    Column("chain", _WHOLE, False, "", "Markov chain that found the design."),
    Column("rung", _WHOLE, False, "", "Rung of the ladder, from 0, at which it was found."),
    Column("step", _WHOLE, False, "training steps", "Training step of that rung's checkpoint."),
    Column("sampler", _TEXT, False, "", "Sampling method."),
    Column(
        "start", _TEXT, False, "",
        "Where the chain began: at a random sequence or at an elite, a good measured design.",
    ),
    Column("predictor_hash", _TEXT, True, "", "Content hash of the predictor."),
    Column("dataset_hash", _TEXT, True, "", "Content hash of the measured table."),
    Column("config_hash", _TEXT, True, "", "Content hash of the configuration."),
    Column("round_key", _TEXT, True, "", "Content hash of the round; a tag of its tracking run."),
    Column("seed", _WHOLE, True, "", "Seed of the campaign."),
    Column("status", _TEXT, True, "", "State: proposed, ordered, measured or failed."),
    Column("plate", _TEXT, False, "", "Plate, once laid out."),
    Column("well", _TEXT, False, "", "Well of the plate, such as B7, once laid out."),
    Column("measured_value", _REAL, False, _VALUE, "Measured value, once known."),
    Column("measured_error", _REAL, False, _VALUE, "Standard error of the measured value."),
    Column(
        "true_value", _REAL, False, _VALUE,
        "Value held by an oracle; known only in a simulated campaign and never used to choose.",
    ),
    Column(
        "true_percentile", _REAL, False, "%",
        "Place of the true value among those of all possible designs; 100 is the best.",
    ),
)  # fmt: skip
"""The fixed columns; ``component_<name>``, ``quantity_<name>``, ``choice_<name>``,
``objective_<name>`` and ``constraint_<name>`` follow."""

_PREFIXES = {
    "component_": (_REAL, "%", "Amount of {}; the components of a design sum to 100 %."),
    "quantity_": (_REAL, "", "Value that {} is set to."),
    "choice_": (_TEXT, "", "Option that is chosen as {}."),
    "objective_": (_REAL, _VALUE, "Predicted value of the further objective {}."),
    "constraint_": (_TEXT, "", "Verdict on the constraint {}: ok, or what is broken."),
}
_OF_DESIGNS = ("component_", "quantity_", "choice_")
_USUAL = {"role": "exploit", "status": "proposed"}
_DERIVED = ("candidate_id", "parent_id", "edits", "n_edits", "nearest_measured_id", "feasible")
_READABLE = (
    "rank",
    "candidate_id",
    "design",
    "predicted_mean",
    "predicted_spread",
    "heldout_score",
    "acquisition",
    "distance_to_measured",
    "nearest_measured",
    "edits",
    "cluster",
    "feasible",
    "role",
    "status",
)
_READABLE_IF_KNOWN = ("measured_value", "true_value", "true_percentile")


def design_id(design: str, kind: Alphabet | SimplexSpace | MixedSpace) -> str:
    """Return the id of a design: a hash of its text and the name of its kind.

    >>> from designlib.spaces import DNA
    >>> design_id("ACGT", DNA)
    'c-3bbe8ef5a8af'
    """
    content = f"{kind.name}\x1f{design}".encode()
    return "c-" + hashlib.blake2b(content, digest_size=6).hexdigest()


def build_table(
    frame: pd.DataFrame, kind: Alphabet | SimplexSpace | MixedSpace, provenance: Provenance
) -> pa.Table:
    """Return the candidate table of one batch, in rank order.

    ``frame`` has one row per candidate with the columns of ``COLUMNS`` that are
    neither in ``Provenance`` nor derived here (the ids, the edits and ``feasible``),
    plus any ``objective_<name>`` and ``constraint_<name>``. A column that is not
    required may be left out; ``role`` and ``status`` default to "exploit" and
    "proposed". Columns of other names are ignored.

    Raises InputError for a missing column, an empty cell or NaN where a value is
    required, an infinite number, an unknown word, ranks that are not 1..n, and a
    design that occurs twice.
    """
    known = {column.name for column in COLUMNS}
    shared = {name: value for name, value in vars(provenance).items() if name in known}
    usual = {n: word for n, word in _USUAL.items() if n not in frame.columns}
    data = frame.assign(**shared, **usual)
    needed = [c.name for c in COLUMNS if c.required and c.name not in _DERIVED]
    missing = [name for name in needed if name not in data.columns]
    if missing:
        raise InputError(f"the candidates lack the columns {', '.join(missing)}")
    _check_ranks(data)
    data = data.sort_values("rank", kind="stable").reset_index(drop=True)
    extra = sorted((n for n in frame.columns if n.startswith(tuple(_PREFIXES))), key=_place)
    columns = [*COLUMNS, *(_extra_column(name) for name in extra)]
    cells = {c.name: _cells(data, c) for c in columns if c.name not in _DERIVED}
    cells |= _derive(cells, kind)
    _check_unique(cells)
    arrays = [_array(cells[column.name], column) for column in columns]
    return pa.Table.from_arrays(arrays, schema=_schema(columns, provenance))


def to_parquet_bytes(table: pa.Table) -> bytes:
    """Return the table as Parquet, the same bytes for the same candidates in any row order."""
    sink = io.BytesIO()
    pq.write_table(_ranked(table), sink, compression="zstd", version="2.6", store_schema=True)
    return sink.getvalue()


def to_csv_bytes(table: pa.Table) -> bytes:
    """Return the table as UTF-8 CSV with a header, in rank order, numbers in full precision."""
    frame = _ranked(table).to_pandas(types_mapper=pd.ArrowDtype)
    return frame.to_csv(index=False, lineterminator="\n").encode()


def read_candidates(content: bytes) -> pa.Table:
    """Return the candidate table held by a Parquet file.

    Raises InputError when it is not Parquet, not a candidate table, of another schema
    version, or when a column is missing or of another type.
    """
    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"the candidate table cannot be read as Parquet: {error}") from error
    stated = (table.schema.metadata or {}).get(b"schema_version")
    if stated is None:
        raise InputError("this Parquet file is not a candidate table: it states no schema_version")
    if stated != str(SCHEMA_VERSION).encode():
        raise InputError(
            f"the candidate table has schema version {stated.decode(errors='replace')}; this "
            f"library reads version {SCHEMA_VERSION}"
        )
    for column in COLUMNS:
        if column.name not in table.column_names:
            raise InputError(f"the candidate table lacks the column {column.name}")
        found = table.schema.field(column.name).type
        if found != column.type:
            raise InputError(
                f"column {column.name} of the candidate table holds {found}; {column.type} expected"
            )
    return table


def readable(table: pa.Table) -> pd.DataFrame:
    """Return the columns that a person reads first, in rank order, numbers to four digits.

    Measured and true values are there when at least one is known. Unknown texts are
    empty; unknown numbers are NaN.
    """
    ranked = _ranked(table)
    amounts = [name for name in ranked.column_names if name.startswith(_OF_DESIGNS)]
    place = _READABLE.index("design") + 1
    names = [*_READABLE[:place], *amounts, *_READABLE[place:]]
    names += [name for name in _READABLE_IF_KNOWN if ranked[name].null_count < len(ranked)]
    frame = ranked.select(names).to_pandas()
    for name in names:
        if pa.types.is_floating(ranked.schema.field(name).type):
            frame[name] = [float(f"{value:.4g}") for value in frame[name]]
        elif pa.types.is_string(ranked.schema.field(name).type):
            frame[name] = frame[name].fillna("")
    return frame


def describe_columns(table: pa.Table) -> list[tuple[str, str, str]]:
    """Return (name, unit, description) of every column of the table, as stored in it."""
    return [
        (
            field.name,
            (field.metadata or {}).get(b"unit", b"").decode(),
            (field.metadata or {}).get(b"description", b"").decode(),
        )
        for field in table.schema
    ]


def _place(name: str) -> tuple[int, str]:
    """Sort key: components and variables in their own order, the others by name."""
    kind = list(_PREFIXES).index(next(p for p in _PREFIXES if name.startswith(p)))
    return kind, "" if name.startswith(_OF_DESIGNS) else name


def _extra_column(name: str) -> Column:
    prefix = next(prefix for prefix in _PREFIXES if name.startswith(prefix))
    kind, unit, description = _PREFIXES[prefix]
    return Column(name, kind, True, unit, description.format(name.removeprefix(prefix)))


def _derive(
    cells: dict[str, list[Any]], kind: Alphabet | SimplexSpace | MixedSpace
) -> dict[str, list[Any]]:
    """Return the columns that follow from the designs and the verdicts."""
    parents = [parent or None for parent in cells["parent_design"]]
    pairs = zip(parents, cells["design"], strict=True)
    compare = edits if isinstance(kind, Alphabet) else changes
    changed = [compare(parent, design) if parent else None for parent, design in pairs]
    verdicts = [values for name, values in cells.items() if name.startswith("constraint_")]
    return {
        "candidate_id": [design_id(design, kind) for design in cells["design"]],
        "parent_design": parents,
        "parent_id": [parent and design_id(parent, kind) for parent in parents],
        "edits": [change and change.text for change in changed],
        "n_edits": [change and change.number for change in changed],
        "nearest_measured_id": [design_id(d, kind) for d in cells["nearest_measured"]],
        "feasible": [
            all(values[row] == "ok" for values in verdicts) for row in range(len(changed))
        ],
    }


def _check_ranks(data: pd.DataFrame) -> None:
    ranks = sorted(data["rank"].tolist())
    if ranks != list(range(1, len(data) + 1)):
        raise InputError(
            f"ranks of {len(data)} candidates must be 1 to {len(data)}, each once; "
            f"they start {ranks[:5]} and end {ranks[-5:]}"
        )


def _check_unique(cells: dict[str, list[Any]]) -> None:
    first: dict[str, int] = {}
    for row, candidate in enumerate(cells["candidate_id"]):
        if first.setdefault(candidate, row) != row:
            designs = cells["design"]
            raise InputError(
                f"the candidates of rank {first[candidate] + 1} ({designs[first[candidate]]}) and "
                f"{row + 1} ({designs[row]}) have the same id"
            )


def _cells(data: pd.DataFrame, column: Column) -> list[Any]:
    """Return one column's values by rank, None where unknown; all that is wrong raises."""
    given = data[column.name].tolist() if column.name in data else [None] * len(data)
    values = [None if _unknown(value) else value for value in given]
    for rank, value in enumerate(values, start=1):
        wrong = _what_is_wrong(value, column)
        if wrong:
            raise InputError(f"column {column.name} of the candidate of rank {rank} {wrong}")
    return values


def _what_is_wrong(value: object, column: Column) -> str:
    if value is None or value == "":
        return "is empty or NaN; every candidate needs one" if column.required else ""
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value}; a finite number is needed"
    if isinstance(value, float) and pa.types.is_integer(column.type) and not value.is_integer():
        return f"is {value}; a whole number is needed"
    words = _WORDS.get(column.name)
    if words and value not in words:
        return f"is {value!r}; it must be one of {', '.join(words)}"
    return ""


def _unknown(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def _array(values: list[Any], column: Column) -> pa.Array:
    try:
        return pa.array(values, type=column.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(f"column {column.name} must hold {column.type}: {error}") from error


def _schema(columns: Sequence[Column], provenance: Provenance) -> pa.Schema:
    fields = [
        pa.field(
            column.name,
            column.type,
            nullable=not column.required,
            metadata={
                "description": column.description,
                "unit": {
                    _VALUE: provenance.value_units,
                    _DISTANCE: provenance.distance_units,
                }.get(column.unit, provenance.variable_units.get(column.name, column.unit)),
            },
        )
        for column in columns
    ]
    metadata = {
        "schema_version": str(SCHEMA_VERSION),
        "value_name": provenance.value_name,
        "value_units": provenance.value_units,
        "direction": "maximise" if provenance.maximise else "minimise",
    }
    return pa.schema(fields, metadata=metadata)


def _ranked(table: pa.Table) -> pa.Table:
    """Return the rows in rank order as one chunk, since chunks decide Parquet's layout."""
    return table.sort_by("rank").combine_chunks()
