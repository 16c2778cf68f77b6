"""The fewest constraints that contradict each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, combinations
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from designlib.constraints.base import Constraint
from designlib.constraints.continuous import empty_points
from designlib.constraints.gc import GCWindow
from designlib.constraints.hamming import HammingBall
from designlib.constraints.homopolymer import HomopolymerLimit
from designlib.constraints.motif_matches import LetterSets, Motif
from designlib.constraints.motifs import ForbiddenMotifs
from designlib.constraints.paths import PairRules, lowest_costs, pair_rules
from designlib.constraints.required import RequiredMotifs
from designlib.spaces import SequenceSpace, Space

__all__ = ["certainly_empty", "describe_infeasible"]

Costs: TypeAlias = Float[Tensor, "drafts sites letters"]
"""Price of each letter of each site; inf where it is excluded."""

_PROVED_SIZE = 3
_SEARCHED_SIZE = 2


def describe_infeasible(
    space: Space,
    members: Sequence[Constraint],
    admits: Callable[[Sequence[Constraint]], bool],
    *,
    exhaustive: bool,
) -> str:
    """Return a sentence that names the fewest constraints that contradict each other.

    Sets of up to three are tried by proof, then sets of up to two by search; from larger ones,
    unnecessary members are dropped one by one.

    Parameters
    ----------
    space, members
        Constraints without a known feasible design.
    admits
        Whether a search finds a design that satisfies some of them.
    exhaustive
        Whether that search evaluates every design.
    """
    for size in range(1, _PROVED_SIZE + 1):
        for some in combinations(members, size):
            if reason := certainly_empty(space, some):
                return f"no design satisfies {_names(some)}: {reason}; {_advice(some)}"
    found = "no design satisfies" if exhaustive else "no design was found that satisfies"
    some = _infeasible_core(members, admits)
    return f"{found} {_names(some)}; {_advice(some)}"


def certainly_empty(space: Space, members: Sequence[Constraint]) -> str:
    """Return a proof that no design satisfies ``members``, or an empty string.

    A proof combines all rules on letters and neighbours with one Hamming ball and one required
    motif, or with one GC window, by the cheapest path through all sites.
    """
    if not isinstance(space, SequenceSpace):
        return empty_points(space, members)
    rules = pair_rules(space, members)
    if reason := _no_path(rules):
        return reason
    proofs = (
        _distant_balls(members),
        _far_motifs(rules, members),
        _self_contradictions(members),
        _uneven_windows(rules, members),
    )
    return next(chain.from_iterable(proofs), "")


def _infeasible_core(
    members: Sequence[Constraint], admits: Callable[[Sequence[Constraint]], bool]
) -> Sequence[Constraint]:
    """Return one or two members without a common design, or a minimal set of more."""
    for size in range(1, _SEARCHED_SIZE + 1):
        for some in combinations(members, size):
            if not admits(some):
                return some
    needed = list(members)
    for member in members:
        rest = [other for other in needed if other is not member]
        if not admits(rest):
            needed = rest
    return needed


def _names(members: Sequence[Constraint]) -> str:
    together = " together" if len(members) > 1 else ""
    return " and ".join(member.name for member in members) + together


def _advice(members: Sequence[Constraint]) -> str:
    return "relax at least one of them" if len(members) > 1 else "relax it"


def _no_path(rules: PairRules) -> str:
    empty = (~rules.table.any(1)).nonzero()[:, 0].tolist()
    if empty:
        return f"position {empty[0] + 1} has no letter left"
    if lowest_costs(_costs(rules), rules.allowed).isinf():
        return f"no sequence of {len(rules.table)} letters has allowed letters and neighbours only"
    return ""


def _distant_balls(members: Sequence[Constraint]) -> Iterator[str]:
    """Yield a reason for each pair of Hamming balls that have nothing in common."""
    balls = [member for member in members if isinstance(member, HammingBall)]
    for first, second in combinations(balls, 2):
        distance = int((first.reference != second.reference).sum())
        if distance > first.radius + second.radius:
            yield (
                f"the references differ at {distance} positions, more than {first.radius} and "
                f"{second.radius} changes reach"
            )


def _far_motifs(rules: PairRules, members: Sequence[Constraint]) -> Iterator[str]:
    """Yield a reason for each required motif without a place, and each ball out of reach."""
    motifs = [g for member in members if isinstance(member, RequiredMotifs) for g in member.groups]
    for motif in motifs:
        if lowest_costs(_placed(_costs(rules), motif), rules.allowed).isinf().all():
            yield f"required motif {motif[0].label} fits nowhere"
    for ball in (member for member in members if isinstance(member, HammingBall)):
        letters = torch.arange(rules.table.shape[1])
        changes = _costs(rules) + (ball.reference[:, None] != letters)
        needed = lowest_costs(changes, rules.allowed).min()
        if ball.radius < needed < torch.inf:
            yield (
                f"the nearest such design differs from the reference at {needed:.0f} positions "
                f"(at most {ball.radius})"
            )
        for motif in motifs:
            needed = lowest_costs(_placed(changes, motif), rules.allowed).min()
            if ball.radius < needed < torch.inf:
                yield (
                    f"required motif {motif[0].label} takes {needed:.0f} changes of the "
                    f"reference (at most {ball.radius})"
                )


def _self_contradictions(members: Sequence[Constraint]) -> Iterator[str]:
    """Yield a reason for each required motif that has a forbidden one inside it."""
    forbidden = list(_forbidden(members))
    for member in members:
        for group in member.groups if isinstance(member, RequiredMotifs) else ():
            inside = [
                [bad.label for bad in forbidden if _contains(strand.sets, bad.sets)]
                for strand in group
            ]
            if all(inside):
                yield f"required motif {group[0].label} contains {inside[0][0]}"


def _forbidden(members: Sequence[Constraint]) -> Iterator[Motif]:
    for member in members:
        if isinstance(member, ForbiddenMotifs):
            for sets, label in zip(member.sets, member.labels, strict=True):
                yield Motif(sets, f"forbidden motif {label}")
        elif isinstance(member, HomopolymerLimit):
            names = member.space.alphabet.letters
            for row, letter in zip(torch.eye(len(names)).bool(), names, strict=True):
                run = member.max_run + 1
                yield Motif(row.expand(run, -1), f"a run of {run} {letter}")


def _contains(sets: LetterSets, bad: LetterSets) -> bool:
    """Return whether ``bad`` occurs in all that the letter sets stand for."""
    starts = range(len(sets) - len(bad) + 1)
    return any(not (sets[s : s + len(bad)] & ~bad).any() for s in starts)


def _uneven_windows(rules: PairRules, members: Sequence[Constraint]) -> Iterator[str]:
    """Yield a reason for each GC range that the letters of some window cannot meet."""
    for gc in (member for member in members if isinstance(member, GCWindow)):
        sites, windows = torch.arange(len(rules.table)), len(rules.table) - gc.width + 1
        first = torch.arange(windows)[:, None]
        covered = (sites >= first) & (sites < first + gc.width)
        fewest, most = (
            lowest_costs(_costs(rules) + covered.unsqueeze(2) * kind, rules.allowed)
            for kind in (gc.strong, ~gc.strong)
        )
        most = gc.width - most
        for start in ((fewest > gc.most) | (most < gc.fewest)).nonzero()[:, 0].tolist():
            low, high = int(fewest[start]), int(most[start])
            yield (
                f"positions {start + 1}-{start + gc.width} have {low} to {high} letters G or C "
                f"({gc.fewest} to {gc.most} allowed)"
            )


def _costs(rules: PairRules) -> Costs:
    return torch.zeros(rules.table.shape).masked_fill(~rules.table, torch.inf)[None]


def _placed(
    costs: Float[Tensor, "one sites letters"], motif: Sequence[Motif]
) -> Float[Tensor, "places sites letters"]:
    """Return the costs with the motif at each of its places, one row a place."""
    rows = []
    for strand in motif:
        starts = torch.arange(costs.shape[1] - len(strand.sets) + 1)
        sites = starts[:, None] + torch.arange(len(strand.sets))
        placed = costs.repeat(len(starts), 1, 1)
        excluded = torch.zeros(placed.shape, dtype=torch.bool)
        excluded[starts[:, None], sites] = ~strand.sets
        rows.append(placed.masked_fill(excluded, torch.inf))
    return torch.cat(rows)
