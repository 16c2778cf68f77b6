"""A predictor that was trained elsewhere becomes a trajectory of a round like any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from designlib.config.constraints import CompositionConstraints
from designlib.config.external_predictor import Example, ExternalPredictor, OwnInput, OwnNetwork
from designlib.config.sampling import SamplingConfig
from designlib.config.tables import CompositionReading, TableColumns
from designlib.predictors.external import build_model
from designlib.randomness import torch_generator
from designlib.types import InputError
from tasks.inputs.campaign_config import CampaignConfig
from tasks.inputs.config import DataConfig, TableFile
from tasks.inputs.round_inputs import ledger_settings
from tasks.inputs.tables import ingest
from tasks.installation.settings import REPOSITORY, Settings
from tasks.rounds import import_checkpoints as module
from tasks.rounds.generate import plan_chains
from tasks.rounds.import_checkpoints import (
    import_checkpoints,
    members_of,
    register_member,
)
from tasks.stages.ensemble import load_trajectory
from tasks.stages.plan import load_plan
from tasks.stages.stages import StageResult
from tasks.stages.table_facts import load_facts
from tasks.tracking.tracking import client, experiment_id, logged_steps, run_for
from tests.tasks.rounds.open_inputs import open_inputs

FACTORY = "tests.tasks.rounds.test_import_checkpoints:network(width=5)"
STEPS = (0, 20, 500)
DESIGNS = ("ACGTACGT", "TTTTGATA", "GGCATCAA")


def network(width: int) -> nn.Module:
    """A network that takes designs x positions x letters."""
    return nn.Sequential(nn.Flatten(), nn.Linear(32, width), nn.Dropout(0.5), nn.Linear(width, 1))


def weights(step: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(step)
    return network(5).state_dict()


def by_hand(step: int, design: str) -> float:
    model = network(5).eval()
    model.load_state_dict(weights(step))
    rows = torch.eye(4)[["TGCA".index(letter) for letter in design]]
    with torch.no_grad():
        return float(model(rows[None]))


def plain(folder: Path) -> None:
    for step in STEPS:
        torch.save(weights(step), folder / f"step={step}.pt")


def lightning(folder: Path) -> None:
    for step, name in zip(
        (*STEPS, STEPS[-1]), ("epoch=3", "epoch=4", "epoch=9", "last"), strict=True
    ):
        held = {f"model.{key}": value for key, value in weights(step).items()}
        torch.save({"state_dict": held, "global_step": step}, folder / f"{name}.ckpt")


def hugging_face(folder: Path) -> None:
    for step in STEPS:
        below = folder / f"checkpoint-{step}"
        below.mkdir()
        # In two parts, as large models are.
        held = sorted(weights(step).items())
        for part in (1, 2):
            save_file(dict(held[part - 1 :: 2]), below / f"model-0000{part}-of-00002.safetensors")
        torch.save({"lr": nn.Linear(1, 1)}, below / "scheduler.pt")  # not looked at


def safe(folder: Path) -> None:
    for number, step in enumerate(reversed(STEPS)):
        save_file(weights(step), folder / f"part{number}.safetensors", {"step": str(step)})


@pytest.fixture
def start(home: Path) -> StageResult:
    table = pd.read_parquet(REPOSITORY / "data" / "tfbind8_six6.parquet").iloc[::300]
    file = home.parent / "table.csv"
    table.to_csv(file, index=False)
    return ingest.fn(DataConfig(source=TableFile(path=str(file))))


def settings(folder: Path | None, **changes: Any) -> ExternalPredictor:
    examples = [Example(design=d, value=by_hand(STEPS[-1], d)) for d in DESIGNS]
    given = {
        "model": FACTORY,
        "examples": examples,
        "input": OwnInput(layout="channels_last", letters="TGCA"),
        "checkpoints": [str(folder)] if folder else [],
    }
    return ExternalPredictor(**given | changes)


def adopted(own: StageResult, start: StageResult, number: int = 1) -> StageResult:
    return register_member.fn(open_inputs(start, own), own, number)


@pytest.mark.parametrize("kept", [plain, lightning, hugging_face, safe])
def test_every_format_becomes_the_same_trajectory(
    start: StageResult, tmp_path: Path, kept: Callable[[Path], None]
) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    kept(folder)
    own = import_checkpoints.fn(settings(folder), start)
    done = adopted(own, start)
    trajectory = load_trajectory(done)
    assert trajectory.steps == STEPS
    space = load_facts(start).space
    relaxed = space.relax(space.encode(list(DESIGNS)))
    for index, step in enumerate(STEPS):
        told = trajectory.spec.in_units(trajectory.network(index)(relaxed))
        assert told.tolist() == pytest.approx([by_hand(step, d) for d in DESIGNS], abs=1e-5)
    (run,) = client().search_runs(
        [experiment_id(Settings(), "campaign")], "tags.role = 'predictor'"
    )
    assert logged_steps(run.info.run_id, "validation_loss") == set(STEPS)
    assert run.data.params["factory"] == FACTORY
    assert adopted(own, start).reused


def recorded(own: ExternalPredictor, start: StageResult) -> dict[str, Any]:
    """Return the settings of a campaign with this predictor, as the ledger records them."""
    return ledger_settings(CampaignConfig(predictor=own), import_checkpoints.fn(own, start))


def test_what_was_taken_over_is_told_by_content_and_not_by_place(
    start: StageResult, tmp_path: Path
) -> None:
    told = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        plain(tmp_path / name)
        told.append(recorded(settings(tmp_path / name), start))
    assert told[0] == told[1]
    torch.save(weights(7), tmp_path / "two" / "step=20.pt")
    assert recorded(settings(tmp_path / "two"), start) != told[0]
    assert "predictor" not in ledger_settings(CampaignConfig(), None)


def test_a_predictor_without_checkpoints_is_walked_by_temperatures(start: StageResult) -> None:
    model = build_model(OwnNetwork(factory=f"{__name__}:trained"))
    torch.save(model.state_dict(), start.folder.parent / "one.pt")
    own = import_checkpoints.fn(settings(None, model=f"{__name__}:trained"), start)
    assert list(members_of(own)) == [1]
    done = adopted(own, start)
    assert len(load_trajectory(done).states) == 1
    planned = plan_chains.fn(
        open_inputs(start, own, sampling=SamplingConfig(chains=8, rungs=4)), [done]
    )
    plan = load_plan(planned).rungs
    assert load_plan(planned).kind == "temperatures"
    betas = [rung.beta for rung in plan]
    assert [rung.checkpoint for rung in plan] == [0] * 4
    assert betas == sorted(betas)
    assert betas[0] == pytest.approx(betas[-1] / 10)
    assert betas[-1] * plan[-1].sigma == pytest.approx(SamplingConfig().sharpness)


def test_a_predictor_without_checkpoints_can_be_distilled(start: StageResult) -> None:
    own = import_checkpoints.fn(
        settings(None, model=f"{__name__}:trained", distillation_steps=150), start
    )
    done = adopted(own, start)
    trajectory = load_trajectory(done)
    assert trajectory.steps[0] == 0
    assert trajectory.steps[-1] == 150
    space = load_facts(start).space
    relaxed = space.relax(space.encode(list(DESIGNS)))
    told = trajectory.spec.in_units(trajectory.network(-1)(relaxed))
    assert told.tolist() == pytest.approx([by_hand(STEPS[-1], d) for d in DESIGNS], abs=1e-5)
    designs = space.relax(space.random(300, torch_generator(0, "designs")))
    final = trajectory.network(-1)(designs).numpy()
    alike = [
        np.corrcoef(trajectory.network(index)(designs).numpy(), final)[0, 1]
        for index in range(len(trajectory.steps))
    ]
    assert alike[0] < 0.6
    assert alike[-2] > 0.9
    planned = plan_chains.fn(open_inputs(start, own, sampling=SamplingConfig(chains=8)), [done])
    assert load_plan(planned).kind == "distillation"


def test_a_predictor_of_compositions_is_taken_over(home: Path, tmp_path: Path) -> None:
    grid = [(a, b, 100 - a - b) for a in range(0, 101, 10) for b in range(0, 101 - a, 10)]
    table = pd.DataFrame(grid, columns=pd.Index(["Fe", "Ni", "Co"]))
    table["activity"] = table["Fe"] * table["Ni"] / 100 + table["Co"] / 10
    table.to_csv(tmp_path / "alloys.csv", index=False)
    reading = CompositionReading(components=("Fe", "Ni", "Co"), step=10, amounts="percent")
    columns = TableColumns(values=("activity",))
    source = TableFile(path=str(tmp_path / "alloys.csv"), columns=columns, compositions=reading)
    start = ingest.fn(DataConfig(source=source))
    states = {}
    for step in STEPS:
        torch.manual_seed(step)
        states[step] = alloys().state_dict()
        torch.save(states[step], tmp_path / f"step={step}.pt")
    shares = torch.tensor([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    model = alloys()
    model.load_state_dict(states[500])
    told = model(shares)[:, 0].tolist()
    space = load_facts(start).space
    parts = space.decode(space.encode(["Fe=0.5, Ni=0.5", "Fe=0.2, Ni=0.3, Co=0.5"]))
    own = ExternalPredictor(
        model=f"{__name__}:alloys",
        checkpoints=(str(tmp_path),),
        input=OwnInput(layout="columns"),
        examples=tuple(Example(design=d, value=v) for d, v in zip(parts, told, strict=True)),
    )
    done = adopted(import_checkpoints.fn(own, start), start)
    trajectory = load_trajectory(done)
    assert trajectory.steps == STEPS
    given = trajectory.spec.in_units(trajectory.network(-1)(space.relax(space.encode(parts))))
    assert given.tolist() == pytest.approx(told, abs=1e-5)
    inputs = open_inputs(
        start, sampling=SamplingConfig(chains=8), constraints=CompositionConstraints()
    )
    planned = plan_chains.fn(inputs, [done])
    plan = load_plan(planned).rungs
    assert [rung.training_step for rung in plan] == list(STEPS)
    assert load_plan(planned).kind == "trajectory"


def alloys() -> nn.Module:
    """A network that takes the shares of three components."""
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))


def test_a_trajectory_is_not_distilled(start: StageResult, tmp_path: Path) -> None:
    plain(tmp_path)
    with pytest.raises(InputError, match="there are 3 checkpoints, which are a trajectory"):
        import_checkpoints.fn(settings(tmp_path, distillation_steps=10), start)


def trained() -> nn.Module:
    """A factory that returns a model with its weights."""
    model = network(5)
    model.load_state_dict(weights(STEPS[-1]))
    return model


def test_checkpoints_of_an_mlflow_run_are_read(start: StageResult, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    plain(tmp_path / "kept")
    experiment = experiment_id(Settings(), "theirs")
    with run_for(experiment, "their-run", "training") as run_id:
        client().log_artifacts(run_id, str(tmp_path / "kept"), "states")
    own = import_checkpoints.fn(settings(None, checkpoints=[f"runs:/{run_id}/states"]), start)
    assert load_trajectory(adopted(own, start)).steps == STEPS
    with pytest.raises(InputError, match="runs:/none/states: cannot be read from MLflow"):
        import_checkpoints.fn(settings(None, checkpoints=["runs:/none/states"]), start)


def test_members_are_an_ensemble_with_the_same_steps(start: StageResult, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        plain(tmp_path / name)
    both = settings(None, checkpoints=[str(tmp_path / "one"), str(tmp_path / "two")])
    assert list(members_of(import_checkpoints.fn(both, start))) == [1, 2]
    (tmp_path / "two" / "step=20.pt").rename(tmp_path / "two" / "step=21.pt")
    with pytest.raises(InputError, match=r"two has checkpoints at steps \[0, 21, 500\]"):
        import_checkpoints.fn(both, start)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: [f.unlink() for f in folder.iterdir()], "holds no checkpoints"),
        (lambda folder: (folder / "step=20.pt").rename(folder / "x.pt"), "x.pt: neither"),
        (lambda folder: torch.save(network(6).state_dict(), folder / "step=30.pt"), "has shape"),
        (lambda folder: torch.save(network(5), folder / "step=30.pt"), "pickled objects"),
        (lambda folder: (folder / "step=500.pt").unlink(), "for example 1"),
    ],
)
def test_what_cannot_be_used_is_named_and_nothing_is_left(
    start: StageResult, tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    plain(folder)
    spoil(folder)
    with pytest.raises(InputError, match=said):
        import_checkpoints.fn(settings(folder), start)
    assert not list((Settings().stages / "predictor").glob("*/manifest.json"))
    with pytest.raises(InputError, match="no such folder"):
        import_checkpoints.fn(settings(tmp_path / "nowhere"), start)


def test_a_checkpoint_that_gives_nan_is_named(start: StageResult, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    plain(folder)
    huge = {name: value * 1e30 for name, value in weights(20).items()}
    torch.save(huge, folder / "step=20.pt")
    own = import_checkpoints.fn(settings(folder), start)
    with pytest.raises(InputError, match="NaN or infinity for a measured design at step 20"):
        adopted(own, start)


def test_a_run_of_the_page_calls_only_what_the_operator_allows(
    start: StageResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OnServer:
        id = "deployment"

    (tmp_path / "kept").mkdir()
    plain(tmp_path / "kept")
    monkeypatch.setattr(module, "deployment", OnServer)
    with pytest.raises(
        InputError, match=r"not allowed module tests.tasks.rounds.test_import_checkpoints"
    ):
        import_checkpoints.fn(settings(tmp_path / "kept"), start)
    monkeypatch.setenv("DESIGN_FACTORIES", "json, tests.tasks.rounds.test_import_checkpoints")
    import_checkpoints.fn(settings(tmp_path / "kept"), start)
