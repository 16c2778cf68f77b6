"""How a measured table is read."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field, field_validator

from designlib.config.base import Config
from designlib.notation import Choice, Quantity

__all__ = [
    "CANONICAL_COLUMNS",
    "AlphabetChoice",
    "CompositionReading",
    "TableColumns",
    "Transform",
    "TruthKind",
]

AlphabetChoice: TypeAlias = Literal["auto", "dna", "rna", "protein"]
"""The alphabet that a user names, or ``auto`` to decide by the letters."""


_GRID_TOLERANCE = 1e-6

CANONICAL_COLUMNS = ("design", "value", "spread", "replicates", "error", "weight")
"""The columns that every measured table has, in this order."""


class TableColumns(Config):
    """Names of the columns to read; a name that is left out is guessed."""

    design: str | None = Field(
        default=None, description="Column that holds the sequences. Empty: guessed."
    )
    values: tuple[str, ...] = Field(
        default=(),
        description="Columns that hold measured values; the first is the objective, the others "
        "are kept beside it. Empty: guessed.",
    )
    error: str | None = Field(
        default=None,
        description="Column that holds the standard error of each measurement of the objective; "
        "replicates are then averaged with inverse-variance weights. Empty: guessed by name.",
    )
    weight: str | None = Field(
        default=None,
        description="Column that holds the weight of each measurement; replicates are then "
        "averaged with these weights. Empty: guessed by name.",
    )

    @field_validator("design", "error", "weight", mode="before")
    @classmethod
    def _blank_is_not_given(cls, value: object) -> object:
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
    """How the compositions of a table are written, and in which steps they are made."""

    formula: str | None = Field(
        default=None,
        title="Formula column",
        description="Column of chemical formulas such as Ba0.4K0.6Fe2As2. Empty: guessed, where "
        "neither component columns nor variables are given.",
    )
    components: tuple[str, ...] = Field(
        default=(),
        title="Component columns",
        description="Columns with the amount of one component each, instead of formulas; their "
        "names become those of the components.",
    )
    quantities: tuple[Quantity, ...] = Field(
        default=(),
        title="Quantities",
        description="Processing variables that are numbers, such as a temperature, beside the "
        "composition or without one.",
    )
    choices: tuple[Choice, ...] = Field(
        default=(),
        title="Choices",
        description="Processing variables that are one of some options, such as a solvent.",
    )
    value: str | None = Field(
        default=None, title="Value column", description="Column of the objective. Empty: guessed."
    )
    error: str | None = Field(
        default=None,
        title="Error column",
        description="Column of the standard error of each measurement. Empty: guessed by name.",
    )
    amounts: Literal["fractions", "percent"] = Field(
        default="fractions",
        title="Amounts",
        description="What the component columns of a row sum to, to one part in a thousand: 1 for "
        "fractions, 100 for percent.",
    )
    normalise: bool = Field(
        default=False,
        title="Normalise",
        description="Divide the component columns of each row by their sum, whatever it is. "
        "Formulas always are.",
    )
    step: float = Field(
        default=1.0,
        ge=0.01,
        le=50,
        title="Step",
        description="Smallest step in which compositions are weighed out, in %. Designs are whole "
        "steps; measured compositions are rounded to it, and those that then agree are replicates.",
    )
    not_reported: float | None = Field(
        default=None,
        ge=-1e30,
        le=1e30,
        title="Not reported",
        description="Value that stands for no measurement, in the unit of the value column; such "
        "rows are left out and counted.",
    )
    skip_unreadable: bool = Field(
        default=False,
        title="Skip unreadable",
        description="Leave out formulas that cannot be read, and count them, instead of stopping "
        "at the first.",
    )

    @field_validator("formula", "value", "error", mode="before")
    @classmethod
    def _blank_is_not_given(cls, value: object) -> object:
        """A web form submits a cleared text field as an empty text."""
        return (value.strip() or None) if isinstance(value, str) else value

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
    def has_composition(self) -> bool:
        """Whether there is a composition; without one there are only variables."""
        named = self.formula is not None or bool(self.components)
        return named or not (self.quantities or self.choices)

    @property
    def parts(self) -> int:
        """Steps in the whole."""
        return round(100 / self.step)


Transform = Literal["none", "log"]
"""The scale on which a predictor learns: that of the measurement, or its natural logarithm."""


TruthKind = Literal["table", "nearest", "forest"]
"""What answers for a design: its row of a table, the nearest row, or a forest trained on all."""
