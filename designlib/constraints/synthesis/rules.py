"""Limits that a DNA sequence has to keep so that it can be made, and named sets of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GCLimit:
    """Limits of the share of G and C, over the whole sequence or any window of some letters."""

    low: float
    high: float
    window: int | None = None
    ends_only: bool = False
    """Whether only the first and the last window count."""


@dataclass(frozen=True)
class RuleSet:
    """What a sequence has to keep; a limit that is None is not checked.

    Attributes
    ----------
    gc
        Limits of GC content.
    max_run_at, max_run_gc
        Longest run of one letter among A and T, and among G and C.
    max_repeat
        Longest word, in letters, that may occur twice on either strand.
    max_dinucleotides, max_trinucleotides
        Most copies of two or three letters in a row, such as 4 for CAGCAGCAGCAG.
    hairpin_stem, hairpin_window
        A word of this many letters must not occur with its reverse complement within the window.
    forbidden, required
        Motifs in IUPAC letters: absent from both strands, and present on one of them.
    source
        Where the limits are from.
    """

    gc: tuple[GCLimit, ...] = ()
    max_run_at: int | None = None
    max_run_gc: int | None = None
    max_repeat: int | None = None
    max_dinucleotides: int | None = None
    max_trinucleotides: int | None = None
    hairpin_stem: int | None = None
    hairpin_window: int = 200
    forbidden: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    source: str = ""


_CHISEL = (
    "as modelled by DNA Chisel (Zulkower and Rosser, Bioinformatics 36, 4508, 2020, "
    "doi:10.1093/bioinformatics/btaa558)"
)

PRESETS = {
    "idt": RuleSet(
        gc=(
            GCLimit(0.25, 0.68),
            GCLimit(0.28, 0.76, 100),
            GCLimit(0.15, 0.90, 20),
            GCLimit(0.24, 0.76, 30, ends_only=True),
        ),
        max_run_at=12,
        max_run_gc=5,
        max_dinucleotides=8,
        max_trinucleotides=4,
        hairpin_stem=20,
        hairpin_window=200,
        source=f"IDT gene fragments, {_CHISEL}",
    ),
    "twist": RuleSet(
        gc=(GCLimit(0.25, 0.65),),
        max_run_at=9,
        max_run_gc=9,
        max_repeat=20,
        source="limits that are usual for Twist gene fragments; ask the vendor",
    ),
    "gen9": RuleSet(
        gc=(GCLimit(0.40, 0.65), GCLimit(0.25, 0.80, 50)),
        max_run_at=8,
        max_run_gc=5,
        forbidden=("GGTCTC", "CACCTGC"),
        source=f"Gen9 fragments, without sites of BsaI and AarI, {_CHISEL}",
    ),
}
"""Vendors change their limits; what decides is the check on the page where the order is placed."""
