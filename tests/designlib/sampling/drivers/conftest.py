"""Tiny ladders that can be enumerated."""

from types import SimpleNamespace

import pytest
import torch

from designlib.notation.alphabets import BINARY
from designlib.randomness import torch_generator
from designlib.sampling.ladders import Rung
from designlib.sampling.targets import Target
from designlib.spaces import SequenceSpace

SPACE = SequenceSpace(BINARY, 3)


def score(seed, space=SPACE):
    generator = torch_generator(seed, "score")
    width = space.length * 2
    into = torch.randn(width, 6, generator=generator, dtype=torch.float64)
    out = torch.randn(6, generator=generator, dtype=torch.float64)
    return lambda relaxed: torch.tanh(relaxed.flatten(1) @ into) @ out


def rung(seed, beta=1.0, steps=2, constraint=None, predict=None):
    target = Target(
        predict or score(seed), SPACE, constraint, beta, f"rung {seed}", dtype=torch.float64
    )
    return Rung(target, steps, f"rung {seed}")


def designs():
    return torch.arange(8)[:, None] // 2 ** torch.arange(3) % 2


def density(target, feasible=None):
    """Return the exact probability of each feasible design, and log Z against uniform."""
    rows = designs() if feasible is None else feasible
    log_density = target.beta * target.predict(SPACE.relax(rows, torch.float64))
    log_z = log_density.logsumexp(0) - torch.log(torch.tensor(float(len(rows))))
    return log_density.softmax(0), log_z


@pytest.fixture
def tiny():
    """Three rungs of different predictors on eight designs, and what is exact about them."""
    predict = score(1)
    return SimpleNamespace(
        space=SPACE,
        ladder=[rung(1, 0.5), rung(2, 0.8), rung(3, 1.2)],
        temperatures=[rung(1, beta, predict=predict) for beta in (0.3, 1.0, 3.0)],
        rung=rung,
        density=density,
        designs=designs(),
    )
