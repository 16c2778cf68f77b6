"""Constraints as settings: what a configuration file or a web form can say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from jaxtyping import Shaped
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from designlib.constraints.base import Constraint, Product
from designlib.constraints.compositions import CompositionConstraints, build_for_compositions
from designlib.constraints.gc import GCWindow
from designlib.constraints.hamming import HammingBall
from designlib.constraints.homopolymer import HomopolymerLimit
from designlib.constraints.iupac import letter_sets
from designlib.constraints.motifs import ForbiddenMotifs
from designlib.constraints.required import RequiredMotifs
from designlib.constraints.sites import AllowedLetters
from designlib.constraints.transitions import ForbiddenTransitions
from designlib.spaces import DesignSpace, SequenceSpace
from designlib.types import InputError

__all__ = [
    "ConstraintConfig",
    "DesignConstraints",
    "FixedSite",
    "GCConfig",
    "HammingBallConfig",
    "build",
]

_STRICT = ConfigDict(extra="forbid", frozen=True)


class HammingBallConfig(BaseModel):
    """Stay close to one sequence."""

    model_config = _STRICT

    reference: str = Field(description="Sequence that designs stay close to, as long as they are.")
    radius: int = Field(
        default=3,
        ge=0,
        description="Largest number of positions that may differ from the reference.",
    )


class FixedSite(BaseModel):
    """Allow only some letters at one position."""

    model_config = _STRICT

    position: int = Field(ge=1, description="Position in the design, counted from 1.")
    letters: str = Field(
        min_length=1,
        description="Letters allowed at the position, as in A or AG; IUPAC codes such as R are "
        "accepted. One letter fixes the position.",
    )


class GCConfig(BaseModel):
    """Keep the share of G and C in a range."""

    model_config = _STRICT

    low: float = Field(
        default=0.3, ge=0, le=1, description="Smallest GC content, a fraction from 0 to 1."
    )
    high: float = Field(
        default=0.7, ge=0, le=1, description="Largest GC content, a fraction from 0 to 1."
    )
    window: int | None = Field(
        default=None,
        ge=1,
        description="Length in letters of the windows that must all be in range; empty for the "
        "whole design.",
    )


class ConstraintConfig(BaseModel):
    """What every sequence must satisfy; what is left empty does not restrict."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Sequences")

    hamming_ball: HammingBallConfig | None = Field(
        default=None,
        title="Hamming ball",
        description="Largest number of changes from a reference sequence.",
    )
    fixed_sites: tuple[FixedSite, ...] = Field(
        default=(), description="Positions with a fixed letter or a choice of letters."
    )
    forbidden_motifs: tuple[str, ...] = Field(
        default=(),
        description="Sequences that no design may contain, such as the restriction site GGTCTC; "
        "IUPAC codes are accepted.",
    )
    motifs_on_both_strands: bool = Field(
        default=True,
        description="Forbid the reverse complements of the motifs too; for DNA, whose second "
        "strand is read as well.",
    )
    required_motifs: tuple[str, ...] = Field(
        default=(),
        description="Sequences that every design must contain, such as the binding site TGACTCA; "
        "IUPAC codes are accepted.",
    )
    required_on_either_strand: bool = Field(
        default=True,
        description="Let a required motif be on the second strand instead, as its reverse "
        "complement; for DNA.",
    )
    forbidden_pairs: tuple[str, ...] = Field(
        default=(),
        description="Pairs of letters that may not follow each other: CG means no C followed by "
        "G; IUPAC codes are accepted.",
    )
    gc: GCConfig | None = Field(
        default=None, title="GC content", description="Range of the GC content."
    )
    max_homopolymer: int | None = Field(
        default=None, ge=1, description="Longest allowed run of one letter, in letters."
    )


DesignConstraints: TypeAlias = ConstraintConfig | CompositionConstraints
"""Constraints on designs of either kind."""


def build(
    config: DesignConstraints,
    space: DesignSpace,
    measured: Shaped[Tensor, "measured columns"] | None = None,
) -> Product:
    """Return the constraints that ``config`` asks for, in the order of its fields.

    ``measured`` are measured designs, best first, for the constraint that stays near them.

    Raises InputError that begins with the name of the field, and for constraints on designs of
    another kind than those of the space.
    """
    if isinstance(config, CompositionConstraints) and not isinstance(space, SequenceSpace):
        return build_for_compositions(config, space, measured)
    if type(config)() == config:
        return Product(space, [])
    if isinstance(config, CompositionConstraints) or not isinstance(space, SequenceSpace):
        kinds = ["compositions", "sequences"]
        given, designs = kinds if isinstance(space, SequenceSpace) else kinds[::-1]
        raise InputError(f"constraints: those for {given} are given, and the designs are {designs}")
    members: list[Constraint] = []

    def add(field: str, make: Callable[[], Constraint]) -> None:
        try:
            members.append(make())
        except InputError as error:
            raise InputError(f"{field}: {error}") from error

    ball, gc, limit = config.hamming_ball, config.gc, config.max_homopolymer
    if ball is not None:
        add("hamming_ball", lambda: HammingBall(space, ball.reference, ball.radius))
    if config.fixed_sites:
        add("fixed_sites", lambda: _fixed(space, config.fixed_sites))
    if config.forbidden_motifs:
        both = config.motifs_on_both_strands and bool(space.alphabet.complement)
        add("forbidden_motifs", lambda: ForbiddenMotifs(space, config.forbidden_motifs, both))
    if config.required_motifs:
        either = config.required_on_either_strand and bool(space.alphabet.complement)
        add("required_motifs", lambda: RequiredMotifs(space, config.required_motifs, either))
    if config.forbidden_pairs:
        add("forbidden_pairs", lambda: _without_pairs(space, config.forbidden_pairs))
    if gc is not None:
        add("gc", lambda: GCWindow(space, gc.low, gc.high, gc.window))
    if limit is not None:
        add("max_homopolymer", lambda: HomopolymerLimit(space, limit))
    return Product(space, members)


def _fixed(space: SequenceSpace, sites: Sequence[FixedSite]) -> AllowedLetters:
    """Return the sites' constraint; a position given twice must satisfy both entries."""
    table = torch.ones(space.length, len(space.alphabet), dtype=torch.bool)
    for site in sites:
        if site.position > space.length:
            raise InputError(
                f"position {site.position} is outside the design; 1 to {space.length} are possible"
            )
        row = table[site.position - 1]
        row &= letter_sets(space.alphabet, site.letters).any(0)
        if not row.any():
            asked = [repr(s.letters) for s in sites if s.position == site.position]
            raise InputError(
                f"position {site.position} is restricted to {' and '.join(asked)}, "
                "which have no letter in common"
            )
    return AllowedLetters(space, table)


def _without_pairs(space: SequenceSpace, pairs: Sequence[str]) -> ForbiddenTransitions:
    """Return the constraint in which no letter of a pair's first code has one of its second."""
    n_letters = len(space.alphabet)
    allowed = torch.ones(n_letters, n_letters, dtype=torch.bool)
    for pair in pairs:
        if len(pair) != 2:
            raise InputError(
                f"{pair!r} has {len(pair)} letters; a pair has 2, as in CG for no C followed by G"
            )
        first, second = letter_sets(space.alphabet, pair)
        allowed &= ~(first[:, None] & second)
    return ForbiddenTransitions(space, allowed)
