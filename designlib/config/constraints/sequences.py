"""Settings of the constraints on sequences."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from designlib.config.base import Config
from designlib.config.constraints.rules import SequenceRule, rule_settings


class HammingBallConfig(Config):
    """Stay close to one sequence."""

    reference: str = Field(description="Sequence of the designs' length that they stay close to.")
    radius: int = Field(
        default=3,
        ge=0,
        description="Largest number of positions that may differ from the reference.",
    )


class FixedSite(Config):
    """Allow only some letters at one position."""

    position: int = Field(ge=1, description="Position in the design, counted from 1.")
    letters: str = Field(
        min_length=1,
        description="Letters allowed at the position, as in A or AG; IUPAC codes such as R are "
        "accepted. One letter fixes the position.",
    )


class GCConfig(Config):
    """Keep the share of G and C in a range."""

    low: float = Field(
        default=0.3, ge=0, le=1, description="Smallest GC content, a fraction from 0 to 1."
    )
    high: float = Field(
        default=0.7, ge=0, le=1, description="Largest GC content, a fraction from 0 to 1."
    )
    window: int | None = Field(
        default=None,
        ge=1,
        description="Length in letters of the windows in range; empty for the whole design.",
    )


class ConstraintConfig(rule_settings(SequenceRule)):
    """Constraints on every sequence; empty fields do not restrict."""

    model_config = ConfigDict(title="Sequences")

    hamming_ball: HammingBallConfig | None = Field(
        default=None,
        description="Largest number of changes from a reference sequence.",
    )
    fixed_sites: tuple[FixedSite, ...] = Field(
        default=(), description="Positions with a fixed letter or a choice of letters."
    )
    forbidden_motifs: tuple[str, ...] = Field(
        default=(),
        description="Sequences absent from every design, such as the restriction site GGTCTC; "
        "IUPAC codes are accepted.",
    )
    motifs_on_both_strands: bool = Field(
        default=True,
        description="Forbid the reverse complements of the motifs too; for DNA.",
    )
    required_motifs: tuple[str, ...] = Field(
        default=(),
        description="Sequences present in every design, such as the binding site TGACTCA; "
        "IUPAC codes are accepted.",
    )
    required_on_either_strand: bool = Field(
        default=True,
        description="Accept the reverse complement of a required motif; for DNA.",
    )
    forbidden_pairs: tuple[str, ...] = Field(
        default=(),
        description="Forbidden neighbours: CG means no C followed by G; IUPAC codes are accepted.",
    )
    gc: GCConfig | None = Field(
        default=None, title="GC content", description="Range of the GC content."
    )
    max_homopolymer: int | None = Field(
        default=None, ge=1, description="Longest allowed run of one letter, in letters."
    )
