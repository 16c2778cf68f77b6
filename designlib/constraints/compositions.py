"""The constraints that settings ask for, on compositions and what is set beside them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Shaped
from torch import Tensor

from designlib.config import ComponentRange, CompositionConstraints
from designlib.constraints.base import AllOf, Constraint
from designlib.constraints.bounds import Bounds
from designlib.constraints.components import (
    AtLeastComponents,
    AtMostComponents,
    NeverTogether,
    component_place,
)
from designlib.constraints.mixtures import GroupBounds, RatioBounds
from designlib.constraints.near import NearMeasured
from designlib.constraints.parts import OnPart
from designlib.constraints.variables import variable_members
from designlib.notation import PROPERTIES, ChemistryRules, require_smact
from designlib.spaces import DesignSpace, MixedSpace, SequenceSpace, SimplexSpace
from designlib.types import InputError, Points

__all__ = [
    "build_for_compositions",
    "check_chemistry",
    "chemistry_verdicts",
]


def build_for_compositions(
    config: CompositionConstraints,
    space: SimplexSpace | MixedSpace,
    measured: Shaped[Tensor, "measured columns"] | None = None,
) -> AllOf:
    """Return the constraints that ``config`` asks for, in the order of its fields.

    ``measured`` are the measured compositions, best first, for the constraint that needs them.
    Raises InputError that begins with the name of the field.
    """
    if isinstance(space, MixedSpace):
        return _for_mixed(config, space, measured)
    for field in ("quantity_ranges", "allowed_options"):
        if getattr(config, field):
            raise InputError(f"{field}: the designs have no variables beside their composition")
    members: list[Constraint] = []

    def add(field: str, make: Callable[[], Constraint]) -> None:
        try:
            members.append(make())
        except InputError as error:
            raise InputError(f"{field}: {error}") from error

    if config.component_ranges:
        add("component_ranges", lambda: _bounds(space, config.component_ranges))
    for group in config.group_ranges:
        add("group_ranges", lambda g=group: GroupBounds(
            space, g.members, g.low / 100, g.high / 100
        ))  # fmt: skip
    if (most := config.most_components) is not None:
        add("most_components", lambda: AtMostComponents(space, most))
    if (fewest := config.fewest_components) is not None:
        add("fewest_components", lambda: AtLeastComponents(space, fewest))
    if config.never_together:
        pairs = [(pair.first, pair.second) for pair in config.never_together]
        add("never_together", lambda: NeverTogether(space, pairs))
    for ratio in config.ratios:
        add("ratios", lambda r=ratio: RatioBounds(space, r.component, r.to, r.low, r.high))
    if (near := config.near_measured) is not None:
        known = space.random(0, torch.Generator()) if measured is None else measured
        usable = known[AllOf(space, members).satisfied(known)][: near.best]
        add("near_measured", lambda: NearMeasured(space, usable, near.percent / 100))
    return AllOf(space, members)


def check_chemistry(space: DesignSpace) -> None:
    """Raise InputError where SMACT is not installed, or the components are no elements."""
    if isinstance(space, SequenceSpace) or not space.components:
        raise InputError("chemistry: the designs have no composition")
    unknown = [name for name in space.components if name not in PROPERTIES]
    if unknown:
        raise InputError(f"chemistry: {unknown[0]!r} is no element from H to Cm")
    require_smact()


def chemistry_verdicts(
    rules: ChemistryRules, space: SimplexSpace | MixedSpace, designs: Points
) -> list[str]:
    """Return ``ok`` or a reason for the composition of each design."""
    shares = designs[:, : len(space.components)].tolist()
    return [rules.verdict(dict(zip(space.components, row, strict=True))) for row in shares]


def _for_mixed(
    config: CompositionConstraints,
    space: MixedSpace,
    measured: Shaped[Tensor, "measured columns"] | None,
) -> AllOf:
    """Return the constraints of each part, in the order of the parts."""
    composition, on_composition = space.composition, config.on_composition
    members: list[Constraint] = []
    if composition is not None:
        shares = None if measured is None else measured[:, : composition.columns]
        own = build_for_compositions(on_composition, composition, shares)
        members += [OnPart(space, 0, member) for member in own.members]
    elif on_composition != CompositionConstraints():
        given = on_composition.model_dump(exclude_defaults=True)
        raise InputError(f"{next(iter(given))}: the designs have no composition")
    members += variable_members(space, config.quantity_ranges, config.allowed_options)
    return AllOf(space, members)


def _bounds(space: SimplexSpace, ranges: tuple[ComponentRange, ...]) -> Bounds:
    """Return the limits of all components; one that is named twice must keep to both."""
    lower, upper = [0.0] * space.columns, [1.0] * space.columns
    for one in ranges:
        place = component_place(space, one.component)
        lower[place] = max(lower[place], one.low / 100)
        upper[place] = min(upper[place], one.high / 100)
    return Bounds(space, lower, upper)
