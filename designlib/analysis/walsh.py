"""Energy of a score by degree of interaction, and the order in which training learns degrees.

Every score on sequences of L sites is a unique sum of functions of subsets of sites that are
orthogonal under the uniform distribution and average to 0 over each of their sites: the
Fourier expansion, or Efron-Stein decomposition. The degree of a function is the number of
its sites. For an alphabet of two letters this is the Walsh-Hadamard expansion.
O'Donnell (2014). Analysis of Boolean Functions, chapter 8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import comb
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from designlib.analysis.alignment import Alignment, align, predicted_values, rounding_floor
from designlib.spaces import SequenceSpace
from designlib.types import InputError, Letters, OneHot, Scores

_MOST_DESIGNS = 2**20
_BATCH = 4096
_SUBCUBES, _VARIED, _LETTERS = 32, 3, 2
"""256 evaluations for each of 24 checkpoints are 1.4 % of 1,500 steps on 96 designs."""


def degree_spectrum(
    values: Float[Tensor, "*batch designs"], space: SequenceSpace
) -> Float[Tensor, "*batch degrees"]:
    """Return the energy of a score in degrees 0 to L, in float64 and score units squared.

    The energies add up to the mean square over all designs, those of degree 1 and more to the
    variance. ``values`` are the scores of all A^L designs, at most 2^20, in the order where design
    number sum_i letters_i A^i comes in that place: the first site changes fastest.

    Raises InputError for a larger space, another number of values, or one that is not finite.

    >>> from designlib.notation.alphabets import BINARY
    >>> parity = torch.tensor([1.0, -1.0, -1.0, 1.0])
    >>> degree_spectrum(parity, SequenceSpace(BINARY, 2)).tolist()
    [0.0, 0.0, 1.0]
    """
    wanted = _require_small(len(space.alphabet), space.length)
    if values.shape[-1] != wanted:
        raise InputError(f"{values.shape[-1]} values for a space of {wanted} designs")
    if not values.isfinite().all():
        raise InputError("a value is NaN or infinite; finite numbers are needed")
    at = (space.length, len(space.alphabet))
    return _by_degree(_coefficients(values, *at).square(), *at)


def degree_alignment(
    checkpoint_values: Float[Tensor, "designs"],
    final_values: Float[Tensor, "designs"],
    space: SequenceSpace,
) -> Alignment:
    """Return how far a checkpoint's score has each degree, 0 to L, of the final score.

    Both are scores of all designs as `degree_spectrum` takes them. A degree whose energy could be
    rounding counts as absent. Raises InputError as `degree_spectrum` does.
    """
    for values in (checkpoint_values, final_values):
        degree_spectrum(values, space)
    return _Subcubes.whole(space).alignment(checkpoint_values[None], final_values[None])


def sampled_spectrum(
    predict: Callable[[OneHot], Scores],
    space: SequenceSpace,
    generator: torch.Generator,
    n_subcubes: int,
    sites_per_subcube: int,
    most_letters: int,
) -> Float[Tensor, "degrees"]:
    """Return a predictor's mean spectrum on random sub-cubes of a space that is too large to list.

    A sub-cube is a uniformly random background with a uniformly random set of m sites that take
    all combinations of l letters each. On it, a function of j sites of the whole space
    looks like one of those k of them that are varied, so the mean spectrum is smeared downwards:
    E[energy_k] = sum_j W_j C(j, k) C(L-j, m-k) / C(L, m), with W_j the energy of degree j in
    the whole space.

    With fewer letters than the alphabet's A, drawn for each site without replacement, a component
    of j varied sites would keep k with the weight C(j, k) r^k (1 - r)^(j - k),
    r = (1 - 1/l) / (1 - 1/A), since its mean over the letters drawn is not 0. The inverse of
    that matrix, the same with 1/r for r, is applied: the spectrum is unbiased, though a small
    energy may come out negative.

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
        Sites m that are varied, 1 to L.
    most_letters
        Letters l that each varied site takes, at least 2; all A where there are fewer. At most
        2^20 combinations.

    Raises
    ------
    InputError
        A number outside its range, or a predictor whose output has another shape.
    NonFiniteScoreError
        A score is NaN or infinite.
    """
    cubes = _Subcubes.drawn(space, generator, n_subcubes, sites_per_subcube, most_letters)
    return cubes.spectrum(cubes.scores(predict))


def whole_spectrum(
    predict: Callable[[OneHot], Scores], space: SequenceSpace
) -> Float[Tensor, "degrees"]:
    """Return the energy of a predictor in degrees 0 to L, over all designs of a space.

    Raises InputError for more than 2^20 designs, and as `sampled_spectrum` does.
    """
    _require_small(len(space.alphabet), space.length)
    cubes = _Subcubes.whole(space)
    return cubes.spectrum(cubes.scores(predict))


class InteractionShares(NamedTuple):
    """Shares of a score's variance, which with all higher interactions add up to 1."""

    single_sites: float
    """What single sites explain, each for itself."""
    pairs: float
    """What pairs of sites explain beyond that."""


