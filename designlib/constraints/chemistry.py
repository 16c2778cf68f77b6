"""Chemistry of compositions as a filter on finished designs."""

from __future__ import annotations

from designlib.config import ChemistryCheck
from designlib.notation import PROPERTIES, compound_verdict, require_smact
from designlib.spaces import DesignSpace, MixedSpace, SequenceSpace, SimplexSpace
from designlib.types import InputError, Points


def check_chemistry(space: DesignSpace) -> None:
    """Raise InputError if SMACT is not installed or a component is no element."""
    if isinstance(space, SequenceSpace) or not space.components:
        raise InputError("chemistry: the designs have no composition")
    unknown = [name for name in space.components if name not in PROPERTIES]
    if unknown:
        raise InputError(f"chemistry: {unknown[0]!r} is no element from H to Cm")
    require_smact()


def chemistry_verdicts(
    check: ChemistryCheck, space: SimplexSpace | MixedSpace, designs: Points
) -> list[str]:
    """Return ``ok`` or a reason for the composition of each design."""
    shares = designs[:, : len(space.components)].tolist()
    return [
        compound_verdict(dict(zip(space.components, row, strict=True)), alloys=check == "alloys")
        for row in shares
    ]
