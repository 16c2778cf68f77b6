"""The campaigns whose results are stored: one of each kind, as small as they can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import torch

from tasks.inputs.campaign_config import CampaignConfig
from tasks.installation.settings import Settings

__all__ = ["CAMPAIGNS", "load_campaign"]

_TINY: dict[str, Any] = {
    "training": {
        "members": 2,
        "steps": 60,
        "checkpoints": 6,
        "batch_size": 32,
        "network": {"width": 16},
    },
    "sampling": {"chains": 48, "steps_per_rung": 2, "final_steps": 4},
    "execution": {"device": "cpu", "shards": 2},
}

CAMPAIGNS: dict[str, dict[str, Any]] = {
    "six6": {
        "data": {"source": {"dataset": "tfbind8_six6", "visible_share": 0.5}},
        "constraints": {
            "forbidden_motifs": ["GATC"],
            "fixed_sites": [{"position": 1, "letters": "R"}],
            "gc": {"low": 0.25, "high": 0.75},
            "max_homopolymer": 3,
        },
        "selection": {"batch_size": 12},
    },
    "blends": {
        "data": {"source": {"dataset": "photo_pce10", "visible_share": 0.3, "visible": "random"}},
        "constraints": {
            "most_components": 3,
            "component_ranges": [{"components": ["PCBM"], "low": 10, "high": 60}],
        },
        "selection": {"batch_size": 12, "min_distance": 3, "validation_quantile": 0},
        "recipe": {"sample_mass": 0.02},
    },
    "chromatograph": {
        "data": {
            "source": {
                "path": "chromatograph.csv",
                "columns": {"values": ["peak_area"]},
                "compositions": {
                    "quantities": [
                        {"name": "sample_loop", "unit": "mL", "low": 0, "high": 0.08},
                        {"name": "tubing_volume", "unit": "mL", "low": 0.1, "high": 0.9},
                        {"name": "push_speed", "unit": "Hz", "low": 80, "high": 150, "step": 1},
                    ],
                    "choices": [{"name": "wait"}],
                },
            }
        },
        "constraints": {
            "quantity_ranges": [{"quantity": "push_speed", "high": 140}],
            "allowed_options": [{"choice": "wait", "options": ["short", "long"]}],
        },
        "selection": {"batch_size": 12, "min_distance": 5, "validation_quantile": 0},
    },
    "front": {
        "rounds": 2,
        "data": {
            "source": {"dataset": "tfbind8_six6_crx", "visible_share": 0.02, "visible": "random"}
        },
        "objectives": {"front": [{"column": "crx", "direction": "minimise"}], "directions": 2},
        # Blocks of chains take turns on the directions.
        "sampling": {**_TINY["sampling"], "chains": 256},
        "selection": {"batch_size": 12, "min_distance": 1, "validation_quantile": 0},
    },
    "own": {
        "data": {"source": {"path": "own.csv", "unit": "E-score"}},
        "predictor": {
            "model": "foreign_example:binding_cnn(width=8)",
            "checkpoints": ["checkpoints"],
            "input": {"layout": "channels_first", "letters": "AGCT"},
        },
        "selection": {"batch_size": 12, "validation_quantile": 0},
    },
}
"""Settings of each campaign, by its name."""


def load_campaign(name: str, folder: Path) -> CampaignConfig:
    """Return a campaign by its name, the files that it reads written into the folder."""
    settings = {"name": name, **_TINY, **CAMPAIGNS[name]}
    source = settings["data"]["source"]
    if name == "chromatograph":
        path = folder / source["path"]
        _chromatograph().to_csv(path, index=False)
        settings["data"] = {"source": {**source, "path": str(path)}}
    if name == "own":
        path = folder / source["path"]
        examples = _train_own(path, folder / "checkpoints")
        own = {"checkpoints": [str(folder / "checkpoints")], "examples": examples}
        settings["data"] = {"source": {**source, "path": str(path)}}
        settings["predictor"] = {**settings["predictor"], **own}
    return CampaignConfig.model_validate(settings)


def _chromatograph() -> pd.DataFrame:
    """Return some rows of the embedded table, with words for the times that were waited."""
    table = pd.read_csv(Settings().embedded / "hplc.csv").head(300)
    table.columns = [name.split(" (")[0] for name in table.columns]
    wait = pd.cut(table["wait_time"], [0, 3, 6, 10], labels=["short", "middle", "long"])
    table = table.assign(wait=wait, push_speed=table["push_speed"].round())
    return table[["sample_loop", "tubing_volume", "push_speed", "wait", "peak_area"]]


def _train_own(path: Path, checkpoints: Path) -> list[dict[str, Any]]:
    """Write a table and the checkpoints of a network that learns it; return some predictions."""
    import foreign_example  # pyright: ignore[reportMissingImports] - in data/, for the runs alone

    table = foreign_example.planted_table(6000).head(500)
    table.to_csv(path, index=False)
    checkpoints.mkdir()
    torch.manual_seed(0)
    network = foreign_example.binding_cnn(width=8)
    inputs = foreign_example.encode(table["design"].tolist())
    values = torch.tensor(table["value"]).float()
    # Not fused, it takes roots by a library that starts from the processor's own estimates.
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01, fused=True)
    for step in range(61):
        if step in (0, 4, 12, 30, 60):
            torch.save(network.state_dict(), checkpoints / f"step={step}.pt")
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(network(inputs).squeeze(1), values).backward()
        optimiser.step()
    last = torch.load(checkpoints / "step=60.pt", weights_only=True)
    network.load_state_dict(last)
    with torch.no_grad():
        predicted = network.eval()(inputs[:3]).squeeze(1).tolist()
    designs = table["design"].head(3)
    return [{"design": d, "value": v} for d, v in zip(designs, predicted, strict=True)]
