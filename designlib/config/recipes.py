"""How compositions are weighed out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from designlib.config.base import Config
from designlib.notation import molar_mass


class Precursor(Config):
    """The substance that an element is weighed out as."""

    component: str = Field(description="Symbol of the element, such as Ba.")
    formula: str = Field(description="Formula of the substance that brings it, such as BaCO3.")

    @field_validator("formula")
    @classmethod
    def _can_be_read(cls, formula: str) -> str:
        molar_mass(formula)
        return formula


class RecipeConfig(Config):
    """How a composition becomes masses on a balance; for compositions only."""

    sample_mass: float = Field(
        default=1.0,
        gt=0,
        le=1e6,
        description="What the masses weighed out for one sample sum to, in g.",
    )
    amounts_are: Literal["mass", "atoms"] = Field(
        default="mass",
        description="mass: amounts are shares of the mass. atoms: they are shares of the atoms, "
        "and components are elements.",
    )
    precursors: tuple[Precursor, ...] = Field(
        default=(),
        description="Substances that elements are weighed out as, where amounts are atoms; an "
        "element without one is weighed out as it is.",
    )
