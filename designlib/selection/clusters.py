"""Clusters of similar designs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Int

from designlib.spaces import DesignSpace, pairwise_distances, span
from designlib.types import Designs


def clusters(
    space: DesignSpace, designs: Designs, *, both_strands: bool = False
) -> Int[np.ndarray, "designs"]:
    """Return a cluster number from 1 for each design, counted in order of first appearance.

    By complete linkage: any two designs of a cluster differ at no more than a third of the sites,
    or in no more than a third of a composition, rounded up. Quadratic in the number of designs;
    some thousand are fine.
    """
    # A second of import that only the choice of a batch needs.
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(designs) < 2:
        return np.ones(len(designs), dtype=np.int64)
    distances = pairwise_distances(space, designs, both_strands=both_strands)
    tree = linkage(squareform(distances, checks=False), "complete")
    return pd.factorize(fcluster(tree, -(-span(space) // 3), "distance"))[0] + 1
