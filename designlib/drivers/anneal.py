"""Annealed walk: a few kernel steps on each rung of a ladder, each chain on its own.

The end states of short walks are the result of a search, not exact draws from the
last rung's density.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from designlib.kernels.base import Kernel
from designlib.ladders import Rung
from designlib.randomness import chain_uniforms
from designlib.types import InputError, Letters, Scores

__all__ = ["Snapshot", "anneal"]


class Snapshot(NamedTuple):
    """All chains at the end of one rung."""

    rung: int
    letters: Letters
    value: Scores
    """Score of the rung's predictor, not scaled by beta."""
    acceptance: Float[Tensor, "designs"]
    """Share of each chain's proposals on this rung that were accepted."""


def anneal(
    ladder: Sequence[Rung],
    kernel: Kernel,
    initial: Letters,
    seed: int,
    chains: Sequence[int],
    entry_rung: int = 0,
) -> Iterator[Snapshot]:
    """Walk ``ladder`` from ``entry_rung`` to its end and yield the chains after each rung.

    ``chains`` numbers the rows of ``initial``: the draws of chain k on rung t are a function of
    (seed, t, k) alone, so a chain takes the same walk in any batch, up to the rounding of
    the predictor's arithmetic, which may depend on the size of the batch.

    Raises InputError for an entry rung outside the ladder or numbers that do not
    match the chains.
    """
    if not 0 <= entry_rung < len(ladder):
        raise InputError(f"entry rung {entry_rung} is outside a ladder of {len(ladder)} rungs")
    if len(chains) != len(initial):
        raise InputError(f"{len(initial)} initial designs but {len(chains)} chain numbers")
    letters = initial
    for index in range(entry_rung, len(ladder)):
        rung = ladder[index]
        draws = chain_uniforms(seed, index, chains, rung.steps, kernel.draws_per_step)
        draws = draws.to(letters.device)
        # A new target needs a fresh evaluation: value and gradient belong to its checkpoint.
        state = kernel.init(rung.target, letters)
        accepted = state.value.new_zeros(len(letters))
        for uniforms in draws:
            state, info = kernel.step(rung.target, state, uniforms)
            accepted += info.accepted
        letters = state.letters
        yield Snapshot(index, letters, state.value, accepted / rung.steps)
