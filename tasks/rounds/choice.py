"""Filtering scored designs part by part, and keeping the best for the choice of a batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from designlib.config import SelectionConfig, SynthesisConfig
from designlib.constraints.synthesis import verdict
from designlib.selection import Shortlist, filter_designs, std_limit
from tasks.stages.rows import read_rows, with_progress

__all__ = ["Filters", "filter_rows"]


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What decides whether a design stays; see `filter_designs`."""

    config: SelectionConfig
    measured_scores: np.ndarray
    maximise: bool
    units: str = "letters"
    pending: Collection[str] = ()
    synthesis: SynthesisConfig | None = None
    stds: np.ndarray | None = None
    """What designs are rejected by, where that is not the column ``predicted_std``."""


def filter_rows(
    scored: Path,
    filters: Filters,
    judge: Callable[[pd.DataFrame], pd.DataFrame],
    shortlist: Shortlist,
) -> Iterator[pd.DataFrame]:
    """Put every scored design on the shortlist or return it as rejected, with the reason.

    ``judge`` adds the acquisition to each part of the designs, and may change what filters read;
    parts come in order.
    """
    stds = filters.stds
    if stds is None:
        stds = pd.read_parquet(scored, columns=["predicted_std"])["predicted_std"]
        stds = stds.to_numpy()
    max_std = std_limit(stds, filters.config)
    for part in with_progress(read_rows(scored), "designs filtered"):
        if filters.synthesis is not None:
            verdicts = [verdict(design, filters.synthesis) for design in part["design"]]
            part["constraint_synthesis"] = verdicts
        judged = filter_designs(
            judge(part),
            filters.config,
            measured_scores=filters.measured_scores,
            maximise=filters.maximise,
            units=filters.units,
            pending=filters.pending,
            max_std=max_std,
        )
        shortlist.add(judged)
        yield judged[judged["rejected_because"] != ""]
