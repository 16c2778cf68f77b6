"""Settings of DNA synthesis: adapters, and the rules of a vendor or custom ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from designlib.config.base import Config, Flanks, gathered
from designlib.config.constraints import ConstraintConfig, DesignConstraints, GCConfig
from designlib.errors import InputError
from designlib.notation import DNA, iupac_letters


class VendorRules(Config):
    """The published limits of a vendor."""

    model_config = ConfigDict(title="Rules of a vendor")

    vendor: Literal["idt", "twist", "gen9"] = Field(
        default="twist",
        description="Published limits for gene fragments. Vendors change them: the check on the "
        "ordering page decides.",
    )


_CUSTOM_GC = GCConfig(low=0.25, high=0.75)


class CustomRules(Config):
    """Custom limits."""

    model_config = ConfigDict(title="Custom rules")

    gc: GCConfig = _CUSTOM_GC
    max_run: int = Field(
        default=9,
        ge=1,
        le=1000,
        title="Longest run",
        description="Most equal letters in a row, in letters.",
    )
    max_repeat: int | None = Field(
        default=20,
        ge=3,
        le=1000,
        title="Longest repeat",
        description="Longest word, in letters, that may occur twice on either strand; empty: any.",
    )
    hairpin_stem: int | None = Field(
        default=None,
        ge=4,
        le=100,
        description="Length in letters of a stem that forms a hairpin within 200 letters; empty: "
        "not checked.",
    )

    @model_validator(mode="before")
    @classmethod
    def _former_gc(cls, values: Any) -> Any:
        return gathered(values, "gc", {"gc_low": "low", "gc_high": "high", "window": "window"})

    @field_validator("gc", mode="before")
    @classmethod
    def _keeps_the_defaults(cls, gc: Any) -> Any:
        return {**_CUSTOM_GC.model_dump(), **gc} if isinstance(gc, Mapping) else gc

    @field_validator("gc")
    @classmethod
    def _is_a_range(cls, gc: GCConfig) -> GCConfig:
        if gc.low > gc.high:
            raise ValueError(f"low is {gc.low:g}; it must be at most high, {gc.high:g}")
        return gc


class SynthesisConfig(Config):
    """Adapters of the designs, and the rules of the molecule."""

    rules: VendorRules | CustomRules = Field(
        default=VendorRules(), description="Limits of every design."
    )
    adapters: Flanks = Flanks()
    forbidden_sites: tuple[str, ...] = Field(
        default=(),
        description="Recognition sites in IUPAC letters, such as GGTCTC for BsaI; forbidden on "
        "both strands of the design and across its junctions with the adapters.",
    )
    required_motifs: tuple[str, ...] = Field(
        default=(),
        description="Motifs in IUPAC letters; the molecule has each on one of its strands.",
    )

    @model_validator(mode="before")
    @classmethod
    def _former_adapters(cls, values: Any) -> Any:
        return gathered(values, "adapters", {"adapter_before": "left", "adapter_after": "right"})

    @field_validator("adapters")
    @classmethod
    def _letters(cls, adapters: Flanks) -> Flanks:
        left, right = ("".join(side.split()).upper() for side in (adapters.left, adapters.right))
        wrong = [letter for letter in left + right if letter not in DNA.letters]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is no letter of DNA; A, C, G and T are accepted")
        return Flanks(left=left, right=right)

    @field_validator("forbidden_sites", "required_motifs")
    @classmethod
    def _motifs(cls, motifs: tuple[str, ...]) -> tuple[str, ...]:
        for motif in motifs:
            try:
                iupac_letters(DNA, motif)
            except InputError as error:
                raise ValueError(str(error)) from None
            if not motif:
                raise ValueError("an empty motif occurs everywhere; leave it out")
        return tuple(motif.upper() for motif in motifs)

    def molecule(self, design: str) -> str:
        """Return the ordered molecule: the design between its adapters."""
        return self.adapters.left + design + self.adapters.right


class DesignRules(Config):
    """The constraints of a campaign, and the synthesis of its designs."""

    constraints: DesignConstraints = ConstraintConfig()
    synthesis: SynthesisConfig | None = None
