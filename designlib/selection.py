"""From scored designs to a batch: acquisition, filters with reasons, and a diverse choice.

Frames carry predictions in the units of the measured value; the acquisition is
on a scale where more is always better.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection
from typing import NamedTuple, TypedDict

import numpy as np
import pandas as pd
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, model_validator

from designlib.acquisition import AcquisitionKind
from designlib.choosing import Quota, Walk
from designlib.scoring import clusters, pairwise_distances
from designlib.spaces import DesignSpace, SequenceSpace
from designlib.types import InputError

__all__ = [
    "Batch",
    "BatchReport",
    "SelectionConfig",
    "filter_designs",
    "rejection_counts",
    "select_batch",
]

_LONGEST_SHORTLIST = 5000  # its distances to itself take 300 MB


class SelectionConfig(BaseModel):
    """Which of the sampled designs are ordered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_size: int = Field(
        default=96, ge=1, le=1536, description="Number of candidates in the batch, in designs."
    )
    acquisition: AcquisitionKind = Field(
        default="lower_bound",
        description=(
            "What candidates are ranked by: the predicted mean, made worse (lower_bound) or better "
            "(upper_bound) by spread_weight ensemble spreads; the improvement expected over the "
            "best measured value; or turns taken by randomly drawn members (thompson)."
        ),
    )
    spread_weight: float = Field(
        default=0.1,
        ge=0,
        le=10,
        description="How many ensemble spreads count under lower_bound and upper_bound.",
    )
    min_distance: int = Field(
        default=2,
        ge=1,
        le=1000,
        description=(
            "Smallest distance between any two candidates of the batch, in letters, or in "
            "steps of a composition. It is lowered step by step, and reported, when the shortlist "
            "cannot fill the batch otherwise."
        ),
    )
    shortlist_batches: float = Field(
        default=2.5,
        ge=1,
        le=50,
        description=(
            "The batch is chosen from the best designs, this many times its size: 1 takes the best "
            "without regard to diversity, more gives diversity more room."
        ),
    )
    min_from_measured: int = Field(
        default=1,
        ge=0,
        le=1000,
        description=(
            "Smallest distance of a candidate to any measured design, in letters or steps. 1 "
            "excludes what has been measured; 0 allows it."
        ),
    )
    max_from_measured: int | None = Field(
        default=None,
        ge=0,
        le=1000,
        description=(
            "Largest distance of a candidate to its nearest measured design, in letters or steps, "
            "to stay where data support the predictions; empty for no limit."
        ),
    )
    explore_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description=(
            "Share of the batch that is chosen for what it may teach: by acquisition plus "
            "explore_weight ensemble spreads."
        ),
    )
    explore_weight: float = Field(
        default=2.0,
        ge=0,
        le=100,
        description="How many ensemble spreads count for a design that is chosen to explore.",
    )
    max_per_parent: int | None = Field(
        default=None,
        ge=1,
        le=1536,
        description=(
            "Most candidates of the batch that may come from one measured design; empty: any. "
            "Chains from random starts have no parent."
        ),
    )
    max_per_cluster: int | None = Field(
        default=None,
        ge=1,
        le=1536,
        description=(
            "Most candidates of the batch that may be in one cluster of similar designs, which "
            "differ at no more than a third of the sites; empty: any."
        ),
    )
    heldout_quantile: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description=(
            "A design stays when a second predictor, trained on other data, scores it no worse "
            "than this quantile of the measured designs: 0.5 is their median, 0 the worst of them."
        ),
    )
    max_spread_quantile: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description=(
            "Share of the sampled designs, by ensemble spread, that may stay: 0.95 rejects the "
            "5 % that the ensemble members disagree about most, 1 rejects none."
        ),
    )

    @model_validator(mode="after")
    def _consistent(self) -> SelectionConfig:
        if self.shortlist > _LONGEST_SHORTLIST:
            raise ValueError(
                f"batch_size x shortlist_batches is {self.shortlist} designs; the diverse choice "
                f"takes at most {_LONGEST_SHORTLIST}"
            )
        if self.explore_share > 0 and self.acquisition == "thompson":
            raise ValueError(
                "explore_share does not go with acquisition thompson, whose draws explore already; "
                "set it to 0"
            )
        if self.max_from_measured is not None and self.max_from_measured < self.min_from_measured:
            raise ValueError(
                f"max_from_measured is {self.max_from_measured}; it must be at least "
                f"min_from_measured, {self.min_from_measured}"
            )
        return self

    @property
    def shortlist(self) -> int:
        """Number of best-ranked designs that the batch is chosen from."""
        return math.ceil(self.batch_size * self.shortlist_batches)


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