def interaction_shares(
    predict: Callable[[OneHot], Scores], space: SequenceSpace, generator: torch.Generator
) -> InteractionShares:
    """Return which shares of the variance of a score are of first and second order.

    Exact over all designs of a space of at most 256. Otherwise on 32 random sub-cubes of three
    sites that take two letters each before a random background: 256 evaluations for any alphabet
    and length. The energies are unbiased (`sampled_spectrum`) up to the cut of negative ones at 0;
    the error of a share is at most 0.05, the root mean square over seeds on trained predictors of
    DNA and protein. A score that is constant on all of them has no shares, 0 and 0.
    """
    if len(space.alphabet) ** space.length <= _SUBCUBES * _LETTERS**_VARIED:
        energy = whole_spectrum(predict, space)
    else:
        varied = min(_VARIED, space.length)
        sampled = sampled_spectrum(predict, space, generator, _SUBCUBES, varied, _LETTERS)
        energy = sampled.clamp(min=0)
    total = float(energy[1:].sum())
    if total <= 0:
        return InteractionShares(0.0, 0.0)
    return InteractionShares(float(energy[1]) / total, float(energy[2:3].sum()) / total)


def learning_order(
    predictors: Sequence[Callable[[OneHot], Scores]],
    space: SequenceSpace,
    generator: torch.Generator,
    n_subcubes: int = 64,
    sites_per_subcube: int = 5,
    most_letters: int = 4,
) -> Alignment:
    """Return how far each checkpoint has each degree of the final predictor.

    Exact, in degrees 0 to L, over all designs of a space of at most 2^20. Otherwise inner products
    are averaged over the same random sub-cubes for all predictors, and a degree, 0 to
    ``sites_per_subcube``, is one within a sub-cube: see `sampled_spectrum`, also for the other
    parameters.

    ``predictors`` are one or more maps from one-hot rows in float32 on the CPU to one score per
    design, in the order of training. The row of the last one, the final predictor, has cosine 1 and
    learned 1 in every degree that it has.

    Raises InputError for no predictors, and as `sampled_spectrum` does.
    """
    if not predictors:
        raise InputError("the order of learning needs at least one predictor")
    if len(space.alphabet) ** space.length <= _MOST_DESIGNS:
        cubes = _Subcubes.whole(space)
    else:
        cubes = _Subcubes.drawn(space, generator, n_subcubes, sites_per_subcube, most_letters)
    values = [cubes.scores(predict) for predict in predictors]
    rows = [cubes.alignment(each, values[-1]) for each in values]
    return Alignment(*(torch.stack(part) for part in zip(*rows, strict=True)))


