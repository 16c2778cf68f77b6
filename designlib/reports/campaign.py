"""The page of a whole campaign: is it getting better, can it be trusted, what is next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from designlib.candidates import Ledger
from designlib.reports.calibration import calibration_by_round
from designlib.reports.fronts import fronts_by_round
from designlib.reports.pages import PageTable, tables_page
from designlib.reports.style import Picture
from designlib.selection import LEVEL

__all__ = ["advice", "campaign_page"]

_CLASSES = {"design": "sequence", "candidate id": "sequence", "reason": "text"}
"""Columns that are no numbers."""
_OF_ROUNDS = [
    "round", "best", "median", "predicted_median", "proposed", "measured", "failed", "pending",
]  # fmt: skip
"""What matters most first: a phone shows no more without scrolling."""
_BEST_SHOWN = 10
_NEW_EYES = 3
"""Rounds without a better best after which the page says so."""


def campaign_page(
    record: Ledger,
    campaign: str,
    pictures: Sequence[Picture],
    rejected: Mapping[int, Mapping[str, int]],
) -> str:
    """Return the page; ``rejected`` counts, for each round, why sampled designs were not taken."""
    about = record.proposals[-1].about
    candidates = record.candidates()
    value = f"{about['value_name']} {about['units']}".strip()
    known = candidates[candidates["measured_value"].notna()]
    ordered = known.sort_values(
        ["measured_value", "design"], ascending=[not about["maximise"], True]
    ).head(_BEST_SHOWN)
    further = [f"measured_{objective['name']}" for objective in record.objectives[1:]]
    columns = ["design", "measured_value", *further, "predicted_mean", "round", "candidate_id"]
    best = ordered[columns]
    lead = (
        f"{len(candidates)} candidates in {record.rounds} rounds, {len(known)} of them measured; "
        + _wanted(record, value)
    )
    tables = [
        _table("Rounds", "", record.overview()[_OF_ROUNDS]),
        _table("The best so far", _best_text(len(best), record), best),
        _table(
            "Predictions against measurements",
            "Bias is measured less predicted. The std factor is the ratio of errors to the "
            "ensemble's standard deviations: 1 is right, more is overconfident. In "
            f"interval: share inside the intervals of {LEVEL:.0%}.",
            calibration_by_round(candidates),
        ),
        _table(
            "Several objectives",
            "Candidates on the front of what was measured up to each round, and the hypervolume "
            "of the front.",
            fronts_by_round(candidates, record.objectives),
        ),
        _table(
            "What was rejected and why",
            "Sampled designs that were not taken; one with several reasons counts under each.",
            _rejections(rejected),
        ),
    ]
    title = f"{campaign}: {record.rounds} rounds"
    return tables_page(title, lead, tables, pictures, advice(record, campaign), _CLASSES)


def _best_text(count: int, record: Ledger) -> str:
    of = f" by {record.objectives[0]['name']}" if record.objectives else ""
    return f"The {count} best measured candidates{of}."


def _wanted(record: Ledger, value: str) -> str:
    about = record.proposals[-1].about
    if not record.objectives:
        return f"{'the largest' if about['maximise'] else 'the smallest'} {value} is wanted."
    each = [f"{'large' if o['maximise'] else 'small'} {o['name']}" for o in record.objectives]
    return (
        f"wanted are {' and '.join(each)}. What follows is about {record.objectives[0]['name']}, "
        "the first objective, where it does not say otherwise."
    )


def advice(record: Ledger, campaign: str) -> list[str]:
    """Return what the figures suggest to do next, each in a sentence."""
    about = record.proposals[-1].about
    candidates = record.candidates()
    lines = []
    pending = len(record.pending())
    if pending and not about["simulated"]:
        lines.append(
            f"{pending} candidates wait for results: import them with python -m flows.measure "
            f"{campaign} FILE."
        )
    if record.has_news and not about["simulated"]:
        lines.append(f"Results have arrived: run the campaign again for round {record.rounds + 1}.")
    calibration = calibration_by_round(candidates)
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
            f"{sizes.max()}: most of what was sampled was rejected, see below. More chains, more "
            "of the rungs they visit (pool_rungs) or less sharpness give more to choose from."
        )
    best = (1.0 if maximise else -1.0) * rounds["best"].dropna().to_numpy()
    since = len(best) - 1 - int(best.argmax()) if len(best) else 0
    if since >= _NEW_EYES:
        lines.append(
            f"The best candidate has not been beaten for {since} rounds: explore more, loosen the "
            "constraints, or stop."
        )
    return lines


def _rejections(rejected: Mapping[int, Mapping[str, int]]) -> pd.DataFrame:
    rows = [
        {"round": number, "reason": reason, "designs": count}
        for number, counts in sorted(rejected.items())
        for reason, count in counts.items()
    ]
    return pd.DataFrame(rows)


def _table(title: str, text: str, frame: pd.DataFrame) -> PageTable:
    headings = [str(name).replace("_", " ") for name in frame.columns]
    return PageTable(
        title, text, headings, [[_cell(v) for v in row] for row in frame.to_numpy(object)]
    )


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.4g}"
    return str(value)
