"""Processing variables beside a composition: quantities with units, and choices."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

MOST_LEVELS = 1000
"""Most steps of a quantity that is set in steps; each is weighed when it moves."""

_RESOLUTION = 1000
"""A quantity without a step is written so finely that its range has at least so many values."""

_GRID_TOLERANCE = 1e-6

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^=,;]+$")]
"""A name that can be written in front of an equals sign."""


class Quantity(BaseModel):
    """A processing variable that is a number with a unit, such as a temperature."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = Field(
        title="Name",
        description="Column of the table, with or without its unit in brackets behind it.",
    )
    unit: str = Field(
        default="",
        title="Unit",
        description="Unit of the column, such as °C, min or nm; empty for a pure number.",
    )
    low: float = Field(
        ge=-1e30, le=1e30, title="Low", description="Smallest value there is, in this unit."
    )
    high: float = Field(
        ge=-1e30, le=1e30, title="High", description="Largest value there is, in this unit."
    )
    step: float | None = Field(
        default=None,
        gt=0,
        le=1e30,
        title="Step",
        description="Smallest step in which it is set, in this unit; measured values are rounded "
        "to it. Empty: any value, written to a thousandth of the range or finer.",
    )

    @model_validator(mode="after")
    def _has_values(self) -> Quantity:
        if not self.low < self.high:
            raise ValueError(
                f"{self.name} has limits {self.low:g} and {self.high:g}; the first must be smaller"
            )
        if self.step is None:
            return self
        steps = (self.high - self.low) / self.step
        if abs(steps - round(steps)) > _GRID_TOLERANCE * max(1.0, steps):
            raise ValueError(
                f"steps of {self.step:g} do not lead from {self.low:g} to {self.high:g}, the "
                f"limits of {self.name}"
            )
        if not 1 <= round(steps) < MOST_LEVELS:
            raise ValueError(
                f"{self.name} has {round(steps) + 1:,} values in steps of {self.step:g}; 2 to "
                f"{MOST_LEVELS:,} are accepted. Leave the step empty for any value"
            )
        return self

    @property
    def levels(self) -> tuple[float, ...]:
        """The values it can be set to; empty where any between the limits."""
        if self.step is None:
            return ()
        number = round((self.high - self.low) / self.step)
        return tuple(float(as_text(self.low + k * self.step)) for k in range(number + 1))

    def rounded(self, value: float) -> float:
        """Return the nearest value that it can be set to, or that is written.

        >>> Quantity(name="T", low=20, high=200, step=5).rounded(101.0)
        100.0
        >>> Quantity(name="T", low=20, high=200).rounded(101.04321)
        101.0
        """
        if self.step is None:
            # Digits behind the point; negative before it.
            digits = math.ceil(math.log10(_RESOLUTION / (self.high - self.low)))
            nearest = round(value, digits)
        else:
            nearest = self.low + round((value - self.low) / self.step) * self.step
        return float(as_text(min(max(nearest, self.low), self.high)))


class Choice(BaseModel):
    """A processing variable that is one of some options, such as a solvent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = Field(title="Name", description="Column of the table.")
    options: tuple[Name, ...] = Field(
        default=(),
        title="Options",
        description="What it can be. Empty: what occurs in the table.",
    )


def as_text(value: float) -> str:
    """Return a value as it is written in designs, to ten digits."""
    return f"{value:.10g}"
