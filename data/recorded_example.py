"""The training of `foreign_example.py`, recorded into MLflow by one line, and what that costs.

PYTHONPATH=data:. python data/recorded_example.py
"""

from __future__ import annotations

import time

import foreign_example
import torch
from torch import nn

from tasks.tracking.recording import record_training

STEPS = 1000


def main() -> None:
    """Train once and print the share of its time that recording took."""
    torch.manual_seed(0)
    table = foreign_example.planted_table()
    network = foreign_example.binding_cnn()
    inputs = foreign_example.encode(table["design"].tolist())
    values = torch.tensor(table["value"]).float()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    began = time.perf_counter()
    with record_training(network, STEPS, "foreign-training") as recorder:
        for _ in range(STEPS):
            rows = torch.randint(len(inputs), (128,))
            loss = nn.functional.mse_loss(network(inputs[rows]).squeeze(1), values[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            recorder.after_step()
        trained = time.perf_counter() - began
    print(f"checkpoints: [runs:/{recorder.run_id}/checkpoints]")
    print(f"recording took {recorder.seconds / trained:.2%} of {trained:.0f} s of training")


if __name__ == "__main__":
    main()
