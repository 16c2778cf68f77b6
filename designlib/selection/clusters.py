"""Clusters of similar designs."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from designlib.spaces import (
    DesignSpace,
    pairwise_distances,
    span,
)
from designlib.types import Designs

__all__ = ["clusters"]


def clusters(
    space: DesignSpace, designs: Designs, *, both_strands: bool = False
) -> Int[np.ndarray, "designs"]:
    """Return a cluster number from 1 for each design, counted in order of first appearance.

    The rule: complete linkage, so any two designs of a cluster differ at no more
    than a third of the sites, or in no more than a third of a composition, rounded up.
    Quadratic in the number of designs; some thousand are fine.
    """
    # A second of import that only the choice of a batch needs.
    from sklearn.cluster import AgglomerativeClustering

    if len(designs) < 2:
        return np.ones(len(designs), dtype=np.int64)
    within = -(-span(space) // 3)
    labels = AgglomerativeClustering(
        n_clusters=None,  # pyright: ignore[reportArgumentType] -- the threshold decides
        metric="precomputed",
        linkage="complete",
        distance_threshold=within + 0.5,  # merging stops at or above; distances are whole
    ).fit_predict(pairwise_distances(space, designs, both_strands=both_strands))
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first)] = np.arange(1, len(first) + 1)
    return number[inverse]
