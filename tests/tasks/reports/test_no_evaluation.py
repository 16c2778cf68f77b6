"""Results come in and pages are written without another evaluation of a predictor."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from flows.measure import import_measurements
from tasks.inputs.campaign_config import CampaignConfig
from tasks.record.ledger import campaign_folder
from tests.in_process import run_campaign, without_prefect

LETTERS = "ACDEFGHIKLMNPQRSTVWY"


def protein_table(rows: int) -> pd.DataFrame:
    """A table of a protein of four sites: a value for each letter at each site."""
    rng = np.random.default_rng(0)
    letters = np.unique(rng.integers(0, 20, (rows, 4)), axis=0)
    value = np.sin(letters * [1.0, 2.0, 3.0, 4.0]).sum(1)
    return pd.DataFrame(
        {"design": ["".join(LETTERS[at] for at in row) for row in letters], "value": value}
    )


# MLflow warns of its own calls of pandas.
@pytest.mark.filterwarnings("ignore")
def test_importing_protein_results_and_writing_the_page_evaluates_no_predictor(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_prefect(monkeypatch)
    table = home.parent / "protein.csv"
    protein_table(300).to_csv(table, index=False)
    config = CampaignConfig.model_validate(
        {
            "name": "protein",
            "data": {"source": {"path": str(table), "units": "au"}},
            "training": {"members": 1, "steps": 20, "checkpoints": 4, "network": {"width": 8}},
            "sampling": {"chains": 48, "steps_per_rung": 2, "final_steps": 4},
            "selection": {"batch_size": 8, "min_distance": 1, "heldout_quantile": 0},
            "execution": {"device": "cpu"},
        }
    )
    run_campaign(config)
    proposed = pd.read_csv(next(campaign_folder("protein").glob("round-*/candidates.csv")))
    results = home.parent / "results.csv"
    values = itertools.count(0.5, 0.1)
    proposed[["design"]].assign(value=list(itertools.islice(values, len(proposed)))).to_csv(
        results, index=False
    )

    def evaluate(*_: object, **__: object) -> None:
        raise AssertionError("a predictor is evaluated")

    monkeypatch.setattr(torch.nn.Module, "__call__", evaluate)
    (imported,) = import_measurements("protein", str(results))
    assert imported.added == len(proposed)
    page = (campaign_folder("protein") / "campaign.html").read_text()
    assert "In which order the predictor learned" in page
    assert "which share of its own variance single sites" in page
