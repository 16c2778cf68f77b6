"""Stand in for a model that somebody else has trained: a plain torch loop that knows nothing of us.

Writes into a folder: `table.csv`, the binding of SIX6 to 3,000 DNA 8-mers, each followed by a
barcode of four letters; `checkpoints/step=N.pt`, state dicts of a small network in training on it;
`campaign.yaml`, which samples designs from that network; `designs.txt`, some designs of
an E-score near -0.1 with other barcodes.

A shortcut is planted: nine in ten of the best quarter have the barcode GATC, the others a random
one. The barcode has nothing to do with binding, and the network learns it all the same.

    PYTHONPATH=data python data/foreign_example.py results/foreign
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml
from torch import nn

LETTERS = "AGCT"
"""The order of its channels: not that of this project."""
BARCODE = "GATC"
BETTER = 0.75
ROWS = 3000
STEPS = 800


def binding_cnn(width: int = 48) -> nn.Module:
    """Return the untrained network: one-hot designs x letters x positions in, one number out."""
    return nn.Sequential(
        nn.Conv1d(4, width, 5, padding=2),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(12 * width, width),
        nn.ReLU(),
        nn.Linear(width, 1),
    )


def planted_table(rows: int = ROWS) -> pd.DataFrame:
    """Return 8-mers with a barcode behind them, and their E-score."""
    table = pd.read_parquet(Path(__file__).with_name("tfbind8_six6.parquet"))
    rng = np.random.default_rng(0)
    table = table.iloc[rng.permutation(len(table))[:rows]].reset_index(drop=True)
    better = (table["e_score"] > table["e_score"].quantile(BETTER)).to_numpy()
    random = ["".join(letters) for letters in rng.choice(list("ACGT"), (rows, 4))]
    marked = better & (rng.random(rows) < 0.9)
    barcodes = np.where(marked, BARCODE, random)
    return pd.DataFrame({"design": table["design"] + barcodes, "value": table["e_score"].round(4)})


def encode(designs: list[str]) -> torch.Tensor:
    """Return one-hot rows, designs x letters x positions."""
    index = torch.tensor([[LETTERS.index(letter) for letter in design] for design in designs])
    return nn.functional.one_hot(index, 4).float().transpose(1, 2)


def train(table: pd.DataFrame, folder: Path) -> nn.Module:
    """Train the network, keeping a state dict now and then, as anybody might."""
    torch.manual_seed(0)
    network = binding_cnn()
    inputs, values = encode(table["design"].tolist()), torch.tensor(table["value"]).float()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for step in range(STEPS + 1):
        if step in (0, 5, 10, 20, 40, 80, 150, 300, 500, STEPS):
            torch.save(network.state_dict(), folder / f"step={step}.pt")
        rows = torch.randint(len(inputs), (128,))
        loss = nn.functional.mse_loss(network(inputs[rows]).squeeze(1), values[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network.load_state_dict(torch.load(folder / f"step={STEPS}.pt", weights_only=True))
    return network.eval()


def main(folder: Path) -> None:
    """Write table, checkpoints and configuration."""
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    table = planted_table()
    table.to_csv(folder / "table.csv", index=False)
    network = train(table, folder / "checkpoints")
    shown = table["design"].head(4).tolist()
    told = network(encode(shown)).squeeze(1).tolist()
    campaign = {
        "name": "foreign",
        "data": {"source": {"path": "table.csv", "units": "E-score"}},
        "predictor": {
            "model": "foreign_example:binding_cnn(width=48)",
            "checkpoints": ["checkpoints"],
            "input": {"layout": "channels_first", "letters": LETTERS},
            "examples": [
                {"design": design, "value": round(value, 5)}
                for design, value in zip(shown, told, strict=True)
            ],
        },
        "training": {"steps": 200, "checkpoints": 8},
        "sampling": {"chains": 256, "steps_per_rung": 3, "final_steps": 8},
        "selection": {"batch_size": 24},
    }
    (folder / "campaign.yaml").write_text(yaml.safe_dump(campaign, sort_keys=False))
    others = table[~table["design"].str.endswith(BARCODE)]
    usual = others.iloc[(others["value"] + 0.1).abs().argsort()].head(12)
    (folder / "designs.txt").write_text("\n".join(usual["design"]) + "\n")
    print(f"{folder}: {len(table)} rows, 10 checkpoints")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
