"""The status of a campaign as text."""

from __future__ import annotations

import pandas as pd

from designlib.candidates import Ledger
from designlib.types import InputError
from tasks.record.ledger import campaign_folder, campaigns, load_ledger


def status_text(campaign: str) -> str:
    """Return what was proposed, what was measured and what is pending, as text.

    Raises InputError for a campaign without a proposal.
    """
    ledger = load_ledger(campaign)
    folder = campaign_folder(campaign)
    if not ledger.proposals:
        known = ", ".join(campaigns()) or "none"
        raise InputError(f"campaign {campaign!r} has proposed nothing; there are: {known}")
    about = ledger.proposals[-1].about
    value = f"{about['value_name']} {about['units']}".strip()
    how = "measured by an oracle" if about["simulated"] else "measured in a laboratory"
    overview = ledger.overview()
    lines = [
        f"campaign {campaign}: {'maximise' if about['maximise'] else 'minimise'} {value}, {how}",
        "",
        _table(overview),
        "",
        *_best(ledger),
        *_others(ledger),
        f"{len(ledger.entries)} events in {folder / 'record'}",
        f"every candidate: {folder / 'all_rounds.csv'}",
        _next(ledger, campaign),
    ]
    return "\n".join(lines)


def _table(overview: pd.DataFrame) -> str:
    def cell(value: float) -> str:
        return "" if pd.isna(value) else f"{value:.4g}"

    shown = overview.rename(columns=lambda name: name.replace("_", " "))
    return shown.to_string(index=False, float_format=cell, na_rep="")


def _best(ledger: Ledger) -> list[str]:
    candidates = ledger.candidates()
    known = candidates[candidates["measured_value"].notna()]
    if known.empty:
        return []
    ascending = not ledger.proposals[-1].about["maximise"]
    best = known.sort_values(["measured_value", "design"], ascending=[ascending, True]).iloc[0]
    return [
        f"best so far: {best['design']} ({best['candidate_id']}, round {best['round']}), "
        f"{best['measured_value']:.4g} measured, {best['predicted_mean']:.4g} predicted"
    ]


def _others(ledger: Ledger) -> list[str]:
    """Return how many measured designs were not proposed."""
    results = ledger.results()
    others = set(results["design"]) - set(ledger.candidates()["design"])
    return [f"{len(others)} measured designs were not proposed"] if others else []


def _next(ledger: Ledger, campaign: str) -> str:
    if ledger.proposals[-1].about["simulated"]:
        return "next: raise `rounds` and run the campaign again"
    if ledger.has_news:
        return f"next: run the campaign again; it will propose round {ledger.rounds + 1}"
    return f"next: measure, then python -m flows.measure {campaign} FILE"
