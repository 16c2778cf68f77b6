"""The schema of the candidate table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa

from designlib.selection import LEVEL

SCHEMA_VERSION = 3
"""Version 1 had no intervals and no applicability; up to version 2 columns had former names."""

_FORMER = {"predicted_spread": "predicted_std", "heldout_score": "validation_score"}
_FORMER_PREFIX, _PREFIX = "spread_", "std_"

_VALUE = "value"  # stands for the unit of the measured value
_DISTANCE = "distance"  # stands for that of distances between designs


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
        "predicted_std", _REAL, True, _VALUE,
        "Standard deviation of the predictions of the ensemble's members.",
    ),
    Column(
        "interval_low", _REAL, False, _VALUE,
        f"Lower end of the interval that holds {LEVEL:.0%} of the values of measured designs. Of "
        "candidates, which are chosen for their predictions, it may hold fewer.",
    ),
    Column("interval_high", _REAL, False, _VALUE, "Upper end of the same interval."),
    Column(
        "applicability", _REAL, False, "",
        "Share of measured designs, not learned from, that are at least as unusual to the "
        "predictors, by disagreement, features or checkpoints; below 0.05 they extrapolate.",
    ),
    Column(
        "feature_distance", _REAL, False, "standard deviations",
        "Distance to the nearest design that was learned from, in the last layer's features.",
    ),
    Column(
        "family_energy", _REAL, False, "",
        "How unusual the scores are that the checkpoints give it one after the other: half the "
        "squared Mahalanobis distance from those of the designs that were learned from.",
    ),
    Column(
        "validation_score", _REAL, False, _VALUE,
        "Prediction of the validation model, trained on other data and not used by the sampler.",
    ),
    Column(
        "acquisition", _REAL, True, _VALUE,
        "What the batch is ranked by, more is better; by default the prediction less a multiple of "
        "its standard deviation.",
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
``objective_<name>``, ``std_<name>`` and ``constraint_<name>`` follow."""

PREFIXES = {
    "component_": (_REAL, "%", "Amount of {}; the components of a design sum to 100 %."),
    "quantity_": (_REAL, "", "Value that {} is set to."),
    "choice_": (_TEXT, "", "Option that is chosen as {}."),
    "objective_": (_REAL, _VALUE, "Predicted value of the further objective {}."),
    "std_": (_REAL, _VALUE, "Standard deviation of the predictions of the objective {}."),
    "constraint_": (_TEXT, "", "Verdict on the constraint {}: ok, or what is broken."),
}
OF_DESIGNS = ("component_", "quantity_", "choice_")
"""Prefixes of what a design itself consists of."""


def place(name: str) -> tuple[int, str]:
    """Sort key: components and variables in their own order, the others by name."""
    kind = list(PREFIXES).index(next(p for p in PREFIXES if name.startswith(p)))
    return kind, "" if name.startswith(OF_DESIGNS) else name


def extra_column(name: str) -> Column:
    """Return the column of a name that begins with one of the prefixes."""
    prefix = next(prefix for prefix in PREFIXES if name.startswith(prefix))
    kind, unit, description = PREFIXES[prefix]
    return Column(name, kind, True, unit, description.format(name.removeprefix(prefix)))


def up_to_date(table: pa.Table) -> pa.Table:
    """Return a candidate table of an earlier version under present names, later columns empty.

    A column that every candidate must have cannot be added, and stays missing.
    """
    table = table.rename_columns([_present_name(name) for name in table.column_names])
    for place_, column in enumerate(COLUMNS):
        if column.name not in table.column_names and not column.required:
            field_ = pa.field(column.name, column.type)
            table = table.add_column(place_, field_, pa.nulls(table.num_rows, column.type))
    return table


def _present_name(name: str) -> str:
    if name.startswith(_FORMER_PREFIX):
        return _PREFIX + name.removeprefix(_FORMER_PREFIX)
    return _FORMER.get(name, name)


def table_schema(columns: Sequence[Column], provenance: Provenance) -> pa.Schema:
    """Return the schema of these columns, with what the batch shares as metadata."""
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
