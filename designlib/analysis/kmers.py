"""How much of a score the counts of short words explain, whatever their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from designlib.analysis.alignment import Alignment, align, predicted_values, rounding_floor
from designlib.spaces import SequenceSpace
from designlib.types import InputError, Letters, OneHot, Scores

LARGEST = 3
"""Length of the longest words that are counted."""
_BATCH = 4096
_PER_FEATURE = 10
_LEAST = 1e-9
"""Share of the largest singular value below which a direction is none."""


def kmer_alignment(
    checkpoints: Sequence[Callable[[OneHot], Scores]],
    space: SequenceSpace,
    generator: torch.Generator,
    largest: int = LARGEST,
) -> Alignment:
    r"""Return how far each checkpoint has what words of each length tell of the final score.

    On uniformly random designs, at least ten for each word, a score is projected on the counts of
    the words of length 1, then on what counts of length 2 add to them, and so on; component
    :math:`k` is what words of length :math:`k` add. What is left over depends on places, or on
    longer words, and is in no component. It is the order of a :math:`k`-mer model, where
    `order_of_learning` has the number of sites that interact.

    The alignment has shape (checkpoints, lengths), lengths 1 to ``largest``. Raises InputError for
    no checkpoints, or lengths that are not between 1 and that of the designs.
    """
    if not checkpoints or not 1 <= largest <= space.length:
        raise InputError(
            f"words of up to {largest} letters of {len(checkpoints)} checkpoints: at "
            f"least one checkpoint is needed, and 1 to {space.length} letters"
        )
    number = max(1024, _PER_FEATURE * len(space.alphabet) ** largest)
    letters = space.random(number, generator)
    bases = _bases(letters, len(space.alphabet), largest)
    batches = [space.relax(part) for part in letters.split(_BATCH)]
    values = [predicted_values(predict, batches).double() for predict in checkpoints]
    final = _components(values[-1], bases)
    energy, floor = _summed(final, final), rounding_floor(values[-1])
    rows = []
    for value in values:
        parts = _components(value, bases)
        products = _summed(parts, final), _summed(parts, parts), energy
        rows.append(align(*products, rounding_floor(value), floor))
    return Alignment(*(torch.stack(part) for part in zip(*rows, strict=True)))


def kmer_counts(letters: Letters, alphabet: int, length: int) -> Float[Tensor, "designs words"]:
    """Return how often each word of a length occurs in each design.

    >>> kmer_counts(torch.tensor([[0, 1, 0, 1]]), 2, 2).tolist()
    [[0.0, 2.0, 1.0, 0.0]]
    """
    places = alphabet ** torch.arange(length - 1, -1, -1)
    words = (letters.unfold(1, length, 1) * places).sum(2)
    counts = torch.zeros(len(letters), alphabet**length, dtype=torch.float64)
    return counts.scatter_add_(1, words, torch.ones_like(words, dtype=torch.float64))


def _bases(letters: Letters, alphabet: int, largest: int) -> list[Float[Tensor, "designs _"]]:
    """Return orthonormal bases of what the words of each length add to the shorter ones."""
    before = torch.ones(len(letters), 1, dtype=torch.float64) / len(letters) ** 0.5
    bases = []
    for length in range(1, largest + 1):
        counts = kmer_counts(letters, alphabet, length)
        scale = float(torch.linalg.matrix_norm(counts, 2))
        left = counts - before @ (before.T @ counts)
        vectors, sizes, _ = torch.linalg.svd(left, full_matrices=False)
        # A count of the last length follows from the others: no direction of its own.
        bases.append(vectors[:, sizes > _LEAST * scale])
        before = torch.cat([before, bases[-1]], 1)
    return bases


def _components(values: Tensor, bases: Sequence[Tensor]) -> list[Tensor]:
    return [basis.T @ values / len(values) ** 0.5 for basis in bases]


def _summed(one: Sequence[Tensor], other: Sequence[Tensor]) -> Float[Tensor, "lengths"]:
    return torch.stack([(a * b).sum() for a, b in zip(one, other, strict=True)])
