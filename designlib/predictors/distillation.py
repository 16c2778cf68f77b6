"""A trajectory for a model that has none: a short training of its own architecture to say the same.

Hinton et al. (2015) distil an ensemble into a network. Here a network of the model's architecture
begins with new weights and learns what the model says; its checkpoints go from coarse to fine as
those of a training would, and the model itself is the last one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from designlib.config import OwnNetwork, TrainingConfig
from designlib.predictors.external import OwnScore
from designlib.predictors.networks import evaluate
from designlib.predictors.training import Examples, train
from designlib.randomness import torch_generator
from designlib.spaces import DesignSpace
from designlib.types import Designs, InputError

__all__ = ["distil"]

_CHECKPOINTS = 12
_RANDOM = 4096
_HELD = 256


def distil(
    model: nn.Module, about: OwnNetwork, space: DesignSpace, measured: Designs, seed: int
) -> Iterator[tuple[int, dict[str, Tensor]]]:
    """Yield steps and state dicts of the short training, the last of them the model's own.

    It learns the model's output for the measured designs, whose values do not matter, and for 4,096
    random ones. The module is in evaluation mode throughout and ends with its own state.

    Raises InputError for a model without parameters, or one that says the same of all designs.
    """
    own = {name: value.detach().clone() for name, value in model.state_dict().items()}
    parameters = dict(model.named_parameters())
    if not parameters:
        raise InputError("distillation_steps: the model has no parameters that could be trained")
    generator = torch_generator(seed, "distillation")
    designs = torch.cat([space.random(_RANDOM, generator), measured])
    order = torch.randperm(len(designs), generator=generator)
    relaxed = space.relax(designs[order])
    model.eval()
    told = evaluate(OwnScore(model, about, space, 0.0, 1.0), relaxed).double()
    centre, scale = float(told.mean()), float(told.std())
    if not scale > 0:
        raise InputError("distillation_steps: the model says the same of all designs")
    target = ((told - centre) / scale).float()
    examples = Examples(relaxed, target, torch.ones(len(target)))
    held, learned = (Examples(*(column[part] for column in examples))
                     for part in (slice(_HELD), slice(_HELD, None)))  # fmt: skip
    config = TrainingConfig(
        steps=about.distillation_steps, checkpoints=_CHECKPOINTS, learning_rate=2e-3,
        weight_decay=0.0, emphasis=0.0,
    )  # fmt: skip
    # Those that are fixed in the model are learned as well: its copy knows nothing yet.
    fixed = [value for value in parameters.values() if not value.requires_grad]
    try:
        model.requires_grad_(True)
        _begin_anew(parameters, generator)
        score = OwnScore(model, about, space, centre, scale)
        for state in train(score, learned, held, config, seed):
            if state.step < config.steps:
                yield (
                    state.step,
                    {
                        name.removeprefix("model."): value
                        for name, value in state.parameters.items()
                    },
                )
    finally:
        model.load_state_dict(own)
        for value in fixed:
            value.requires_grad_(False)
    yield config.steps, own


def _begin_anew(parameters: dict[str, nn.Parameter], generator: torch.Generator) -> None:
    """Draw weights as torch's layers begin with; vectors are offsets, or scales around 1."""
    with torch.no_grad():
        for name, value in parameters.items():
            if value.ndim > 1:
                bound = 1 / math.sqrt(max(1, value[0].numel()))
                value.uniform_(-bound, bound, generator=generator)
            else:
                value.fill_(1.0 if name.endswith("weight") else 0.0)
