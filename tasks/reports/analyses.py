"""What analyses of a campaign's last round share: its predictors, a folder, an MLflow run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from designlib.candidates import Event
from designlib.reports import CounterfactualFigures
from designlib.types import InputError
from tasks.installation.files import copy_atomically
from tasks.installation.settings import Settings
from tasks.record.ledger import campaign_folder, load_ledger
from tasks.tracking.tracking import client, experiment_id, log_params, run_for


def last_proposal(campaign: str) -> Event:
    """Return the last round of a campaign; raises InputError where there is none."""
    proposals = load_ledger(campaign).proposals
    if not proposals:
        raise InputError(f"campaign {campaign!r} has proposed nothing; run it first")
    return proposals[-1]


def publish_analysis(
    campaign: str, name: str, key: str, files: Mapping[str, Path], params: Mapping[str, Any]
) -> Path:
    """Copy files to a folder of the campaign, log them to an MLflow run, and return the folder."""
    folder = campaign_folder(campaign) / f"{name}-{key[:8]}"
    for file, path in files.items():
        copy_atomically(path, folder / file)
    experiment = experiment_id(Settings(), campaign)
    with run_for(experiment, key, name, tags={"role": "explanation"}) as run_id:
        log_params(run_id, params)
        for file in files:
            client().log_artifact(run_id, str(folder / file))
    return folder


def counterfactual_figures(campaign: str, number: int) -> dict[str, CounterfactualFigures]:
    """Return the figures of each set of counterfactuals of a round by its folder."""
    found = {}
    for path in sorted(campaign_folder(campaign).glob("counterfactuals-*/figures.json")):
        figures = CounterfactualFigures.model_validate_json(path.read_bytes())
        if figures.round == number:
            found[path.parent.name] = figures
    return found
