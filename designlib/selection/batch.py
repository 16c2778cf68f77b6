"""The diverse choice of a batch from what passed the filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypedDict

import numpy as np
import pandas as pd

from designlib.choosing import Quota, Walk
from designlib.diversity import choose_determinantal, choose_representative
from designlib.scoring import clusters, distances_to, pairwise_distances, span
from designlib.selection.config import SelectionConfig
from designlib.selection.filters import no_nan, rejection_counts, require
from designlib.spaces import DesignSpace, SequenceSpace
from designlib.types import InputError

__all__ = ["Batch", "BatchReport", "select_batch"]


class BatchReport(TypedDict):
    """How a batch came about; plain numbers that go into JSON as they are."""

    wanted: int
    chosen: int
    """Designs in the batch; fewer than wanted only when fewer survived."""
    survivors: int
    """Rows that passed the filters."""
    duplicates: int
    """Survivors dropped as the same molecule as a better one."""
    considered: int
    """Designs on the shortlist."""
    min_distance_wanted: int
    min_distance_used: int
    """What the wanted distance was lowered to, in letters; the same when it held."""
    chosen_at_distance: dict[str, int]
    """Designs taken at each distance, in letters, from the wanted one down."""
    closest_pair: int | None
    mean_distance: float | None
    """Over all pairs in the batch, in letters; both None for a single design."""
    mean_acquisition: float
    mean_acquisition_of_best: float
    """The same for as many best designs without regard to diversity: the price paid for it."""


class Batch(NamedTuple):
    """A chosen batch and the account of the choice."""

    frame: pd.DataFrame
    """The chosen rows with ``rank`` from 1, best acquisition first."""
    report: BatchReport


def select_batch(
    frame: pd.DataFrame, space: DesignSpace, config: SelectionConfig, *, both_strands: bool
) -> Batch:
    """Return a diverse batch of the designs that passed the filters.

    The rule: order the survivors by acquisition (equal ones alphabetically), keep
    the first row of each molecule, and put the best on a shortlist. Walk down it and
    take a design unless it is closer than ``min_distance`` to one already taken. When
    the list ends before the batch is full, lower the distance by one letter and walk
    again, down to 1, where every molecule is admitted. So the batch is full whenever
    enough molecules survived, and none of it ranks below the shortlist.

    With another ``diversity`` the batch is what facility location or a determinantal point process
    takes from the shortlist greedily, see `designlib.diversity`; it may stay short where all that
    is left is like what was taken.

    A share of the batch may be chosen by acquisition plus a multiple of ``predicted_spread`` in
    a second walk; its ``role`` is explore, that of the others exploit. Quotas per parent and per
    cluster hold in both walks, and a batch may then stay short.

    Reads ``design``, ``acquisition`` and ``rejected_because``, for quotas ``parent_design``;
    the order of the rows of ``frame`` does not matter as long as rows of one design agree.

    Raises InputError when no design survived.
    """
    require(frame, ["design", "acquisition", "rejected_because"])
    survivors = frame.loc[frame["rejected_because"] == "", :]
    if survivors.empty:
        counts = [f"{kind} ({n})" for kind, n in rejection_counts(frame).items()]
        raise InputError(
            f"none of {len(frame)} sampled designs passed the filters: {', '.join(counts)}; "
            "loosen the selection or the constraints, or sample more designs"
        )
    no_nan("acquisition", survivors["acquisition"].to_numpy(dtype=np.float64))
    molecules = _best_of_each_molecule(survivors, space, both_strands)
    shortlist = _shortlist(molecules, config)
    if config.diversity == "distance":
        taken, taken_at, explored = _walked(shortlist, space, config, both_strands)
    else:
        taken = _spread_out(shortlist, space, config, both_strands)
        taken_at, explored = np.full(len(taken), config.min_distance), len(taken)
    # A later walk may take a better design than an earlier one; ranks follow the acquisition.
    rows = np.sort(taken)
    role = np.where(np.isin(rows, taken[explored:]), "explore", "exploit")
    batch = shortlist.iloc[rows].assign(rank=np.arange(1, len(rows) + 1), role=role)
    batch = batch.reset_index(drop=True)
    designs = space.encode(batch["design"].tolist())
    distances = pairwise_distances(space, designs, both_strands=both_strands)
    among = distances[np.triu_indices(len(rows), 1)]
    report = BatchReport(
        wanted=config.batch_size,
        chosen=len(rows),
        survivors=len(survivors),
        duplicates=len(survivors) - len(molecules),
        considered=len(shortlist),
        min_distance_wanted=config.min_distance,
        min_distance_used=int(taken_at.min()),
        chosen_at_distance={
            str(level): taken_at.tolist().count(level)
            for level in sorted(set(taken_at.tolist()), reverse=True)
        },
        closest_pair=int(among.min()) if among.size else None,
        mean_distance=float(among.mean()) if among.size else None,
        mean_acquisition=float(batch["acquisition"].to_numpy().mean()),
        mean_acquisition_of_best=float(molecules["acquisition"].to_numpy()[: len(rows)].mean()),
    )
    return Batch(batch, report)


def _walked(
    shortlist: pd.DataFrame, space: DesignSpace, config: SelectionConfig, both_strands: bool
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the rows taken by distance, at which distance, and how many before exploring."""
    distances = pairwise_distances(
        space, space.encode(shortlist["design"].tolist()), both_strands=both_strands
    )
    walk = Walk(distances, _quotas(shortlist, space, config, both_strands))
    exploring = round(config.explore_share * config.batch_size)
    best = np.arange(min(config.shortlist, len(shortlist)))
    walk.take(best, config.batch_size - exploring, config.min_distance)
    explored = len(walk.taken)
    if exploring:
        spread = np.argsort(-shortlist["exploration"].to_numpy(), kind="stable")
        walk.take(spread, exploring, config.min_distance)
    return np.array(walk.taken), np.array(walk.taken_at), explored


