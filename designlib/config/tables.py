"""How a measured table is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from designlib.config.base import Config
from designlib.notation import Choice, Quantity

AlphabetChoice: TypeAlias = Literal["auto", "dna", "rna", "protein"]
"""The alphabet that a user names, or ``auto`` to decide by the letters."""

Direction: TypeAlias = Literal["maximise", "minimise"]
"""Which values of an objective are wanted."""

Transform: TypeAlias = Literal["none", "log"]
"""The scale on which a predictor learns: that of the measurement, or its natural logarithm."""

TruthKind: TypeAlias = Literal["table", "nearest", "forest"]
"""What answers for a design: its row of a table, the nearest row, or a forest trained on all."""

CANONICAL_COLUMNS = ("design", "value", "spread", "replicates", "error", "weight")
"""The columns that every measured table has, in this order."""

_GRID_TOLERANCE = 1e-6


class TableColumns(Config):
    """Which column means what; what is left empty is guessed and reported."""

    design: str | None = Field(
        default=None,
        description="Column of the sequences, or of chemical formulas such as Ba0.4K0.6Fe2As2. "
        "Empty: guessed.",
    )
    values: tuple[str, ...] = Field(
        default=(),
        description="Columns of measured values; the first is the objective, the others are kept "
        "beside it. Empty: guessed.",
    )
    error: str | None = Field(
        default=None,
        description="Column of the standard error of each measurement of the objective; "
        "replicates are then averaged with inverse-variance weights. Empty: guessed by name.",
    )
    weight: str | None = Field(
        default=None,
        description="Column of the weight of each measurement; replicates are then averaged with "
        "these weights. Empty: guessed by name, for sequences.",
    )

    @field_validator("design", "error", "weight", mode="before")
    @classmethod
    def _blank_is_none(cls, value: object) -> object:
        """A web form submits a cleared text field as an empty text."""
        return (value.strip() or None) if isinstance(value, str) else value

    @field_validator("values")
    @classmethod
    def _values_can_be_kept(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(name.strip() for name in values if name.strip())
        if len(set(names)) < len(names):
            raise ValueError(f"a value column is named twice: {', '.join(names)}")
        taken = [name for name in names[1:] if name in CANONICAL_COLUMNS]
        if taken:
            raise ValueError(
                f"a further value column cannot be called {taken[0]!r}, which has a meaning of its "
                f"own in the measured table; rename it in the file"
            )
        return names


class CompositionReading(Config):
    """How compositions and processing variables are written, and in which steps they are made."""

    components: tuple[str, ...] = Field(
        default=(),
        title="Component columns",
        description="Columns of the amount of one component each, instead of formulas; their names "
        "become those of the components.",
    )
    quantities: tuple[Quantity, ...] = Field(
        default=(),
        description="Processing variables that are numbers, such as a temperature, beside the "
        "composition or without one.",
    )
    choices: tuple[Choice, ...] = Field(
        default=(),
        description="Processing variables that are one of some options, such as a solvent.",
    )
    amounts: Literal["fractions", "percent", "any"] = Field(
        default="fractions",
        description="What the component columns of a row sum to, to one part in a thousand: 1 for "
        "fractions, 100 for percent. any: each row is divided by its sum, as formulas always are.",
    )
    step: float = Field(
        default=1.0,
        ge=0.01,
        le=50,
        description="Smallest step in which compositions are weighed out, in %. Designs are whole "
        "steps; measured compositions are rounded to it, and those that then agree are replicates.",
    )
    not_reported: float | None = Field(
        default=None,
        ge=-1e30,
        le=1e30,
        description="Value that stands for no measurement, in the unit of the objective; such rows "
        "are left out and counted.",
    )
    skip_unreadable: bool = Field(
        default=False,
        description="Leave out formulas that cannot be read, and count them, instead of stopping "
        "at the first.",
    )

    @model_validator(mode="before")
    @classmethod
    def _normalise_is_any(cls, values: Any) -> Any:
        """Release 0.1 had a switch ``normalise`` beside ``amounts``."""
        if isinstance(values, Mapping) and "normalise" in values:
            kept = {name: value for name, value in values.items() if name != "normalise"}
            return {**kept, "amounts": "any"} if values["normalise"] else kept
        return values

    @field_validator("step")
    @classmethod
    def _steps_make_up_the_whole(cls, step: float) -> float:
        if abs(100 / step - round(100 / step)) > _GRID_TOLERANCE:
            raise ValueError(
                f"steps of {step:g} % cannot make up 100 %; 1, 2, 5, 10 or any other number that "
                "divides 100 is accepted"
            )
        return step

    @property
    def parts(self) -> int:
        """Steps in the whole."""
        return round(100 / self.step)


class TableReading(Config):
    """How a measured table is read, and which of its values are wanted."""

    renamed: ClassVar[Mapping[str, str]] = {
        "objective": "direction",
        "units": "unit",
        "reading": "compositions",
    }

    columns: TableColumns = TableColumns()
    compositions: CompositionReading | None = Field(
        default=None,
        description="How compositions and processing variables are read. Empty: the designs are "
        "sequences.",
    )
    alphabet: AlphabetChoice = Field(
        default="auto", description="auto: decided by the letters that occur."
    )
    both_strands: bool = Field(
        default=False,
        description="Whether a sequence and its reverse complement are the same molecule.",
    )
    direction: Direction = Field(
        default="maximise", description="Which values of the objective are wanted."
    )
    unit: str = Field(default="", description="Unit of the objective; empty for a pure number.")
    lowest: float | None = Field(
        default=None,
        ge=-1e30,
        le=1e30,
        title="Lowest possible",
        description="Smallest possible value, in this unit; results below it are imported with a "
        "warning. Empty: none.",
    )
    highest: float | None = Field(
        default=None,
        ge=-1e30,
        le=1e30,
        title="Highest possible",
        description="Largest possible value, in this unit; results above it are imported with a "
        "warning. Empty: none.",
    )
    transform: Transform = Field(
        default="none",
        description="log: predictors learn the logarithm of the values, which all have to be above "
        "zero. Reports are in the original unit.",
    )

    @model_validator(mode="before")
    @classmethod
    def _columns_of_compositions(cls, values: Any) -> Any:
        """Release 0.1 had the columns of compositions under ``reading``."""
        name = "reading" if isinstance(values, Mapping) and "reading" in values else "compositions"
        reading = values.get(name) if isinstance(values, Mapping) else None
        if not isinstance(reading, Mapping):
            return values
        former = {"formula": "design", "value": "values", "error": "error"}
        columns: dict[str, Any] = dict(values.get("columns", {}))
        for old, new in former.items():
            if reading.get(old) is not None:
                columns[new] = (reading[old],) if new == "values" else reading[old]
        kept = {key: value for key, value in reading.items() if key not in former}
        return {**values, name: kept, **({"columns": columns} if columns else {})}

    @model_validator(mode="after")
    def _settings_fit_the_designs(self) -> TableReading:
        if self.compositions is not None and (self.alphabet != "auto" or self.both_strands):
            raise ValueError("alphabet and both_strands are for sequences, not for compositions")
        return self

    @property
    def maximise(self) -> bool:
        """Whether large values of the objective are wanted."""
        return self.direction == "maximise"
