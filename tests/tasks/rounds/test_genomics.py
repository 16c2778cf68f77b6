"""A genomics model of public conventions, from its state dicts to designs that it prefers.

bpnet-lite's networks take one-hot sequences, channels first, with the sequence around the design,
and return profile and counts. Where the package is installed, its own BPNet is taken over as well.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from designlib.config.base import Flanks
from designlib.config.external_predictor import Example, ExternalPredictor, OwnInput, OwnOutput
from designlib.config.sampling import SamplingConfig
from tasks.inputs.config import DataConfig, TableFile
from tasks.inputs.tables import ingest
from tasks.installation.settings import REPOSITORY
from tasks.rounds.generate import gather_shards, plan_chains, sample_shard
from tasks.rounds.import_checkpoints import import_checkpoints, register_member
from tasks.stages.ensemble import load_trajectory
from tasks.stages.plan import load_plan
from tasks.stages.table_facts import load_facts
from tests.tasks.rounds.open_inputs import open_inputs

LEFT, RIGHT = "ACGTTGCA" * 4, "TTGACCGA" * 4
STEPS = (0, 10, 60, 150)


class Profile(nn.Module):
    """(X, X_ctl=None) in; profile logits of two strands and log counts out, dilated layers."""

    def __init__(self, filters: int = 8, layers: int = 2, trimming: int = 12) -> None:
        super().__init__()
        self.trimming = trimming
        self.iconv = nn.Conv1d(4, filters, 7, padding=3)
        self.rconvs = nn.ModuleList(
            nn.Conv1d(filters, filters, 3, padding=2**i, dilation=2**i)
            for i in range(1, layers + 1)
        )
        self.fconv = nn.Conv1d(filters, 2, 5, padding=2)
        self.linear = nn.Linear(filters, 1)

    def forward(self, X: Tensor, X_ctl: Tensor | None = None) -> tuple[Tensor, Tensor]:
        inside = torch.relu(self.iconv(X))
        for conv in self.rconvs:
            inside = inside + torch.relu(conv(inside))
        inner = slice(self.trimming, X.shape[2] - self.trimming)
        return self.fconv(inside)[:, :, inner], self.linear(inside[:, :, inner].mean(2))


def bpnet() -> nn.Module:
    """A factory of the package's own network."""
    package = importlib.import_module("bpnetlite")
    return package.BPNet(n_filters=8, n_layers=2, trimming=12, n_control_tracks=0, verbose=False)


def encoded(designs: list[str]) -> Tensor:
    whole = [LEFT + design + RIGHT for design in designs]
    letters = torch.tensor([["ACGT".index(letter) for letter in text] for text in whole])
    return torch.eye(4)[letters].transpose(1, 2)


def counts(model: nn.Module, designs: list[str]) -> Tensor:
    with torch.no_grad():
        return model.eval()(encoded(designs))[1][:, 0]


@pytest.mark.parametrize("factory", ["Profile", "bpnet"])
def test_from_state_dicts_to_designs_with_more_counts(
    home: Path, tmp_path: Path, factory: str
) -> None:
    if factory == "bpnet":
        pytest.importorskip("bpnetlite")
    table = pd.read_parquet(REPOSITORY / "data" / "tfbind8_six6.parquet").iloc[::200]
    table.to_csv(tmp_path / "table.csv", index=False)
    designs, values = table["design"].tolist(), torch.tensor(table["e_score"].to_numpy()).float()
    torch.manual_seed(0)
    model = {"Profile": Profile, "bpnet": bpnet}[factory]()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    inputs = encoded(designs)
    (tmp_path / "kept").mkdir()
    for step in range(STEPS[-1] + 1):
        if step in STEPS:
            torch.save(model.state_dict(), tmp_path / "kept" / f"step={step}.torch.pt")
        optimiser.zero_grad()
        nn.functional.mse_loss(model(inputs)[1][:, 0], values).backward()
        optimiser.step()
    model.load_state_dict(torch.load(tmp_path / "kept" / f"step={STEPS[-1]}.torch.pt"))
    told = counts(model, designs)

    start = ingest.fn(DataConfig(source=TableFile(path=str(tmp_path / "table.csv"))))
    own = ExternalPredictor(
        model=f"{__name__}:{factory}",
        checkpoints=(str(tmp_path / "kept"),),
        input=OwnInput(flanks=Flanks(left=LEFT, right=RIGHT)),
        output=OwnOutput(part="1"),
        examples=tuple(
            Example(design=design, value=float(value))
            for design, value in zip(designs[:3], told[:3], strict=True)
        ),
    )
    external = import_checkpoints.fn(own, start)
    inputs = open_inputs(start, external, sampling=SamplingConfig(chains=64))
    member = register_member.fn(inputs, external, 1)
    trajectory = load_trajectory(member)
    space = load_facts(start).space
    relaxed = space.relax(space.encode(designs))
    for index, step in enumerate(STEPS):
        state = torch.load(tmp_path / "kept" / f"step={step}.torch.pt")
        model.load_state_dict(state)
        given = trajectory.spec.in_units(trajectory.network(index)(relaxed))
        assert given.tolist() == pytest.approx(counts(model, designs).tolist(), abs=1e-5)

    plan = plan_chains.fn(inputs, [member])
    assert load_plan(plan).kind == "trajectory"
    shard = sample_shard.fn(inputs, plan, [member], 1, 1)
    walked = gather_shards.fn(inputs, plan, [member], [shard])
    rows = pd.read_parquet(walked.path("snapshots.parquet"))
    last = rows[rows["rung"] == rows["rung"].max()]["design"].tolist()
    assert float(counts(model, last).median()) > float(told.quantile(0.95))
