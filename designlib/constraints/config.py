"""The constraints of a campaign's settings, in a space."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import combinations
from typing import TypeAlias

import torch
from jaxtyping import Shaped
from torch import Tensor

from designlib.config import CompositionConstraints, ConstraintConfig, DesignConstraints
from designlib.constraints.base import AllOf, Constraint
from designlib.constraints.bounds import Bounds
from designlib.constraints.components import AtLeastComponents, AtMostComponents, NeverTogether
from designlib.constraints.gc import GCWindow
from designlib.constraints.hamming import HammingBall
from designlib.constraints.homopolymer import HomopolymerLimit
from designlib.constraints.mixtures import GroupBounds, RatioBounds
from designlib.constraints.motifs import ForbiddenMotifs
from designlib.constraints.near import NearMeasured
from designlib.constraints.required import RequiredMotifs
from designlib.constraints.rules import RuleConstraint
from designlib.constraints.sites import AllowedLetters
from designlib.constraints.subspaces import OnPart
from designlib.constraints.transitions import ForbiddenTransitions
from designlib.constraints.variables import variable_makers
from designlib.spaces import DesignSpace, MixedSpace, SequenceSpace, SimplexSpace
from designlib.types import InputError

Makers: TypeAlias = Iterable[tuple[str, Callable[[], Constraint]]]
"""Names of fields and what makes their constraints."""

_NEAREST = 256
"""Best measured compositions that designs may stay near: enough to span several families, few
enough that all are good."""


def build(
    config: DesignConstraints,
    space: DesignSpace,
    measured: Shaped[Tensor, "measured columns"] | None = None,
) -> AllOf:
    """Return the constraints of the settings, in the order of their fields.

    ``measured`` are measured designs, best first, for the constraint that stays near them.

    Raises InputError that begins with the name of the field, and for constraints on designs of
    another kind than those of the space.
    """
    if type(config)() == config:
        return AllOf(space, [])
    if isinstance(config, CompositionConstraints):
        if isinstance(space, MixedSpace):
            return _on_parts(config, space, measured)
        if isinstance(space, SimplexSpace):
            return _on_composition(config, space, measured)
    elif isinstance(space, SequenceSpace):
        return AllOf(space, _make_all([*_on_sequences(config, space), *_rules(config, space)]))
    kinds = ["compositions", "sequences"]
    wanted, designs = kinds if isinstance(space, SequenceSpace) else kinds[::-1]
    raise InputError(f"constraints: those for {wanted} are given, and the designs are {designs}")


def _on_sequences(c: ConstraintConfig, space: SequenceSpace) -> Makers:
    if ball := c.hamming_ball:
        yield "hamming_ball", partial(HammingBall, space, ball.reference, ball.radius)
    if c.fixed_sites:
        sites = [(site.position, site.letters) for site in c.fixed_sites]
        yield "fixed_sites", partial(AllowedLetters.at, space, sites)
    if c.forbidden_motifs:
        both = _both(space, c.motifs_on_both_strands)
        yield "forbidden_motifs", partial(ForbiddenMotifs, space, c.forbidden_motifs, both)
    if c.required_motifs:
        either = _both(space, c.required_on_either_strand)
        yield "required_motifs", partial(RequiredMotifs, space, c.required_motifs, either)
    if c.forbidden_pairs:
        yield "forbidden_pairs", partial(ForbiddenTransitions.without, space, c.forbidden_pairs)
    if gc := c.gc:
        yield "gc", partial(GCWindow, space, gc.low, gc.high, gc.window)
    if c.max_homopolymer:
        yield "max_homopolymer", partial(HomopolymerLimit, space, c.max_homopolymer)


def _on_compositions(c: CompositionConstraints, space: SimplexSpace) -> Makers:
    single = [(one.components[0], *one.shares) for one in c.component_ranges if not one.is_sum]
    if single:
        yield "component_ranges", partial(Bounds.of_components, space, single)
    for one in c.component_ranges:
        if one.is_sum:
            yield "component_ranges", partial(GroupBounds, space, one.components, *one.shares)
    if c.most_components:
        yield "most_components", partial(AtMostComponents, space, c.most_components)
    if c.fewest_components:
        yield "fewest_components", partial(AtLeastComponents, space, c.fewest_components)
    if c.never_together:
        pairs = [pair for one in c.never_together for pair in combinations(one.components, 2)]
        yield "never_together", partial(NeverTogether, space, pairs)
    for one in c.ratios:
        yield "ratios", partial(RatioBounds, space, one.component, one.to, *one.limits)


def _rules(config: DesignConstraints, space: SequenceSpace | SimplexSpace) -> Makers:
    for name, rule in config.rules:
        yield name, partial(RuleConstraint, space, rule, name)


def _make_all(makers: Makers) -> list[Constraint]:
    """Return the constraints; an error begins with the name of the field."""
    members: list[Constraint] = []
    for field, make in makers:
        try:
            members.append(make())
        except InputError as error:
            raise InputError(f"{field}: {error}") from error
    return members


def _both(space: SequenceSpace, wanted: bool) -> bool:
    return wanted and bool(space.alphabet.complement)


def _on_composition(
    config: CompositionConstraints,
    space: SimplexSpace,
    measured: Shaped[Tensor, "measured columns"] | None,
) -> AllOf:
    for field in ("quantity_ranges", "allowed_options"):
        if getattr(config, field):
            raise InputError(f"{field}: the designs have no variables beside their composition")
    members = _make_all([*_on_compositions(config, space), *_rules(config, space)])
    if (near := config.near_measured) is not None:
        known = space.random(0, torch.Generator()) if measured is None else measured
        usable = known[AllOf(space, members).satisfied(known)][:_NEAREST]
        make = partial(NearMeasured, space, usable, near / 100)
        members += _make_all([("near_measured", make)])
    return AllOf(space, members)


def _on_parts(
    config: CompositionConstraints,
    space: MixedSpace,
    measured: Shaped[Tensor, "measured columns"] | None,
) -> AllOf:
    """Return the constraints of each part, in the order of the parts."""
    composition, on_composition = space.composition, config.on_composition
    members: list[Constraint] = []
    if composition is not None:
        shares = None if measured is None else measured[:, : composition.columns]
        own = _on_composition(on_composition, composition, shares)
        members += [OnPart(space, 0, member) for member in own.members]
    elif on_composition != CompositionConstraints():
        field = next(iter(on_composition.model_dump(exclude_defaults=True)))
        raise InputError(f"{field}: the designs have no composition")
    variables = variable_makers(space, config.quantity_ranges, config.allowed_options)
    return AllOf(space, [*members, *_make_all(variables)])
