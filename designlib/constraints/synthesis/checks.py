"""Checking one sequence against a set of rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import groupby

from designlib.config import SynthesisConfig, VendorRules
from designlib.constraints.synthesis.rules import PRESETS, GCLimit, RuleSet
from designlib.notation import DNA, iupac_letters

_LOOP = 3
"""Fewest letters in the loop of a hairpin."""


def rule_set(config: SynthesisConfig) -> RuleSet:
    """Return all rules of a campaign together: the vendor's or its own, and its motifs."""
    rules = config.rules
    if isinstance(rules, VendorRules):
        base = PRESETS[rules.vendor]
    else:
        base = RuleSet(
            gc=(GCLimit(rules.gc.low, rules.gc.high, rules.gc.window),),
            max_run_at=rules.max_run,
            max_run_gc=rules.max_run,
            max_repeat=rules.max_repeat,
            hairpin_stem=rules.hairpin_stem,
            source="the campaign's settings",
        )
    return replace(
        base,
        forbidden=(*base.forbidden, *config.forbidden_sites),
        required=(*base.required, *config.required_motifs),
    )


def verdict(design: str, config: SynthesisConfig) -> str:
    """Return ``ok``, or what is wrong with a design between its adapters."""
    found = breaches(design, rule_set(config), config.adapters.left, config.adapters.right)
    return ", ".join(found) or "ok"


def breaches(insert: str, rules: RuleSet, before: str = "", after: str = "") -> list[str]:
    """Return each rule that a sequence breaks between its two adapters, in words; none is good.

    All limits are those of the whole molecule, so what arises at the junctions counts. What lies
    in an adapter alone, such as its cloning site, does not.

    >>> breaches("AATTC", RuleSet(forbidden=("GAATTC",)), before="CCG")
    ['GAATTC at position 3 of the molecule']
    """
    whole = before + insert + after
    first, end = len(before), len(before) + len(insert)
    found = [
        *_gc(whole, rules),
        *_runs(whole, rules, first, end),
        *_copies(whole, rules, first, end),
        *_repeats(whole, rules, first, end),
        *_hairpins(whole, rules, first, end),
    ]
    for motif in rules.forbidden:
        found += [
            f"{motif} at position {start + 1} of the molecule{strand}"
            for start, strand in _places(motif, whole)
            if start < end and start + len(motif) > first
        ]
    found += [f"no {motif}" for motif in rules.required if not any(_places(motif, whole))]
    return found


def _gc(whole: str, rules: RuleSet) -> Iterator[str]:
    for limit in rules.gc:
        window = min(limit.window or len(whole), len(whole))
        worst = _worst_share(whole, window, limit)
        if worst is not None:
            start, share = worst
            where = "" if limit.window is None else f" in {window} letters from {start + 1}"
            yield f"GC {share:.0%}{where}, {limit.low:.0%} to {limit.high:.0%} needed"


def _worst_share(whole: str, window: int, limit: GCLimit) -> tuple[int, float] | None:
    """Return the first window out of limits, with its share."""
    starts = range(len(whole) - window + 1)
    if limit.ends_only:
        starts = sorted({0, len(whole) - window})
    for start in starts:
        part = whole[start : start + window]
        share = (part.count("G") + part.count("C")) / max(1, window)
        if not limit.low <= share <= limit.high:
            return start, share
    return None


def _runs(whole: str, rules: RuleSet, first: int, end: int) -> Iterator[str]:
    start = 0
    for letter, run in groupby(whole):
        length = len(list(run))
        most = rules.max_run_at if letter in "AT" else rules.max_run_gc
        if most is not None and length > most and start < end and start + length > first:
            yield f"{length} {letter} in a row, at most {most}"
        start += length


def _copies(whole: str, rules: RuleSet, first: int, end: int) -> Iterator[str]:
    for size, most in ((2, rules.max_dinucleotides), (3, rules.max_trinucleotides)):
        if most is None:
            continue
        for match in re.finditer(rf"(?=(([ACGT]{{{size}}})\2{{{most}}}))", whole):
            start, unit = match.start(), match[2]
            # A run of one letter has a limit of its own.
            if len(set(unit)) > 1 and start < end and start + len(match[1]) > first:
                yield f"{unit} more than {most} times in a row, from position {start + 1}"
                break


def _repeats(whole: str, rules: RuleSet, first: int, end: int) -> Iterator[str]:
    if rules.max_repeat is None:
        return
    size = rules.max_repeat + 1
    seen: dict[str, int] = {}
    for start in range(len(whole) - size + 1):
        word = whole[start : start + size]
        for strand in {word, DNA.reverse_complement(word)}:
            at = seen.get(strand)
            if at is not None and (
                _touches(start, size, first, end) or _touches(at, size, first, end)
            ):
                yield (
                    f"a repeat of more than {rules.max_repeat} letters, at positions {at + 1} and "
                    f"{start + 1}"
                )
                return
        seen.setdefault(word, start)


def _hairpins(whole: str, rules: RuleSet, first: int, end: int) -> Iterator[str]:
    size = rules.hairpin_stem
    if size is None:
        return
    places: dict[str, list[int]] = {}
    for start in range(len(whole) - size + 1):
        partner = DNA.reverse_complement(whole[start : start + size])
        for at in places.get(partner, []):
            near = start + size - at <= rules.hairpin_window
            looped = start - (at + size) >= _LOOP
            if (
                near
                and looped
                and (_touches(start, size, first, end) or _touches(at, size, first, end))
            ):
                yield f"a hairpin with a stem of {size}, from positions {at + 1} and {start + 1}"
                return
        places.setdefault(whole[start : start + size], []).append(start)


def _touches(start: int, size: int, first: int, end: int) -> bool:
    return start < end and start + size > first


def _places(motif: str, whole: str) -> Iterator[tuple[int, str]]:
    """Yield where a motif begins, overlapping ones too, and on which strand if not the given."""
    forward, backward = _patterns(motif)
    for match in forward.finditer(whole):
        yield match.start(), ""
    if backward.pattern != forward.pattern:
        for match in backward.finditer(whole):
            yield match.start(), ", on the other strand"


@cache
def _patterns(motif: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the motif as patterns of the two strands; an unknown code raises InputError."""
    sets = iupac_letters(DNA, motif)
    forward = "".join(f"[{letters}]" for letters in sets)
    partners = [sorted(DNA.reverse_complement(letters)) for letters in reversed(sets)]
    backward = "".join(f"[{''.join(letters)}]" for letters in partners)
    return re.compile(f"(?={forward})"), re.compile(f"(?={backward})")
