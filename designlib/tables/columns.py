"""Which column of a user's table means what."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator

__all__ = ["CANONICAL_COLUMNS", "AlphabetChoice", "TableColumns"]

AlphabetChoice: TypeAlias = Literal["auto", "dna", "rna", "protein"]
"""The alphabet that a user names, or ``auto`` to decide by the letters."""

CANONICAL_COLUMNS = ("design", "value", "spread", "replicates", "error", "weight")
"""The columns that every measured table has, in this order."""


class TableColumns(BaseModel):
    """Names of the columns to read; a name that is left out is guessed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