def filter_designs(
    frame: pd.DataFrame,
    config: SelectionConfig,
    *,
    measured_heldout: Float[np.ndarray, "measured"],
    maximise: bool,
    units: str = "letters",
    pending: Collection[str] = (),
) -> pd.DataFrame:
    """Return the frame with ``rejected_because``: why a design is out, empty when it stays.

    Reads ``distance_to_measured``, ``nearest_measured``, ``heldout_score``,
    ``predicted_spread`` and every ``constraint_<name>`` column ("ok" or what is
    broken). ``measured_heldout`` are the held-out scorer's values for the measured
    training designs; ``units`` are those of distances; ``pending`` the designs that were proposed
    before and not yet measured. Several reasons are joined by "; ", and each reads
    "kind: detail", see `rejection_counts`.

    Raises InputError for a missing column or an unknown number.
    """
    numeric = ["distance_to_measured", "heldout_score", "predicted_spread"]
    _require(frame, [*numeric, "nearest_measured"])
    for column in numeric:
        _no_nan(column, frame[column].to_numpy(dtype=np.float64))
    _no_nan("measured_heldout", measured_heldout)
    reasons = [""] * len(frame)
    for kind, broken, detail in [
        *_constraint_filters(frame),
        *_distance_filters(frame, config, units),
        _pending_filter(frame, pending),
        _heldout_filter(frame, config, measured_heldout, maximise),
        _spread_filter(frame, config),
    ]:
        rows = np.flatnonzero(broken).tolist()
        for at, row in zip(rows, _records(frame.iloc[rows]), strict=True):
            reasons[at] += f"{'; ' if reasons[at] else ''}{kind}: {detail(row)}"
    return frame.assign(rejected_because=pd.array(reasons, dtype="str"))


