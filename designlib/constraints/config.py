"""The constraints that settings ask for, in a space."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Shaped
from torch import Tensor

from designlib.config import CompositionConstraints, DesignConstraints, FixedSite
from designlib.constraints.base import AllOf, Constraint
from designlib.constraints.compositions import build_for_compositions
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
    "build",
]


def build(
    config: DesignConstraints,
    space: DesignSpace,
    measured: Shaped[Tensor, "measured columns"] | None = None,
) -> AllOf:
    """Return the constraints that ``config`` asks for, in the order of its fields.

    ``measured`` are measured designs, best first, for the constraint that stays near them.

    Raises InputError that begins with the name of the field, and for constraints on designs of
    another kind than those of the space.
    """
    if isinstance(config, CompositionConstraints) and not isinstance(space, SequenceSpace):
        return build_for_compositions(config, space, measured)
    if type(config)() == config:
        return AllOf(space, [])
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
    return AllOf(space, members)


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
