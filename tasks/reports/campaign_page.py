"""The page over all rounds of a campaign, in its folder and with its last round in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from prefect import task

from designlib.candidates import Ledger
from designlib.spaces import DesignSpace, SequenceSpace, described
from tasks.installation.files import write_atomically
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.record.ledger import campaign_folder, load_ledger, round_folder
from tasks.rounds.learning import learning_curves
from tasks.stages.stages import noted_stage, run_stage
from tasks.stages.table_facts import load_folds
from tasks.tracking.tracking import experiment_id, find_run, log_bytes

if TYPE_CHECKING:
    from designlib.reports import Picture

__all__ = ["write_campaign_page"]

_PAGE = "campaign.html"


@task(name="write-campaign-page")
def write_campaign_page(campaign: str) -> None:
    """Draw the page of a campaign of which something was measured, unless it is there already."""
    record = load_ledger(campaign)
    simulated_once = bool(record.proposals) and record.proposals[-1].about["simulated"]
    if record.results().empty or (simulated_once and record.rounds == 1):
        return
    stage = run_stage(
        Settings(), "campaign-page",
        {"campaign": campaign, "entries": [entry.sha256 for entry in record.current]},
        lambda: {_PAGE: _draw(record, campaign)},
    )  # fmt: skip
    path = campaign_folder(campaign) / _PAGE
    content = stage.path(_PAGE).read_bytes()
    run = find_run(experiment_id(Settings(), campaign), record.proposals[-1].about["round_key"])
    if path.exists() and path.read_bytes() == content:
        return
    if run is not None:
        log_bytes(run.info.run_id, _PAGE, content)
    # Last, as it says that the page is in MLflow too.
    write_atomically(path, content)
    run_logger().info("page of the campaign: %s", path)


def _draw(record: Ledger, campaign: str) -> bytes:
    # Plotting takes a second to import.
    from designlib.reports import (
        calibration_by_round,
        calibration_figure,
        campaign_page,
        front_figure,
        fronts_by_round,
        ground_figure,
        learning_figure,
        map_figure,
        progress_figure,
        scatter_figure,
    )
    from designlib.spaces import pairwise_distances

    about = record.proposals[-1].about
    candidates = record.candidates()
    value, units, maximise = about["value_name"], about["units"], about["maximise"]
    space = described(about).space
    designs = space.encode(candidates["design"].tolist())
    distances = pairwise_distances(space, designs, both_strands=about["both_strands"])
    rounds = candidates["round"].to_numpy()
    diversity = pd.Series(
        {n: _mean_distance(distances[rounds == n][:, rounds == n]) for n in sorted(set(rounds))}
    )
    known = candidates[candidates["measured_value"].notna()]
    best = known.sort_values(["measured_value", "design"], ascending=[not maximise, True])
    number = max(5, (rounds == rounds.min()).sum() // 4)
    curves = learning_curves(about.get("members", ()))
    several = len(fronts_by_round(candidates, record.objectives)) > 0
    pictures = [
        *([front_figure(candidates, record.objectives)] if several else []),
        progress_figure(candidates, value, units, maximise=maximise),
        scatter_figure(candidates, value, units),
        calibration_figure(calibration_by_round(candidates)),
        ground_figure(candidates, diversity),
        map_figure(distances, candidates["round"]),
        _of_designs(space, best.head(number), candidates, about),
        *([learning_figure(curves)] if len(curves) else []),
    ]  # fmt: skip
    rejected = {e.round: _rejected(campaign, e.round, e.about["round_key"])
                for e in record.proposals}  # fmt: skip
    return campaign_page(record, campaign, pictures, rejected).encode()


def _of_designs(
    space: DesignSpace, best: pd.DataFrame, candidates: pd.DataFrame, about: Mapping[str, Any]
) -> Picture:
    """Return what the best measured candidates look like, beside as many that were there before.

    These are the best of the table that the campaign started from, or candidates of the first
    round where that table is not here any more.
    """
    from designlib.reports import logo_figure, parallel_figure, variable_axes

    first = candidates[candidates["round"] == candidates["round"].min()]
    known, beside = _started_from(about), "best designs of the table at the start"
    start = known.head(max(1, len(best)))
    if start.empty:
        start, beside = first, "candidates of the first round"
    if isinstance(space, SequenceSpace):
        return logo_figure(
            space, space.encode(best["design"].tolist()), space.encode(start["design"].tolist()),
            both_strands=about["both_strands"], names=("best measured candidates", beside),
        )  # fmt: skip
    shown = best if len(best) else first
    designs, before = (space.encode(frame["design"].tolist()) for frame in (shown, start))
    number = len(space.components)
    return parallel_figure(
        space.components, designs[:, :number].numpy(), shown["predicted_mean"].to_numpy(),
        before[:, :number].numpy(), value_name=about["value_name"], units=about["units"],
        beside=beside, variables=variable_axes(space, designs, before),
    )  # fmt: skip


def _started_from(about: Mapping[str, Any]) -> pd.DataFrame:
    """Return what a campaign could learn from the table that it started from, best first."""
    split = noted_stage("split", about["folds"]) if "folds" in about else None
    if split is None or not split.is_intact():
        return pd.DataFrame()
    folds = load_folds(split)
    shown = folds[(folds["fold"] != "withheld") & (folds["round"] == 0)]
    return shown.sort_values(["value", "design"], ascending=[not about["maximise"], True])


def _mean_distance(distances: np.ndarray) -> float:
    count = len(distances)
    return float(distances.sum() / (count * (count - 1))) if count > 1 else 0.0


def _rejected(campaign: str, number: int, key: str) -> Mapping[str, int]:
    path = round_folder(campaign, number, key) / "summary.json"
    if not path.exists():
        return {}
    from designlib.reports import RoundFigures

    return RoundFigures.from_json(path.read_bytes()).selection.rejected
