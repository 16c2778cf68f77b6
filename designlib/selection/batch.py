"""From scored designs to a batch: the best on a shortlist, and a diverse choice among them.

The acquisition is on a scale where more is always better.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from designlib.config import SelectionConfig
from designlib.selection.clusters import clusters
from designlib.selection.diversity import (
    Quota,
    SpacedChoice,
    choose_determinantal,
    choose_representative,
)
from designlib.selection.filters import refuse_nan, rejection_counts, require
from designlib.selection.scoring import FIRST
from designlib.spaces import DesignSpace, SequenceSpace, distances_to, pairwise_distances, span
from designlib.types import InputError


@dataclass(frozen=True)
class BatchReport:
    """Account of the choice of a batch, in plain numbers."""

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
    """Return a diverse batch of the designs that passed the filters; see `Shortlist`."""
    shortlist = Shortlist(space, config, both_strands=both_strands)
    shortlist.add(frame)
    return shortlist.batch()


class Shortlist:
    """The best of any number of designs, which arrive part by part, and the batch among them.

    The rule: order the survivors by acquisition (equal ones alphabetically), keep
    the first row of each molecule, and put the best on a shortlist. Go down it and
    take a design unless it is closer than ``min_distance`` to one already taken. When
    the list ends before the batch is full, lower the distance by one letter and start
    again, down to 1, where every molecule is admitted. So the batch is full whenever
    enough molecules survived, and none of it ranks below the shortlist.

    A share of the batch may be chosen by acquisition plus a multiple of the standard deviation in
    a second pass; its ``role`` is explore, that of the others exploit. Quotas per parent and per
    cluster hold in both passes, and a batch may then stay short.

    With another ``diversity`` the batch is what facility location or a determinantal point process
    takes from the shortlist greedily, see `designlib.selection.diversity`; it may stay short where
    all that is left is like what was taken.

    The result does not depend on the order of the designs or on how they are divided, as long as
    rows of one design agree. Memory does not grow with their number, but for 8 bytes a survivor,
    by which molecules are counted.
    """

    def __init__(
        self,
        space: DesignSpace,
        config: SelectionConfig,
        *,
        both_strands: bool,
        std: str = FIRST.std,
    ) -> None:
        self._space = space
        self._config = config
        self._both_strands = both_strands
        self._std = std
        self._best: pd.DataFrame | None = None
        self._promising: pd.DataFrame | None = None
        self._by_score: pd.DataFrame | None = None
        self._molecules: list[np.ndarray] = []
        self._rejected: Counter[str] = Counter()
        self.designs = 0
        """Rows that were added."""

    @property
    def rejected(self) -> dict[str, int]:
        """How many designs each kind of reason rejected, most frequent first."""
        return dict(sorted(self._rejected.items(), key=lambda item: (-item[1], item[0])))

    @property
    def best_by_score(self) -> pd.DataFrame:
        """As many designs as the batch wants, best first, without regard to diversity or strands.

        Raises InputError when no design survived.
        """
        if self._by_score is None:
            raise self._nothing_left()
        return self._by_score.reset_index(drop=True)

    def add(self, frame: pd.DataFrame) -> None:
        """Take note of a part of the designs.

        Reads ``design``, ``acquisition`` and ``rejected_because``, for quotas ``parent_design``,
        for exploring the column ``std``. Raises InputError for a missing column or NaN.
        """
        require(frame, ["design", "acquisition", "rejected_because"])
        self.designs += len(frame)
        self._rejected.update(rejection_counts(frame))
        survivors = frame.loc[(frame["rejected_because"] == "").to_numpy(), :]
        if survivors.empty:
            return
        refuse_nan("acquisition", survivors["acquisition"].to_numpy(dtype=np.float64))
        names = self._canonical(survivors["design"].tolist())
        self._molecules.append(pd.util.hash_array(np.array(names, dtype=object), categorize=False))
        survivors = survivors.assign(**{_MOLECULE: pd.array(names, dtype="str")})
        most, order = self._config.shortlist, ["acquisition"]
        self._by_score = _top(self._by_score, survivors, order, self._config.batch_size)
        self._best = _top(self._best, survivors, order, most, distinct=True)
        if self._config.explore_share > 0:
            std = _EXPLORE_WEIGHT * survivors[self._std]
            survivors = survivors.assign(**{_PROMISE: survivors["acquisition"] + std})
            order = [_PROMISE, "acquisition"]
            # As many again as may turn out to be among the best already.
            self._promising = _top(self._promising, survivors, order, 2 * most, distinct=True)

    def batch(self) -> Batch:
        """Return the batch and the account of its choice.

        Raises InputError when no design survived.
        """
        if self._best is None:
            raise self._nothing_left()
        config, best = self._config, self._best
        shortlist = self._with_promising(best)
        if config.diversity == "distance":
            taken, taken_at, explored = self._spaced(shortlist, len(best))
        else:
            taken = self._spread_out(shortlist)
            taken_at, explored = np.full(len(taken), config.min_distance), len(taken)
        # A later pass may take a better design than an earlier one; ranks follow the acquisition.
        rows = np.sort(taken)
        role = np.where(np.isin(rows, taken[explored:]), "explore", "exploit")
        chosen = shortlist.iloc[rows].assign(rank=np.arange(1, len(rows) + 1), role=role)
        chosen = chosen.drop(columns=[_MOLECULE, _PROMISE], errors="ignore")
        designs = self._space.encode(chosen["design"].tolist())
        distances = pairwise_distances(self._space, designs, both_strands=self._both_strands)
        among = distances[np.triu_indices(len(rows), 1)]
        survivors = sum(map(len, self._molecules))
        molecules = len(np.unique(np.concatenate(self._molecules)))
        report = BatchReport(
            wanted=config.batch_size,
            chosen=len(rows),
            survivors=survivors,
            duplicates=survivors - molecules,
            considered=len(shortlist),
            min_distance_wanted=config.min_distance,
            min_distance_used=int(taken_at.min()),
            chosen_at_distance={
                str(level): taken_at.tolist().count(level)
                for level in sorted(set(taken_at.tolist()), reverse=True)
            },
            closest_pair=int(among.min()) if among.size else None,
            mean_distance=float(among.mean()) if among.size else None,
            mean_acquisition=float(chosen["acquisition"].to_numpy().mean()),
            mean_acquisition_of_best=float(best["acquisition"].to_numpy()[: len(rows)].mean()),
        )
        return Batch(chosen.reset_index(drop=True), report)

    def _spaced(self, shortlist: pd.DataFrame, best: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Return the rows taken by distance, at which distance, and how many before exploring."""
        config = self._config
        designs = self._space.encode(shortlist["design"].tolist())
        distances = pairwise_distances(self._space, designs, both_strands=self._both_strands)
        spaced = SpacedChoice(distances, self._quotas(shortlist))
        exploring = round(config.explore_share * config.batch_size)
        spaced.take(np.arange(best), config.batch_size - exploring, config.min_distance)
        explored = len(spaced.taken)
        if exploring:
            promise = np.argsort(-shortlist[_PROMISE].to_numpy(), kind="stable")
            spaced.take(promise, exploring, config.min_distance)
        return np.array(spaced.taken), np.array(spaced.taken_at), explored

    def _spread_out(self, shortlist: pd.DataFrame) -> np.ndarray:
        """Return the rows taken by facility location or as a determinantal point process."""
        space, config = self._space, self._config
        designs = space.encode(shortlist["design"].tolist())
        acquired = shortlist["acquisition"].to_numpy(dtype=np.float64)
        quality = (acquired - acquired.mean()) / max(float(acquired.std()), _ALIKE)
        # Similar means less than a third of the space apart, as it does for clusters.
        scale = max(1.0, span(space) / 3)

        def similarity(rows: Sequence[int]) -> np.ndarray:
            few = designs[list(rows)]
            apart = distances_to(space, few, designs, both_strands=self._both_strands)
            return np.exp(-((apart / scale) ** 2))

        by_volume = config.diversity == "determinantal"
        choose = choose_determinantal if by_volume else choose_representative
        return np.array(choose(quality, similarity, config.batch_size, self._quotas(shortlist)))

    def _with_promising(self, best: pd.DataFrame) -> pd.DataFrame:
        """Return the best designs and, where some are explored, the most uncertain good ones."""
        if self._promising is None:
            return best
        std = _EXPLORE_WEIGHT * best[self._std]
        known = self._promising[_MOLECULE].isin(best[_MOLECULE]).to_numpy()
        others = self._promising.loc[~known, :].head(self._config.shortlist)
        others = others.sort_values(["acquisition", "design"], ascending=[False, True])
        return pd.concat([best.assign(**{_PROMISE: best["acquisition"] + std}), others])

    def _canonical(self, designs: list[str]) -> list[str]:
        """Return one name for each molecule, which both its strands share."""
        if self._both_strands and isinstance(self._space, SequenceSpace):
            return self._space.canonical(designs)
        return designs

    def _quotas(self, shortlist: pd.DataFrame) -> list[Quota]:
        config, quotas = self._config, list[Quota]()
        if config.max_per_parent is not None:
            parents = shortlist["parent_design"].astype(object)
            quotas.append((parents.where(parents.notna(), None).tolist(), config.max_per_parent))
        if config.max_per_cluster is not None:
            letters = self._space.encode(shortlist["design"].tolist())
            groups = clusters(self._space, letters, both_strands=self._both_strands)
            quotas.append((groups.tolist(), config.max_per_cluster))
        return quotas

    def _nothing_left(self) -> InputError:
        counts = [f"{kind} ({n})" for kind, n in self.rejected.items()]
        return InputError(
            f"none of {self.designs} sampled designs passed the filters: {', '.join(counts)}; "
            "loosen the selection or the constraints, or sample more designs"
        )


_ALIKE = 1e-12
_EXPLORE_WEIGHT = 2.0
"""Standard deviations: the upper end of a 95 % interval, as Gaussian-process bandits use."""
_MOLECULE = "_molecule"
_PROMISE = "_promise"


def _top(
    kept: pd.DataFrame | None,
    new: pd.DataFrame,
    order: list[str],
    most: int,
    *,
    distinct: bool = False,
) -> pd.DataFrame:
    """Return the best rows of both, largest first and ties by design; of each molecule one."""
    if kept is not None:
        if len(kept) == most:
            new = new.loc[(new[order[0]] >= kept[order[0]].iloc[-1]).to_numpy(), :]
        if new.empty:
            return kept
        new = pd.concat([kept, new])
    ascending = [False] * len(order) + [True]
    ordered = new.sort_values([*order, "design"], ascending=ascending, kind="stable")
    if distinct:
        ordered = ordered.loc[~ordered[_MOLECULE].duplicated().to_numpy(), :]
    return ordered.head(most)
