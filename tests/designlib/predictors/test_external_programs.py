"""Programs of other people: what they score, and files that are none."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from designlib.config.external_predictor import OwnInput, OwnNetwork
from designlib.predictors.external import build_model
from designlib.predictors.networks import evaluate
from designlib.predictors.training import TrainingState
from designlib.predictors.trajectory import (
    PROGRAM,
    PredictorSpec,
    Trajectory,
    state_from_bytes,
    state_to_bytes,
)
from designlib.types import InputError
from tests.designlib.predictors.test_external import DESIGNS, SPACE, channels_first, one_hot


def exported(model: nn.Module) -> bytes:
    sink = io.BytesIO()
    shapes = ({0: torch.export.Dim("designs")},)
    torch.export.save(
        torch.export.export(model, (torch.zeros(2, 4, 6),), dynamic_shapes=shapes), sink
    )
    return sink.getvalue()


def scripted(model: nn.Module) -> bytes:
    sink = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(model), sink)
    return sink.getvalue()


def as_tensor(content: bytes) -> Tensor:
    return torch.from_numpy(np.frombuffer(content, np.uint8).copy())


@pytest.mark.parametrize("written", [exported, scripted])
def test_a_trajectory_of_a_program_comes_back_from_its_files(written):
    first, last = channels_first(0).eval(), channels_first(1).eval()
    program = as_tensor(written(last))
    about = OwnNetwork(input=OwnInput(letters="TGAC"))
    spec = PredictorSpec(network=about, alphabet="dna", length=6, centre=1.0, scale=-2.0, seed=0)
    states = [
        TrainingState(
            step,
            {f"model.{name}": v for name, v in model.state_dict().items()} | {PROGRAM: program},
            {},
            {"spread": 1.0},
        )
        for step, model in ((0, first), (9, last))
    ]
    stored = [state_from_bytes(state_to_bytes(state, spec)) for state in states]
    trajectory = Trajectory(stored[0][1], tuple(state for state, _ in stored))
    relaxed = SPACE.relax(SPACE.encode(DESIGNS))
    for index, model in enumerate((first, last)):
        scores = evaluate(trajectory.network(index), relaxed)
        with torch.no_grad():
            wanted = model(one_hot(DESIGNS, "TGAC")).squeeze(1)
        assert torch.allclose(trajectory.spec.in_units(scores), wanted, atol=1e-5)


def test_a_file_that_is_no_program_is_rejected():
    with pytest.raises(InputError, match="no file that"):
        build_model(OwnNetwork(), as_tensor(b"text"))
