"""How a design differs from its parent."""

from __future__ import annotations

from typing import NamedTuple

from designlib.types import InputError


class Edits(NamedTuple):
    """How a design differs from its parent."""

    text: str
    """Such as ``12A>G;15C>T``, positions counted from 1; empty when nothing differs."""
    number: int


def edits(parent: str, design: str) -> Edits:
    """Return the substitutions that turn ``parent`` into ``design``.

    Raises InputError when the lengths differ.

    >>> edits("ACGT", "ACTT")
    Edits(text='3G>T', number=1)
    """
    if len(parent) != len(design):
        raise InputError(
            f"edits are substitutions between sequences of one length; parent {parent!r} has "
            f"{len(parent)} letters and design {design!r} has {len(design)}"
        )
    pairs = enumerate(zip(parent, design, strict=True), start=1)
    differences = [f"{site}{old}>{new}" for site, (old, new) in pairs if old != new]
    return Edits(";".join(differences), len(differences))


def changes(parent: str, design: str) -> Edits:
    """Return the components whose shares differ between two compositions, and how many they are.

    >>> changes("Fe=0.5, Ni=0.5", "Fe=0.4, Co=0.6")
    Edits(text='Fe 0.5>0.4;Ni 0.5>0;Co 0>0.6', number=3)
    """
    before, after = (
        dict(pair.rsplit("=", 1) for pair in text.split(", ")) for text in (parent, design)
    )
    names = [*before, *(name for name in after if name not in before)]
    pairs = [(name, before.get(name, "0"), after.get(name, "0")) for name in names]
    differences = [f"{name} {old}>{new}" for name, old, new in pairs if old != new]
    return Edits(";".join(differences), len(differences))
