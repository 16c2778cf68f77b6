"""The page of a whole campaign: is it getting better, can it be trusted, what is next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from designlib.candidates import Ledger
from designlib.reports.designs import design_figure
from designlib.reports.pages import PageTable, tables_page
from designlib.reports.rounds import (
    calibration_by_round,
    calibration_figure,
    distances_figure,
    front_figure,
    fronts_by_round,
    learning_figure,
    map_figure,
    progress_figure,
    scatter_figure,
)
from designlib.reports.style import Picture
from designlib.selection import LEVEL
from designlib.spaces import described, pairwise_distances

_CLASSES = {"design": "sequence", "candidate_id": "sequence", "reason": "text"}
"""Columns that are no numbers."""
_OF_ROUNDS = ["round", "best", "median", "predicted_median"]
_OF_ROUNDS += ["proposed", "measured", "failed", "pending"]
"""What matters most first: a phone shows no more without scrolling."""
_BEST_SHOWN = 10
_STAGNANT = 3
"""Rounds without a better best after which the page says so."""


def campaign_page(
    record: Ledger,
    campaign: str,
    rejected: Mapping[int, Mapping[str, int]],
    curves: pd.DataFrame,
    start: pd.DataFrame,
) -> str:
    """Return the page of a campaign of which something was measured.

    Parameters
    ----------
    record
        Its ledger.
    campaign
        Its name.
    rejected
        For each round, how many sampled designs were rejected for which reason.
    curves
        What `learning_figure` shows of the last predictors; empty where that is not known.
    start
        Designs of the table that the campaign started from, best first; empty if unknown.
    """
    about = record.proposals[-1].about
    candidates = record.candidates()
    known = candidates[candidates["measured_value"].notna()]
    ascending = [not about["maximise"], True]
    known = known.sort_values(["measured_value", "design"], ascending=ascending)
    further = [f"measured_{objective['name']}" for objective in record.objectives[1:]]
    columns = ["design", "measured_value", *further, "predicted_mean", "round", "candidate_id"]
    best = known[columns].head(_BEST_SHOWN)
    calibration = calibration_by_round(candidates)
    fronts = fronts_by_round(candidates, record.objectives)
    lead = (
        f"{len(candidates)} candidates in {record.rounds} rounds, {len(known)} of them measured; "
        + _wanted(record, f"{about['value_name']} {about['units']}".strip())
    )
    by = f" by {record.objectives[0]['name']}" if record.objectives else ""
    tables = [
        PageTable("Rounds", "", record.overview()[_OF_ROUNDS]),
        PageTable("The best so far", f"The {len(best)} best measured candidates{by}.", best),
        PageTable(
            "Predictions against measurements",
            "Bias is the mean of measured less predicted values. The std factor is the ratio of "
            "errors to the ensemble's standard deviations: 1 is right, more is overconfident. In "
            f"interval: share of the measured values inside their intervals of {LEVEL:.0%}.",
            calibration,
        ),
        PageTable(
            "Several objectives",
            "Candidates on the front of what was measured up to each round, and the hypervolume "
            "of the front.",
            fronts,
        ),
        PageTable(
            "What was rejected and why",
            "Sampled designs that were rejected; one with several reasons counts under each.",
            pd.DataFrame(
                [
                    {"round": number, "reason": reason, "designs": count}
                    for number, counts in sorted(rejected.items())
                    for reason, count in counts.items()
                ]
            ),
        ),
    ]
    pictures = [
        *([front_figure(candidates, record.objectives)] if len(fronts) else []),
        *_pictures(about, candidates, calibration, known, start),
        *([learning_figure(curves)] if len(curves) else []),
    ]
    title = f"{campaign}: {record.rounds} rounds"
    return tables_page(title, lead, tables, pictures, advice(record, campaign), _CLASSES)


def _pictures(
    about: Mapping[str, Any],
    candidates: pd.DataFrame,
    calibration: pd.DataFrame,
    best: pd.DataFrame,
    start: pd.DataFrame,
) -> list[Picture]:
    names = {"value_name": about["value_name"], "units": about["units"]}
    space = described(about).space
    designs = space.encode(candidates["design"].tolist())
    distances = pairwise_distances(space, designs, both_strands=about["both_strands"])
    first = candidates[candidates["round"] == candidates["round"].min()]
    shown = best.head(max(5, len(first) // 4))
    before, beside = start.head(len(shown)), "best designs of the table at the start"
    if before.empty:
        before, beside = first, "candidates of the first round"
    return [
        progress_figure(candidates, *names.values(), maximise=about["maximise"]),
        scatter_figure(candidates, *names.values()),
        calibration_figure(calibration),
        distances_figure(candidates, distances),
        map_figure(distances, candidates["round"]),
        design_figure(
            space,
            shown["design"].tolist(),
            shown["predicted_mean"].to_numpy(),
            before["design"].tolist(),
            names=("best measured candidates", beside),
            both_strands=about["both_strands"],
            **names,
        ),
    ]


def _wanted(record: Ledger, value: str) -> str:
    maximise = record.proposals[-1].about["maximise"]
    if not record.objectives:
        return f"the objective is to {'maximise' if maximise else 'minimise'} {value}."
    each = [f"{'maximise' if o['maximise'] else 'minimise'} {o['name']}" for o in record.objectives]
    return (
        f"the objectives are to {' and '.join(each)}. Unless stated otherwise, what follows is "
        f"about {record.objectives[0]['name']}, the first objective."
    )


def advice(record: Ledger, campaign: str) -> list[str]:
    """Return what the figures suggest to do next, each in a sentence."""
    about = record.proposals[-1].about
    lines = []
    pending = len(record.pending())
    if pending and not about["simulated"]:
        lines.append(
            f"{pending} candidates wait for results: import them with python -m flows.measure "
            f"{campaign} FILE."
        )
    if record.has_news and not about["simulated"]:
        lines.append(f"Results have arrived: run the campaign again for round {record.rounds + 1}.")
    calibration = calibration_by_round(record.candidates())
    if len(calibration):
        lines += _about_trust(calibration.iloc[-1])
    lines += _about_progress(record.overview(), maximise=about["maximise"])
    return lines or ["Go on: nothing stands out."]


def _about_trust(last: pd.Series) -> list[str]:
    lines = []
    number, factor = int(last["round"]), last["std_factor"]
    if factor > 2:
        times = f"{factor:.1f} times" if np.isfinite(factor) else "many times"
        lines.append(
            f"Errors of round {number} are {times} the ensemble's standard deviation: it is "
            "overconfident. Keep candidates nearer to measured designs (max_from_measured), or "
            "give a share of the batch to exploring (explore_share)."
        )
    if last["designs"] > 9 and last["rank_correlation"] < 0.1:
        lines.append(
            f"Within round {number} the predictions hardly rank the candidates (rank correlation "
            f"{last['rank_correlation']:.2f}): what tells good from very good is not learned yet. "
            "A more diverse batch (min_distance, max_per_cluster) teaches more."
        )
    return lines


def _about_progress(rounds: pd.DataFrame, *, maximise: bool) -> list[str]:
    lines = []
    sizes = rounds["proposed"].to_numpy()
    if sizes[-1] < sizes.max():
        lines.append(
            f"Round {rounds['round'].iloc[-1]} has {sizes[-1]} candidates, an earlier one had "
            f"{sizes.max()}: most sampled designs were rejected, see below. More chains, more of "
            "the rungs they visit (pool_rungs) or less sharpness give more to choose from."
        )
    best = (1.0 if maximise else -1.0) * rounds["best"].dropna().to_numpy()
    since = len(best) - 1 - int(best.argmax()) if len(best) else 0
    if since >= _STAGNANT:
        lines.append(
            f"The best candidate has not been beaten for {since} rounds: explore more, loosen the "
            "constraints, or stop."
        )
    return lines