def _spread_out(
    shortlist: pd.DataFrame, space: DesignSpace, config: SelectionConfig, both_strands: bool
) -> np.ndarray:
    """Return the rows taken by facility location or as a determinantal point process."""
    designs = space.encode(shortlist["design"].tolist())
    given = shortlist["acquisition"].to_numpy(dtype=np.float64)
    quality = (given - given.mean()) / max(float(given.std()), _ALIKE)
    # Similar means less than a third of the space apart, as it does for clusters.
    scale = max(1.0, span(space) / 3)

    def similarity(rows: Sequence[int]) -> np.ndarray:
        apart = distances_to(space, designs[list(rows)], designs, both_strands=both_strands)
        return np.exp(-((apart / scale) ** 2))

    choose = choose_determinantal if config.diversity == "determinantal" else choose_representative
    quotas = _quotas(shortlist, space, config, both_strands)
    taken = choose(quality, similarity, config.batch_size, config.diversity_weight, quotas)
    return np.array(taken)


_ALIKE = 1e-12


def _shortlist(molecules: pd.DataFrame, config: SelectionConfig) -> pd.DataFrame:
    """Return the best designs, and the most uncertain promising ones where some are explored."""
    best = molecules.head(config.shortlist)
    if config.explore_share == 0:
        return best
    promise = molecules["acquisition"] + config.explore_weight * molecules["predicted_spread"]
    molecules = molecules.assign(exploration=promise)
    others = molecules.iloc[config.shortlist :].nlargest(config.shortlist, "exploration")
    return pd.concat(
        [molecules.head(config.shortlist), others.sort_index(key=molecules.index.get_indexer)]
    )


def _best_of_each_molecule(
    survivors: pd.DataFrame, space: DesignSpace, both_strands: bool
) -> pd.DataFrame:
    """Return one row per molecule, best acquisition first, ties by design."""
    ordered = survivors.sort_values(
        ["acquisition", "design"], ascending=[False, True], kind="stable"
    )
    designs = ordered["design"].tolist()
    if both_strands and isinstance(space, SequenceSpace):
        designs = space.canonical(designs)
    molecule = pd.Series(designs, dtype=object)
    return ordered.loc[~molecule.duplicated().to_numpy(), :]


def _quotas(
    shortlist: pd.DataFrame, space: DesignSpace, config: SelectionConfig, both_strands: bool
) -> list[Quota]:
    quotas: list[Quota] = []
    if config.max_per_parent is not None:
        parents = shortlist["parent_design"].astype(object)
        quotas.append((parents.where(parents.notna(), None).tolist(), config.max_per_parent))
    if config.max_per_cluster is not None:
        letters = space.encode(shortlist["design"].tolist())
        groups = clusters(space, letters, both_strands=both_strands)
        quotas.append((groups.tolist(), config.max_per_cluster))
    return quotas
