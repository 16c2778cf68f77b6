"""A small trained ensemble that tests of trajectories, ladders and sampling share."""

import pytest
import torch

from designlib.config.training import NetworkConfig, TrainingConfig
from designlib.notation.alphabets import DNA
from designlib.predictors.training import Examples, train
from designlib.predictors.trajectory import PredictorSpec, Trajectory
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace

SPACE = SequenceSpace(DNA, 6)


def train_small(seed: int, steps: int = 60) -> Trajectory:
    """Train on how many A minus how many T a sequence has."""
    config = TrainingConfig(
        network=NetworkConfig(architecture="mlp", width=16),
        steps=steps,
        batch_size=32,
        checkpoints=8,
        learning_rate=0.02,
        emphasis=0.0,
    )
    spec = PredictorSpec(
        network=config.network,
        alphabet="dna",
        length=6,
        both_strands=False,
        centre=10.0,
        scale=2.0,
        seed=seed,
    )
    letters = SPACE.random(300, torch_generator(0, "examples"))
    target = ((letters == 0).float().sum(1) - (letters == 3).float().sum(1)) / 1.7
    data = Examples(SPACE.relax(letters), target, torch.ones(300))
    held = Examples(*(column[:50] for column in data))
    return Trajectory(spec, tuple(train(spec.build(), data, held, config, seed)))


@pytest.fixture(scope="session")
def members() -> list[Trajectory]:
    """Two predictors along their training."""
    return [train_small(1), train_small(2)]
