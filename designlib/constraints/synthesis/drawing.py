"""The rules of synthesis that moves of the sampler can keep, as constraints on the molecule.

Motifs, runs and GC content are properties that a mask of single changes states exactly, so designs
need not be drawn and then thrown away for them. Repeats, hairpins, copies of two or three letters
and limits on the ends alone are left to `designlib.constraints.synthesis.checks`, which checks all
rules of every design in any case.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from jaxtyping import Shaped
from torch import Tensor

from designlib.config import DesignRules, SynthesisConfig
from designlib.constraints.base import AllOf, Constraint, Masking
from designlib.constraints.config import build
from designlib.constraints.flanks import WithFlanks
from designlib.constraints.gc import GCWindow
from designlib.constraints.motifs import ForbiddenMotifs
from designlib.constraints.required import RequiredMotifs
from designlib.constraints.synthesis.checks import rule_set
from designlib.constraints.synthesis.rules import RuleSet
from designlib.spaces import DesignSpace, SequenceSpace
from designlib.types import InputError


def build_rules(
    rules: DesignRules,
    space: DesignSpace,
    measured: Shaped[Tensor, "measured columns"] | None = None,
) -> AllOf:
    """Return all constraints; see `designlib.constraints.config.build` for the campaign's own.

    A rule of synthesis counts for the design between its adapters, junctions included, as in the
    check of the finished design: what lies in an adapter alone does not.

    Raises InputError that begins with the name of the field, or with ``synthesis`` for a rule that
    no design can keep.
    """
    constraint = build(rules.constraints, space, measured)
    if rules.synthesis is None or not isinstance(space, SequenceSpace):
        return constraint
    try:
        return AllOf(space, [constraint, *_rules(space, rules.synthesis)])
    except InputError as error:
        raise InputError(f"synthesis: {error}") from error


def _rules(space: SequenceSpace, config: SynthesisConfig) -> Iterator[Constraint]:
    rules, before, after = rule_set(config), config.adapters.left, config.adapters.right
    length = len(before) + space.length + len(after)
    for size, (one_strand, both_strands) in sorted(_forbidden(rules).items()):
        # With so much of the adapters, every window touches the design.
        near = before[len(before) - min(len(before), size - 1) :], after[: size - 1]
        if len(near[0]) + space.length + len(near[1]) < size:
            continue
        for motifs, both in ((one_strand, False), (both_strands, True)):
            if motifs:
                yield _around(space, *near, partial(_no_motifs, motifs, both))
    for limit in rules.gc:
        window = None if limit.window is None or limit.window >= length else limit.window
        if window is None or not limit.ends_only:
            yield _around(space, before, after, partial(_gc, limit.low, limit.high, window))
    if rules.required:
        yield _around(space, before, after, partial(_motifs, rules.required))


def _forbidden(rules: RuleSet) -> dict[int, tuple[list[str], list[str]]]:
    """Return by length what must not occur on the given strand, and what on neither."""
    words: dict[int, tuple[list[str], list[str]]] = {}
    for letters, most in (("AT", rules.max_run_at), ("CG", rules.max_run_gc)):
        if most is not None:
            words.setdefault(most + 1, ([], []))[0].extend(c * (most + 1) for c in letters)
    for motif in rules.forbidden:
        words.setdefault(len(motif), ([], []))[1].append(motif)
    return words


def _no_motifs(motifs: list[str], both: bool, space: SequenceSpace) -> Masking:
    return ForbiddenMotifs(space, motifs, both)


def _motifs(motifs: tuple[str, ...], space: SequenceSpace) -> Masking:
    return RequiredMotifs(space, motifs, True)


def _gc(low: float, high: float, window: int | None, space: SequenceSpace) -> Masking:
    return GCWindow(space, low, high, window)


def _around(space: SequenceSpace, before: str, after: str, make: partial[Masking]) -> Masking:
    """Return a constraint on the molecule; the constraint itself where nothing is added."""
    return WithFlanks(space, before, after, make) if before or after else make(space)
