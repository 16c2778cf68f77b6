"""Energy of a score by degree of interaction, and the order in which training learns degrees.

Every score on sequences of L sites is a unique sum of functions of subsets of sites that are
orthogonal under the uniform distribution and average to 0 over each of their sites: the
Fourier expansion, or Efron-Stein decomposition. The degree of a function is the number of
its sites. For an alphabet of two letters this is the Walsh-Hadamard expansion.
O'Donnell (2014). Analysis of Boolean Functions, chapter 8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from designlib.analysis.alignment import Alignment, align, predicted_values, rounding_floor
from designlib.spaces import SequenceSpace
from designlib.types import InputError, Letters, OneHot, Scores

__all__ = ["degree_alignment", "degree_spectrum", "learning_order", "subcube_values"]

_MOST_DESIGNS = 2**20
_BATCH = 4096


class _Subcubes(NamedTuple):
    """Sub-cubes of a space: all designs that differ from a background at a few sites only."""

    backgrounds: Int[Tensor, "subcubes sites"]
    varied: Int[Tensor, "subcubes varied"]


def degree_spectrum(
    values: Float[Tensor, "*batch designs"], space: SequenceSpace
) -> Float[Tensor, "*batch degrees"]:
    """Return the energy of a score in degrees 0 to L, in float64 and score units squared.

    The energies add up to the mean square over all designs, those of degree 1 and more to
    the variance.

    Parameters
    ----------
    values
        Scores of all A^L designs of the space, in the order where design number
        sum_i letters_i A^i comes in that place: the first site changes fastest.
    space
        The space, of at most 2^20 designs.

    Raises
    ------
    InputError
        A space that is too large, another number of values than designs, or a value that
        is not finite.

    Examples
    --------
    >>> from designlib.notation.alphabets import BINARY
    >>> parity = torch.tensor([1.0, -1.0, -1.0, 1.0])
    >>> degree_spectrum(parity, SequenceSpace(BINARY, 2)).tolist()
    [0.0, 0.0, 1.0]
    """
    _require_all(values, space)
    return _by_degree(_coefficients(values, space).square(), space)


def degree_alignment(
    checkpoint_values: Float[Tensor, "designs"],
    final_values: Float[Tensor, "designs"],
    space: SequenceSpace,
) -> Alignment:
    """Return how far a checkpoint's score has each degree of the final score.

    Parameters
    ----------
    checkpoint_values, final_values
        Scores of all designs of the space, in the order of ``degree_spectrum``.
    space
        The space, of at most 2^20 designs.

    Returns
    -------
    Alignment
        Of degrees 0 to L. A degree whose energy could be rounding counts as absent.

    Raises
    ------
    InputError
        As for ``degree_spectrum``.
    """
    _require_all(checkpoint_values, space)
    _require_all(final_values, space)
    return _aligned(checkpoint_values[None], final_values[None], space)


def subcube_values(
    predict: Callable[[OneHot], Scores],
    space: SequenceSpace,
    generator: torch.Generator,
    n_subcubes: int,
    sites_per_subcube: int,
) -> Float[Tensor, "subcubes designs"]:
    """Return a predictor's scores on random sub-cubes of a space that is too large to list.

    A sub-cube is a uniformly random background with a uniformly random set of m sites that
    take all A^m combinations of letters, the first of them changing fastest. Each row suits
    ``degree_spectrum`` with ``SequenceSpace(space.alphabet, m)``. On a sub-cube, a function
    of j sites of the whole space looks like one of those k of them that are varied, so the
    mean spectrum of sub-cubes is smeared downwards:
    E[energy_k] = sum_j W_j C(j, k) C(L-j, m-k) / C(L, m), with W_j the energy of degree j in
    the whole space.

    Parameters
    ----------
    predict
        Map from one-hot rows in float32 on the CPU to one score per design.
    space
        The space.
    generator
        Draws the sub-cubes.
    n_subcubes
        Number of sub-cubes, at least 1.
    sites_per_subcube
        Sites m that are varied, 1 to L, with at most 2^20 combinations of letters.

    Raises
    ------
    InputError
        A number outside its range, or a predictor whose output has another shape.
    NonFiniteScoreError
        A score is NaN or infinite.
    """
    return _scores(predict, space, _subcubes(space, generator, n_subcubes, sites_per_subcube))


def learning_order(
    predictors: Sequence[Callable[[OneHot], Scores]],
    space: SequenceSpace,
    generator: torch.Generator,
    n_subcubes: int = 64,
    sites_per_subcube: int = 5,
) -> Alignment:
    """Return how far each checkpoint has each degree of the final predictor.

    Exact, over all designs, for a space of at most 2^20; the last three parameters then
    have no effect. Otherwise inner products are averaged over the same random sub-cubes for
    all predictors, and a degree is one within a sub-cube: see ``subcube_values``.

    Parameters
    ----------
    predictors
        One or more maps from one-hot rows in float32 on the CPU to one score per design, in
        the order of training; the last one is the final predictor.
    space
        The space.
    generator, n_subcubes, sites_per_subcube
        As for ``subcube_values``.

    Returns
    -------
    Alignment
        Shape (checkpoints, degrees): degrees 0 to L where exact, else 0 to
        ``sites_per_subcube``. The row of the final predictor has cosine 1 and learned 1
        in every degree that it has.

    Raises
    ------
    InputError
        No predictors, and as for ``subcube_values``.
    NonFiniteScoreError
        A score is NaN or infinite.
    """
    if not predictors:
        raise InputError("the order of learning needs at least one predictor")
    if len(space.alphabet) ** space.length <= _MOST_DESIGNS:
        cubes = _whole(space)
    else:
        cubes = _subcubes(space, generator, n_subcubes, sites_per_subcube)
    within = SequenceSpace(space.alphabet, cubes.varied.shape[1])
    final = _scores(predictors[-1], space, cubes)
    rows = [_aligned(_scores(predict, space, cubes), final, within) for predict in predictors]
    return Alignment(*(torch.stack(part) for part in zip(*rows, strict=True)))


def _aligned(
    values: Float[Tensor, "subcubes designs"],
    final: Float[Tensor, "subcubes designs"],
    space: SequenceSpace,
) -> Alignment:
    """Return the alignment out of inner products averaged over sub-cubes."""
    ours, theirs = _coefficients(values, space), _coefficients(final, space)
    return align(
        _by_degree(ours * theirs, space).mean(0),
        _by_degree(ours.square(), space).mean(0),
        _by_degree(theirs.square(), space).mean(0),
        rounding_floor(values),
        rounding_floor(final),
    )


def _coefficients(
    values: Float[Tensor, "*batch designs"], space: SequenceSpace
) -> Float[Tensor, "*batch designs"]:
    """Return the coefficients in an orthonormal basis of products of functions of one site.

    Place sum_i b_i A^i holds that of the product of the functions b_i, of which 0 is constant.
    """
    n_letters, batch = len(space.alphabet), values.shape[:-1]
    basis = _site_basis(n_letters)
    turned = values.double()
    for _ in range(space.length):
        # The fastest axis is transformed and becomes the slowest; the next site is in its place.
        rows = turned.reshape(*batch, -1, n_letters) @ basis.T
        turned = rows.transpose(-1, -2).reshape(values.shape)
    return turned


def _site_basis(n_letters: int) -> Float[Tensor, "functions letters"]:
    """Return Helmert's functions of one letter over A, so that a product is a mean over letters.

    Function 0 is the constant 1; function k compares the first k letters with the next one.
    For two letters they are 1 and the sign.
    """
    rows = [torch.ones(n_letters, dtype=torch.float64)]
    for k in range(1, n_letters):
        row = torch.zeros(n_letters, dtype=torch.float64)
        row[:k], row[k] = 1, -k
        rows.append(row * (n_letters / (k * (k + 1))) ** 0.5)
    return torch.stack(rows) / n_letters


def _by_degree(
    products: Float[Tensor, "*batch designs"], space: SequenceSpace
) -> Float[Tensor, "*batch degrees"]:
    """Sum what belongs to coefficients of the same degree."""
    varies = (torch.arange(len(space.alphabet)) > 0).long()
    degrees = torch.zeros(1, dtype=torch.int64)
    for _ in range(space.length):
        degrees = (varies[:, None] + degrees).flatten()
    empty = products.new_zeros(*products.shape[:-1], space.length + 1)
    return empty.index_add(-1, degrees, products)


def _whole(space: SequenceSpace) -> _Subcubes:
    """Return the space as its own and only sub-cube."""
    background = torch.zeros(1, space.length, dtype=torch.int64)
    return _Subcubes(background, torch.arange(space.length)[None])


def _subcubes(
    space: SequenceSpace, generator: torch.Generator, n_subcubes: int, sites_per_subcube: int
) -> _Subcubes:
    if n_subcubes < 1:
        raise InputError(f"{n_subcubes} sub-cubes were asked for; at least 1 is needed")
    if not 1 <= sites_per_subcube <= space.length:
        raise InputError(
            f"sub-cubes of {sites_per_subcube} sites were asked for; designs have {space.length}"
        )
    _require_small(SequenceSpace(space.alphabet, sites_per_subcube))
    order = torch.rand(n_subcubes, space.length, generator=generator).argsort(1)
    varied = order[:, :sites_per_subcube].sort(1).values
    return _Subcubes(space.random(n_subcubes, generator), varied)


def _scores(
    predict: Callable[[OneHot], Scores], space: SequenceSpace, cubes: _Subcubes
) -> Float[Tensor, "subcubes designs"]:
    """Return the scores of all designs of every sub-cube."""
    scores = predicted_values(predict, (space.relax(batch) for batch in _batches(space, cubes)))
    return scores.view(len(cubes.backgrounds), -1)


def _batches(space: SequenceSpace, cubes: _Subcubes) -> Iterator[Letters]:
    """Yield the designs of one sub-cube after the other, a batch at a time."""
    n_letters, n_varied = len(space.alphabet), cubes.varied.shape[1]
    n_designs = n_letters**n_varied
    places = n_letters ** torch.arange(n_varied)
    for rows in torch.arange(len(cubes.backgrounds) * n_designs).split(_BATCH):
        cube, number = rows // n_designs, rows % n_designs
        letters = number[:, None] // places % n_letters
        yield cubes.backgrounds[cube].scatter(1, cubes.varied[cube], letters)


def _require_all(values: Float[Tensor, "*batch designs"], space: SequenceSpace) -> None:
    _require_small(space)
    wanted = len(space.alphabet) ** space.length
    if values.shape[-1] != wanted:
        raise InputError(f"{values.shape[-1]} values for a space of {wanted} designs")
    if not values.isfinite().all():
        raise InputError("a value is NaN or infinite; finite numbers are needed")


def _require_small(space: SequenceSpace) -> None:
    n_designs = len(space.alphabet) ** space.length
    if n_designs > _MOST_DESIGNS:
        raise InputError(
            f"{len(space.alphabet)} letters at {space.length} sites make {n_designs:.3g} designs; "
            f"at most {_MOST_DESIGNS} can be listed"
        )
