"""A trajectory for a model without one: a short training of its architecture on its predictions.

Hinton et al. (2015) distil an ensemble into a network. Here a network of the model's architecture
starts with new weights and learns the model's predictions; its checkpoints go from coarse to fine
as those of a training would, and the model itself is the last one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from designlib.config import OwnNetwork, TrainingConfig
from designlib.predictors.external import ExternalScore
from designlib.predictors.networks import evaluate
from designlib.predictors.training import Examples, train
from designlib.randomness import torch_generator
from designlib.spaces import DesignSpace
from designlib.types import Designs, InputError

_CHECKPOINTS = 12
_RANDOM = 4096
_HELD = 256


def distil(
    model: nn.Module, about: OwnNetwork, space: DesignSpace, measured: Designs, seed: int
) -> Iterator[tuple[int, dict[str, Tensor]]]:
    """Yield steps and state dicts of the short training, the last of them the model's own.

    It learns the model's output for the measured designs, whose values do not matter, and for 4,096
    random ones. The module is in evaluation mode throughout and ends with its own state.

    Raises InputError for a model without parameters, or one that is constant.
    """
    final = {name: value.detach().clone() for name, value in model.state_dict().items()}
    parameters = dict(model.named_parameters())
    if not parameters:
        raise InputError("distillation_steps: the model has no parameters that could be trained")
    generator = torch_generator(seed, "distillation")
    designs = torch.cat([space.random(_RANDOM, generator), measured])
    order = torch.randperm(len(designs), generator=generator)
    relaxed = space.relax(designs[order])
    model.eval()
    predicted = evaluate(ExternalScore(model, about, space, 0.0, 1.0), relaxed).double()
    centre, scale = float(predicted.mean()), float(predicted.std())
    if not scale > 0:
        raise InputError("distillation_steps: the model predicts the same for all designs")
    target = ((predicted - centre) / scale).float()
    examples = Examples(relaxed, target, torch.ones(len(target)))
    validation = Examples(*(column[:_HELD] for column in examples))
    training = Examples(*(column[_HELD:] for column in examples))
    config = TrainingConfig(
        steps=about.distillation_steps,
        checkpoints=_CHECKPOINTS,
        learning_rate=2e-3,
        weight_decay=0.0,
        emphasis=0.0,
    )
    # Those that are fixed in the model are learned as well: its copy knows nothing yet.
    fixed = [value for value in parameters.values() if not value.requires_grad]
    try:
        model.requires_grad_(True)
        _begin_anew(parameters, generator)
        score = ExternalScore(model, about, space, centre, scale)
        for state in train(score, training, validation, config, seed):
            if state.step < config.steps:
                states = {n.removeprefix("model."): v for n, v in state.parameters.items()}
                yield state.step, states
    finally:
        model.load_state_dict(final)
        for value in fixed:
            value.requires_grad_(False)
    yield config.steps, final


def _begin_anew(parameters: dict[str, nn.Parameter], generator: torch.Generator) -> None:
    """Draw weights as torch's layers begin with; vectors are offsets, or scales around 1."""
    with torch.no_grad():
        for name, value in parameters.items():
            if value.ndim > 1:
                bound = 1 / math.sqrt(max(1, value[0].numel()))
                value.uniform_(-bound, bound, generator=generator)
            else:
                value.fill_(1.0 if name.endswith("weight") else 0.0)
