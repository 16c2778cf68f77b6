"""Nearly feasible random sequences, from which min-conflicts starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from designlib.constraints.base import Constraint
from designlib.constraints.gc import GCWindow
from designlib.constraints.hamming import HammingBall
from designlib.constraints.paths import PairRules, draw_letters, draw_paths, has_path, pair_rules
from designlib.constraints.required import RequiredMotifs
from designlib.spaces import SequenceSpace
from designlib.types import Letters

__all__ = ["near_feasible"]

Weights: TypeAlias = Float[Tensor, "drafts sites letters"]
"""Probability of each letter of each site, up to a factor; 0 if excluded."""

Starts: TypeAlias = Int[Tensor, "drafts motifs"]
Rows: TypeAlias = Int[Tensor, "rows"]
MotifSets: TypeAlias = Bool[Tensor, "_strands _codes letters"]

_SCATTERED_TRIES = 4
_PACKED_TRIES = 2


def near_feasible(
    space: SequenceSpace,
    members: Sequence[Constraint],
    n: int,
    generator: torch.Generator,
    *,
    periodic: bool,
) -> Letters:
    """Return ``n`` random designs that nearly satisfy ``members``.

    Fixed sites hold; required motifs are planted at random places with room for them; about as
    many sites as the radius of a Hamming ball differ from its centre; neighbours are allowed if
    any such sequence has only allowed ones.

    Parameters
    ----------
    periodic
        Repeat the pattern of G and C with the period of a GC window, so that all windows have
        the same content; very narrow ranges admit no other designs.
    """
    rules = pair_rules(space, members)
    balls = [member for member in members if isinstance(member, HammingBall)]
    motifs = [
        torch.stack([strand.sets for strand in group])
        for member in members
        if isinstance(member, RequiredMotifs)
        for group in member.groups
    ]
    weights = rules.table.double().expand(n, -1, -1)
    if motifs:
        weights = _plant(weights, motifs, rules, balls, generator)
    for ball in balls:
        weights = weights * _leaning(weights, ball)
    for member in members if periodic else ():
        if isinstance(member, GCWindow):
            weights = _patterned(weights, member, generator)
    letters, possible = draw_paths(weights, rules.allowed, n, generator)
    return letters.where(possible[:, None], draw_letters(weights, n, generator))


def _plant(
    weights: Weights,
    motifs: Sequence[MotifSets],
    rules: PairRules,
    balls: Sequence[HammingBall],
    generator: torch.Generator,
) -> Weights:
    """Return ``weights`` with every motif planted, unchanged where no place was found.

    Motifs may overlap at first; after several failures they are packed side by side.
    """
    planted = weights.clone()
    missing = torch.arange(weights.shape[0])
    for attempt in range(_SCATTERED_TRIES + _PACKED_TRIES):
        rows = weights[missing]
        starts = None
        if attempt >= _SCATTERED_TRIES:
            starts = _packed(weights.shape[1], motifs, len(missing), generator)
        trial, done = _plant_once(rows, motifs, starts, balls, generator)
        done &= has_path(trial, rules.allowed)
        planted[missing[done]] = trial[done]
        missing = missing[~done]
        if len(missing) == 0:
            break
    return planted


def _plant_once(
    weights: Weights,
    motifs: Sequence[MotifSets],
    starts: Starts | None,
    balls: Sequence[HammingBall],
    generator: torch.Generator,
) -> tuple[Weights, Bool[Tensor, "drafts"]]:
    """Return ``weights`` with each motif planted once, and where there was a place for all.

    The places are random ones where the motif fits, or those that begin at ``starts``.
    """
    done = torch.ones(weights.shape[0], dtype=torch.bool)
    for motif in torch.randperm(len(motifs), generator=generator).tolist():
        fits = torch.stack([_fits(weights, sets, balls) for sets in motifs[motif]], 1)
        if starts is not None:
            fits &= torch.arange(fits.shape[2]) == starts[:, motif, None, None]
        noise = torch.rand(fits.shape, generator=generator)
        place = (noise * fits).flatten(1).argmax(1)
        done &= fits.flatten(1).any(1)
        sets = motifs[motif][place // fits.shape[2]].to(weights.dtype)
        sites = (place % fits.shape[2])[:, None] + torch.arange(sets.shape[1])
        sites = sites.unsqueeze(2).expand(-1, -1, weights.shape[2])
        weights = weights.scatter(1, sites, weights.gather(1, sites) * sets)
    return weights, done


def _fits(
    weights: Weights, sets: Bool[Tensor, "codes letters"], balls: Sequence[HammingBall]
) -> Bool[Tensor, "drafts starts"]:
    """Return at which starts a motif agrees with ``weights``, and stays inside the balls."""
    possible = weights > 0
    meets = possible.float() @ sets.float().T > 0
    fits = _windows(meets).all(0)
    for ball in balls:
        in_place = possible.gather(2, ball.reference.expand(len(weights), -1).unsqueeze(2))
        changes = in_place & ~sets.T[ball.reference]
        so_far = (~in_place).sum((1, 2))
        fits &= _windows(changes).sum(0) + so_far[:, None] <= ball.radius
    return fits


def _windows(flags: Bool[Tensor, "drafts sites codes"]) -> Bool[Tensor, "codes drafts starts"]:
    """Return the flag of each position of a motif, for each start of it."""
    codes = flags.shape[2]
    starts = flags.shape[1] - codes + 1
    return torch.stack([flags[:, code : code + starts, code] for code in range(codes)])


def _packed(length: int, motifs: Sequence[MotifSets], n: int, generator: torch.Generator) -> Starts:
    """Return starts at which the motifs stand side by side, in random order with random gaps.

    Starts are past the end where the motifs are longer than the design altogether.
    """
    sizes = torch.tensor([sets.shape[1] for sets in motifs])
    slack = length - int(sizes.sum())
    if slack < 0:
        return torch.full((n, len(motifs)), length)
    shape = (n, len(motifs))
    order = torch.rand(shape, generator=generator).argsort(1)
    gaps = torch.randint(slack + 1, shape, generator=generator).sort(1).values
    ordered = sizes[order]
    return torch.empty(shape, dtype=torch.int64).scatter_(
        1, order, ordered.cumsum(1) - ordered + gaps
    )


def _leaning(weights: Weights, ball: HammingBall) -> Weights:
    """Return weights that leave about as many changes from the centre as the radius allows."""
    n_letters = weights.shape[2]
    at_centre = ball.reference[:, None] == torch.arange(n_letters)
    can_stay = (weights * at_centre > 0).any(2)
    room = ball.radius - (~can_stay).sum(1)
    share = (room / can_stay.sum(1).clamp(min=1)).clamp(1e-6, 1 - 1e-6)
    # Odds of all other letters together are those of a change.
    other = share / (1 - share) / (n_letters - 1)
    return torch.where(at_centre, 1.0, other[:, None, None].double())


def _patterned(weights: Weights, gc: GCWindow, generator: torch.Generator) -> Weights:
    """Return ``weights`` with only G and C left, or only other letters, by a periodic pattern.

    The pattern agrees with sites where only one of the two is possible, as far as these agree
    with each other; a site is left as it is where the pattern would exclude all its letters.
    """
    strong = gc.strong
    sites = torch.arange(weights.shape[1])
    free = weights > 0
    can_strong, can_weak = (free & strong).any(2), (free & ~strong).any(2)
    # How strongly each phase of the period is bound to be strong, with ties broken by chance.
    lean = torch.rand((len(weights), gc.width), generator=generator)
    lean = lean.index_add(1, sites % gc.width, 2.0 * (~can_weak) - 2.0 * (~can_strong))
    low = (lean > 1).sum(1).clamp(gc.fewest, gc.most)
    high = (lean >= 0).sum(1).clamp(gc.fewest, gc.most)
    spread = torch.rand(len(weights), generator=generator) * (high - low + 1)
    rank = lean.argsort(1, descending=True).argsort(1)
    is_strong = (rank < (low + spread.long())[:, None])[:, sites % gc.width]
    kept = weights * (strong == is_strong.unsqueeze(2))
    return kept.where((kept > 0).any(2, keepdim=True), weights)
