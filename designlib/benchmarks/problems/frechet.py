r"""Frechet distance between two sets of feature vectors, each taken as a Gaussian.

.. math:: d^2 = |\mu_1 - \mu_2|^2 + \mathrm{tr}(\Sigma_1 + \Sigma_2
    - 2 (\Sigma_1^{1/2} \Sigma_2 \Sigma_1^{1/2})^{1/2})

Dowson and Landau, Journal of Multivariate Analysis 12, 450 (1982); as a measure of generated
images Heusel et al., NeurIPS 2017, there in features of a network called Inception. Its scale is
that of the features, so figures of different features do not compare.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from designlib.types import InputError

__all__ = ["frechet_distance"]


def frechet_distance(
    first: Float[Tensor, "first features"], second: Float[Tensor, "second features"]
) -> float:
    """Return the squared Frechet distance, in squared units of the features.

    The estimate is too large by an amount that falls with the number of vectors: compare sets of
    one size.

    Raises InputError for sets of fewer than two vectors and for NaN.
    """
    for vectors in (first, second):
        if len(vectors) < 2 or not bool(vectors.isfinite().all()):
            raise InputError("a Frechet distance needs two sets of at least two finite vectors")
    first, second = first.double(), second.double()
    root = _root(_covariance(first))
    product = root @ _covariance(second) @ root
    overlap = torch.linalg.eigvalsh((product + product.T) / 2).clamp(min=0).sqrt().sum()
    spread = first.var(0).sum() + second.var(0).sum()
    distance = (first.mean(0) - second.mean(0)).square().sum() + spread - 2 * overlap
    return max(0.0, float(distance))


def _covariance(vectors: Float[Tensor, "n features"]) -> Float[Tensor, "features features"]:
    centred = vectors - vectors.mean(0)
    return centred.T @ centred / (len(vectors) - 1)


def _root(matrix: Float[Tensor, "features features"]) -> Float[Tensor, "features features"]:
    """Return the symmetric root of a covariance, whose eigenvalues are 0 at least."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T