class _Subcubes(NamedTuple):
    """Sub-cubes of a space: designs that differ from a background at a few sites only.

    ``letters`` are those that each varied site takes.
    """

    space: SequenceSpace
    backgrounds: Int[Tensor, "subcubes sites"]
    varied: Int[Tensor, "subcubes varied"]
    letters: Int[Tensor, "subcubes varied letters"]

    @classmethod
    def whole(cls, space: SequenceSpace) -> _Subcubes:
        """Return the space as its own and only sub-cube."""
        background = torch.zeros(1, space.length, dtype=torch.int64)
        letters = torch.arange(len(space.alphabet)).expand(1, space.length, -1)
        return cls(space, background, torch.arange(space.length)[None], letters)

    @classmethod
    def drawn(
        cls, space: SequenceSpace, generator: torch.Generator, number: int, sites: int, letters: int
    ) -> _Subcubes:
        """Draw sub-cubes; no letters are drawn where a site takes all of the alphabet."""
        if number < 1 or letters < 2 or not 1 <= sites <= space.length:
            raise InputError(
                f"{number} sub-cubes of {sites} sites with {letters} letters each; at least 1 "
                f"sub-cube and 2 letters are needed, and 1 to {space.length} sites"
            )
        n_letters = len(space.alphabet)
        taken = min(letters, n_letters)
        _require_small(taken, sites)
        order = torch.rand(number, space.length, generator=generator).argsort(1)
        varied = order[:, :sites].sort(1).values
        backgrounds = space.random(number, generator)
        at_sites = torch.arange(n_letters).expand(number, sites, -1)
        if taken < n_letters:
            ranks = torch.rand(at_sites.shape, generator=generator).argsort(2)
            at_sites = ranks[..., :taken].sort(2).values
        return cls(space, backgrounds, varied, at_sites)

    def scores(self, predict: Callable[[OneHot], Scores]) -> Float[Tensor, "subcubes designs"]:
        """Return the scores of all designs of every sub-cube."""
        batches = (self.space.relax(batch) for batch in self._batches())
        return predicted_values(predict, batches).view(len(self.backgrounds), -1)

    def spectrum(self, values: Float[Tensor, "subcubes designs"]) -> Float[Tensor, "degrees"]:
        """Return the mean energy of scores in each degree."""
        coefficients = _coefficients(values, *self.letters.shape[1:])
        return self._mean_by_degree(coefficients.square())

    def alignment(
        self, values: Float[Tensor, "subcubes designs"], final: Float[Tensor, "subcubes designs"]
    ) -> Alignment:
        """Return the alignment out of inner products averaged over sub-cubes."""
        ours, theirs = (_coefficients(each, *self.letters.shape[1:]) for each in (values, final))
        products = (ours * theirs, ours.square(), theirs.square())
        cross, energy, final_energy = (self._mean_by_degree(product) for product in products)
        return align(cross, energy, final_energy, rounding_floor(values), rounding_floor(final))

    def _mean_by_degree(
        self, products: Float[Tensor, "subcubes designs"]
    ) -> Float[Tensor, "degrees"]:
        """Return mean products over all letters, out of those over the letters drawn."""
        (_, varied, drawn), n_letters = self.letters.shape, len(self.space.alphabet)
        means = _by_degree(products, varied, drawn).mean(0)
        if drawn == n_letters:
            return means
        inverse = (1 - 1 / n_letters) / (1 - 1 / drawn)
        weights = [
            [comb(j, k) * inverse**k * (1 - inverse) ** max(0, j - k) for j in range(varied + 1)]
            for k in range(varied + 1)
        ]
        return torch.tensor(weights, dtype=means.dtype) @ means

    def _batches(self) -> Iterator[Letters]:
        """Yield the designs of one sub-cube after the other, a batch at a time."""
        number, n_varied, n_letters = self.letters.shape
        n_designs = n_letters**n_varied
        places = n_letters ** torch.arange(n_varied)
        for rows in torch.arange(number * n_designs).split(_BATCH):
            cube, design = rows // n_designs, rows % n_designs
            choice = design[:, None] // places % n_letters
            letters = self.letters[cube].gather(2, choice[..., None]).squeeze(2)
            yield self.backgrounds[cube].scatter(1, self.varied[cube], letters)


def _coefficients(
    values: Float[Tensor, "*batch designs"], length: int, n_letters: int
) -> Float[Tensor, "*batch designs"]:
    """Return the coefficients in an orthonormal basis of products of functions of one site.

    Place sum_i b_i A^i holds that of the product of the functions b_i, of which 0 is constant. The
    functions of one letter are Helmert's: function k compares the first k letters with the next
    one; for two letters they are 1 and the sign.
    """
    basis = torch.ones(n_letters, n_letters, dtype=torch.float64)
    for k in range(1, n_letters):
        basis[k, k], basis[k, k + 1 :] = -k, 0
        basis[k] *= (n_letters / (k * (k + 1))) ** 0.5
    turned = values.double()
    for _ in range(length):
        # The fastest axis is transformed and becomes the slowest; the next site is in its place.
        rows = turned.reshape(*values.shape[:-1], -1, n_letters) @ (basis / n_letters).T
        turned = rows.transpose(-1, -2).reshape(values.shape)
    return turned


def _by_degree(
    products: Float[Tensor, "*batch designs"], length: int, n_letters: int
) -> Float[Tensor, "*batch degrees"]:
    """Sum what belongs to coefficients of the same degree."""
    varies = (torch.arange(n_letters) > 0).long()
    degrees = torch.zeros(1, dtype=torch.int64)
    for _ in range(length):
        degrees = (varies[:, None] + degrees).flatten()
    empty = products.new_zeros(*products.shape[:-1], length + 1)
    return empty.index_add(-1, degrees, products)


def _require_small(n_letters: int, length: int) -> int:
    """Return the number of designs; raise InputError where these are too many to list."""
    n_designs = n_letters**length
    if n_designs > _MOST_DESIGNS:
        raise InputError(
            f"{n_letters} letters at {length} sites make {n_designs:.3g} designs; at most "
            f"{_MOST_DESIGNS} can be listed"
        )
    return n_designs