def rejection_counts(frame: pd.DataFrame) -> dict[str, int]:
    """Return how many designs each kind of reason rejected, most frequent first.

    A design with two reasons counts under both.

    >>> rejection_counts(pd.DataFrame({"rejected_because": ["", "a: 1", "a: 2; b: 3"]}))
    {'a': 2, 'b': 1}
    """
    _require(frame, ["rejected_because"])
    kinds = [
        reason.split(": ", 1)[0]
        for text in frame["rejected_because"]
        if text
        for reason in text.split("; ")
    ]
    return dict(sorted(Counter(kinds).items(), key=lambda item: (-item[1], item[0])))


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

    A share of the batch may be chosen by acquisition plus a multiple of ``predicted_spread`` in
    a second walk; its ``role`` is explore, that of the others exploit. Quotas per parent and per
    cluster hold in both walks, and a batch may then stay short.

    Reads ``design``, ``acquisition`` and ``rejected_because``, for quotas ``parent_design``;
    the order of the rows of ``frame`` does not matter as long as rows of one design agree.

    Raises InputError when no design survived.
    """
    _require(frame, ["design", "acquisition", "rejected_because"])
    survivors = frame.loc[frame["rejected_because"] == "", :]
    if survivors.empty:
        counts = [f"{kind} ({n})" for kind, n in rejection_counts(frame).items()]
        raise InputError(
            f"none of {len(frame)} sampled designs passed the filters: {', '.join(counts)}; "
            "loosen the selection or the constraints, or sample more designs"
        )
    _no_nan("acquisition", survivors["acquisition"].to_numpy(dtype=np.float64))
    molecules = _best_of_each_molecule(survivors, space, both_strands)
    shortlist = _shortlist(molecules, config)
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
    taken, taken_at = np.array(walk.taken), np.array(walk.taken_at)
    # A later walk may take a better design than an earlier one; ranks follow the acquisition.
    rows = np.sort(taken)
    role = np.where(np.isin(rows, taken[explored:]), "explore", "exploit")
    batch = shortlist.iloc[rows].assign(rank=np.arange(1, len(rows) + 1), role=role)
    batch = batch.reset_index(drop=True)
    among = distances[np.ix_(rows, rows)][np.triu_indices(len(rows), 1)]
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


_Filter = tuple[str, np.ndarray, Callable[[dict[str, object]], str]]
"""Kind of reason, which rows it rejects, and the detail for one row."""


def _constraint_filters(frame: pd.DataFrame) -> list[_Filter]:
    """One filter per constraint column; separators inside a verdict would split the reason."""
    return [
        (
            f"constraint {column.removeprefix('constraint_')}",
            frame[column].to_numpy() != "ok",
            lambda row, column=column: str(row[column]).replace(";", ","),
        )
        for column in frame.columns
        if column.startswith("constraint_")
    ]


def _distance_filters(frame: pd.DataFrame, config: SelectionConfig, units: str) -> list[_Filter]:
    distance = frame["distance_to_measured"].to_numpy()
    near, far = config.min_from_measured, config.max_from_measured
    filters: list[_Filter] = [
        (
            "too close to a measured design",
            distance < near,
            lambda row: f"{_where(row, units)}, at least {near} wanted",
        )
    ]
    if far is not None:
        said = "too far from measured designs"
        filters.append(
            (said, distance > far, lambda row: f"{_where(row, units)}, at most {far} wanted")
        )
    return filters


def _pending_filter(frame: pd.DataFrame, pending: Collection[str]) -> _Filter:
    broken = (
        frame["design"].isin(set(pending)).to_numpy() if pending else np.zeros(len(frame), bool)
    )
    return ("waits for a measurement", broken, lambda _: "proposed in an earlier round")


def _heldout_filter(
    frame: pd.DataFrame,
    config: SelectionConfig,
    measured_heldout: Float[np.ndarray, "measured"],
    maximise: bool,
) -> _Filter:
    sign = 1.0 if maximise else -1.0
    limit = sign * float(np.quantile(sign * measured_heldout, config.heldout_quantile))
    return (
        "held-out scorer disagrees",
        sign * frame["heldout_score"].to_numpy() < sign * limit,
        lambda row: (
            f"it predicts {row['heldout_score']:.4g}, {'at least' if maximise else 'at most'} "
            f"{limit:.4g} wanted (quantile {config.heldout_quantile:g} of measured designs)"
        ),
    )


def _spread_filter(frame: pd.DataFrame, config: SelectionConfig) -> _Filter:
    spread = frame["predicted_spread"].to_numpy()
    limit = float(np.quantile(spread, config.max_spread_quantile)) if len(spread) else 0.0
    return (
        "ensemble members disagree",
        # The largest value itself must pass when nothing is to be rejected.
        (spread > limit) & (config.max_spread_quantile < 1),
        lambda row: (
            f"their spread is {row['predicted_spread']:.4g}, at most {limit:.4g} wanted "
            f"(quantile {config.max_spread_quantile:g} of sampled designs)"
        ),
    )


def _where(row: dict[str, object], units: str) -> str:
    distance = row["distance_to_measured"]
    counted = re.sub(r"s\b", "", units, count=1) if distance == 1 else units
    return f"{distance} {counted} from {row['nearest_measured']}"


def _records(frame: pd.DataFrame) -> list[dict[str, object]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict(orient="records")]


def _require(frame: pd.DataFrame, columns: list[str]) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise InputError(f"the frame of designs lacks the columns {', '.join(missing)}")


def _no_nan(name: str, values: Float[np.ndarray, "rows"]) -> None:
    if np.isnan(values).any():
        row = int(np.flatnonzero(np.isnan(values))[0])
        raise InputError(f"{name} is NaN in row {row + 1} of {len(values)}")
