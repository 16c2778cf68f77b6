r"""A density over binary images, a restricted Boltzmann machine, along its training.

With the hidden units summed out, the log density of an image x is, up to a constant,

.. math:: f(x) = b^\top x + \sum_j \ln(1 + e^{c_j + w_j^\top x}),

a network with one layer of softplus units, which any sampler of this library can take. It is
trained by persistent contrastive divergence (Tieleman, ICML 2008): the gradient of the mean log
likelihood is the mean derivative of f over data less that over chains that are kept from step to
step and moved by block Gibbs sampling.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import deepcopy
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from designlib.predictors import log_spaced_steps
from designlib.randomness import torch_generator
from designlib.types import InputError, OneHot, Points, Scores

_INITIAL_WEIGHT = 0.01

_CHAINS, _SWEEPS = 128, 1
"""Persistent chains, and sweeps for each step: as many as images in a batch, and the one sweep
of persistent contrastive divergence."""


class EnergyConfig(NamedTuple):
    """How an energy model is trained."""

    hidden: int = 500
    steps: int = 12_000
    batch_size: int = 128
    learning_rate: float = 1e-3
    """Of Adam at the start."""
    checkpoints: int = 30


class EnergyModel(nn.Module):
    """Log density of binary images, up to a constant.

    Parameters
    ----------
    sites
        Pixels of an image.
    hidden
        Softplus units.
    """

    def __init__(self, sites: int, hidden: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(hidden, sites))
        self.visible_bias = nn.Parameter(torch.zeros(sites))
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))

    def forward(self, one_hot: OneHot) -> Scores:
        """Return the log density of one-hot pixels, shape (designs, sites, 2)."""
        return self.log_density(one_hot[:, :, 1])

    def log_density(self, images: Points) -> Scores:
        """Return the log density of images of 0 and 1, shape (designs, sites)."""
        return images @ self.visible_bias + softplus(self.field(images)).sum(1)

    def field(self, images: Points) -> Float[Tensor, "designs hidden"]:
        """Return the log odds of each hidden unit, given images."""
        return images @ self.weight.T + self.hidden_bias


class EnergyCheckpoint(NamedTuple):
    """An energy model at one step of its training, with fixed parameters."""

    step: int
    model: EnergyModel


def block_gibbs(
    model: EnergyModel, images: Points, sweeps: int, generator: torch.Generator
) -> Points:
    """Return the images after so many sweeps: all hidden units, then all pixels.

    It leaves the model's density invariant, and needs its form: other samplers do not.
    """
    with torch.no_grad():
        for _ in range(sweeps):
            hidden = _bernoulli(model.field(images), generator)
            images = _bernoulli(hidden @ model.weight + model.visible_bias, generator)
    return images


def train_energy(images: Points, config: EnergyConfig, seed: int) -> Iterator[EnergyCheckpoint]:
    """Train an energy model and yield a copy of it at log-spaced steps, the first untrained.

    Before the first step the pixels are independent and as often on as in the data. The rate
    falls linearly to 0.

    Parameters
    ----------
    images
        Training images of 0 and 1, shape (designs, sites).

    Raises
    ------
    InputError
        Images of anything but 0 and 1, or none.
    FloatingPointError
        The training diverged.
    """
    if len(images) == 0 or not bool(((images == 0) | (images == 1)).all()):
        raise InputError("an energy model is trained on at least one image of zeros and ones")
    images = images.float()
    generator = torch_generator(seed, "energy model")
    model = _initial(images, config.hidden, generator)
    fantasy = images[torch.randint(len(images), (_CHAINS,), generator=generator)]
    optimiser = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    kept = set(log_spaced_steps(config.steps, config.checkpoints))
    yield EnergyCheckpoint(0, _frozen(model))
    for step in range(config.steps):
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * (1 - step / config.steps)
        fantasy = block_gibbs(model, fantasy, _SWEEPS, generator)
        batch = images[torch.randint(len(images), (config.batch_size,), generator=generator)]
        loss = model.log_density(fantasy).mean() - model.log_density(batch).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step + 1 in kept:
            if not math.isfinite(loss.item()):
                raise FloatingPointError(f"the energy model diverged by step {step + 1}")
            yield EnergyCheckpoint(step + 1, _frozen(model))


def _initial(images: Points, hidden: int, generator: torch.Generator) -> EnergyModel:
    model = EnergyModel(images.shape[1], hidden)
    # Half an image each way, so that a pixel that never changes has a finite bias.
    on = (images.sum(0) + 0.5) / (len(images) + 1)
    with torch.no_grad():
        model.weight.normal_(0, _INITIAL_WEIGHT, generator=generator)
        model.visible_bias.copy_(on.logit())
    return model


def _frozen(model: EnergyModel) -> EnergyModel:
    return deepcopy(model).eval().requires_grad_(False)


def _bernoulli(logit: Tensor, generator: torch.Generator) -> Tensor:
    return (torch.rand(logit.shape, generator=generator) < logit.sigmoid()).float()
