"""From scored designs to a chosen batch and the rejected designs with their reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd
from pydantic import TypeAdapter

from designlib.config import SelectionConfig
from designlib.constraints.synthesis import verdict
from designlib.selection.batch import BatchReport, Shortlist
from designlib.selection.clusters import clusters
from designlib.selection.filters import filter_designs, std_limit
from designlib.selection.ranking import Measured, Ranking, ReadParts, rank
from designlib.spaces import DesignSpace, SequenceSpace


@dataclass(frozen=True)
class SelectionFigures:
    """Account of a selection, from the scored designs to the batch."""

    batch: BatchReport
    rejected: Mapping[str, int]
    """Number of designs by kind of reason; a design with two reasons counts under both."""
    pool: int
    """Number of scored designs."""

    @classmethod
    def from_json(cls, content: bytes) -> SelectionFigures:
        """Return the account that ``selection.json`` holds."""
        return TypeAdapter(cls).validate_json(content)


class Choice(NamedTuple):
    """A chosen batch and the account of the choice."""

    frame: pd.DataFrame
    """The chosen designs by rank, with ``cluster`` and ``step``."""
    figures: SelectionFigures
    """How the batch came about."""
    best_by_score: pd.DataFrame
    """As many designs as the batch wants, by acquisition alone."""


def choose_designs(
    read: ReadParts,
    measured: Measured,
    config: SelectionConfig,
    seed: int,
    keep: Callable[[Iterator[pd.DataFrame]], object],
) -> Choice:
    """Return a diverse batch of the scored designs that pass every filter.

    ``read`` returns designs as `Scoring.score` scores them, and ``keep`` takes the rejected ones
    part by part, each with ``rejected_because``; memory does not grow with their number.

    Raises InputError for a missing column, NaN, or when no design passes.
    """
    ranking = rank(read, measured, config, seed)
    space, both_strands = measured.space, measured.both_strands
    shortlist = Shortlist(space, config, both_strands=both_strands, std=ranking.columns.std)
    keep(_screen(read, measured, config, ranking, shortlist))
    batch = shortlist.batch()
    designs = space.encode(batch.frame["design"].tolist())
    frame = batch.frame.assign(
        cluster=clusters(space, designs, both_strands=both_strands),
        step=batch.frame["training_step"],
    )
    figures = SelectionFigures(batch.report, shortlist.rejected, shortlist.designs)
    return Choice(frame, figures, shortlist.best_by_score)


def _screen(
    read: ReadParts,
    measured: Measured,
    config: SelectionConfig,
    ranking: Ranking,
    shortlist: Shortlist,
) -> Iterator[pd.DataFrame]:
    """Put every design on the shortlist or return it as rejected, with the reason."""
    max_std = float("inf")
    if config.max_std_quantile < 1:
        max_std = std_limit(ranking.all_stds(read), config)
    pending = _either_strand(measured.pending, measured.space, measured.both_strands)
    for part in read(None):
        if measured.synthesis is not None:
            part["constraint_synthesis"] = [verdict(d, measured.synthesis) for d in part["design"]]
        judged = filter_designs(
            ranking.rank(part),
            config,
            measured_scores=ranking.measured_scores,
            maximise=ranking.maximise,
            units=measured.distance_units,
            pending=pending,
            max_std=max_std,
            columns=ranking.columns,
        )
        shortlist.add(judged)
        yield judged[judged["rejected_because"] != ""]


def _either_strand(designs: Sequence[str], space: DesignSpace, both_strands: bool) -> list[str]:
    """Return designs together with their other strands, where these are the same molecules."""
    if not both_strands or not designs or not isinstance(space, SequenceSpace):
        return list(designs)
    return [*designs, *space.decode(space.reverse_complement(space.encode(designs)))]
