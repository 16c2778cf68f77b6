"""Training by squared error, yielding the state at every step of a checkpoint schedule.

A yielded state is all there is to know: training that goes on from it takes the
same steps, bit for bit, as training that was never interrupted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int, Int64
from torch import Tensor, nn

from designlib.config import TrainingConfig
from designlib.predictors.networks import evaluate
from designlib.randomness import torch_generator
from designlib.spaces import Space
from designlib.types import Designs, InputError, OneHot, Relaxed, Scores

_LOSS_SAMPLE = 2048


def noise_weights(error: Float64[np.ndarray, "designs"]) -> Float64[np.ndarray, "designs"]:
    r"""Return weights of measurements by their standard errors, with mean 1.

    A measurement of error :math:`e` counts :math:`\tau^2 / (\tau^2 + e^2)` with the median error
    :math:`\tau`: inverse variance where what a predictor cannot explain is as large as the usual
    error, so that a few very precise measurements do not outweigh all others. NaN counts as
    :math:`\tau`; without any error all weights are 1.

    >>> noise_weights(np.array([1.0, 1.0, 2.0])).round(3).tolist()
    [1.25, 1.25, 0.5]
    """
    known = error[np.isfinite(error)]
    if known.size == 0:
        return np.ones_like(error)
    usual = float(np.median(known))
    weights = usual**2 / (usual**2 + np.where(np.isfinite(error), error, usual) ** 2)
    return weights / weights.mean()


def repeated_rows(
    in_rounds: Bool[np.ndarray, "designs"], share: float
) -> Int64[np.ndarray, "examples"]:
    """Return the rows to train on: all of them, those of the campaign's rounds repeated.

    They are repeated as a whole until they make up ``share`` of all examples.

    >>> repeated_rows(np.array([False, False, False, True]), 0.4).tolist()
    [0, 1, 2, 3, 3]
    """
    rows, others = np.flatnonzero(in_rounds), int((~in_rounds).sum())
    every = np.arange(len(in_rounds))
    if share == 0 or rows.size == 0 or others == 0:
        return every
    times = math.ceil(share / (1 - share) * others / rows.size)
    return np.concatenate([every, np.tile(rows, max(0, times - 1))])


class RelaxedRows:
    """Designs of a table as a predictor takes them, made for the rows that are asked for.

    Parameters
    ----------
    space
        The space of the designs.
    designs
        The designs, of shape (designs, columns); letters may be bytes.
    """

    def __init__(self, space: Space, designs: Designs) -> None:
        self._space, self._designs = space, designs

    def __getitem__(self, rows: slice | Int[Tensor, "rows"]) -> Relaxed:
        """Return some rows."""
        return self._space.relax(self._designs[rows])


class Examples(NamedTuple):
    """Designs with their standardised values, larger is better."""

    one_hot: OneHot | RelaxedRows
    target: Scores
    weight: Scores
    """Relative weight of each squared error; one where all count the same."""


class TrainingState(NamedTuple):
    """A predictor at one step of its training."""

    step: int
    parameters: dict[str, Tensor]
    optimiser: dict[str, Tensor]
    """Both moments of AdamW per parameter, as ``first.NAME`` and ``second.NAME``."""
    metrics: dict[str, float]


def train(
    network: nn.Module,
    training: Examples,
    validation: Examples,
    config: TrainingConfig,
    seed: int,
    resume: TrainingState | None = None,
    *,
    loss_sample: int = _LOSS_SAMPLE,
) -> Iterator[TrainingState]:
    """Train ``network`` in place and yield its state at each step of the schedule.

    Minimises the weighted mean squared error, with more weight on good designs where the
    configuration says so, with AdamW (Loshchilov and Hutter
    2019), linear warm-up and a cosine to zero. Minibatches are a function of the
    seed and the step. ``resume`` is a state that an earlier call yielded; the
    states after it are yielded. The training loss of a state is that of the first ``loss_sample``
    designs.

    Raises InputError where there are fewer than two designs to train on or to
    validate on, and FloatingPointError when the loss stops being finite.
    """
    for name, examples in (("training", training), ("validation", validation)):
        if len(examples.target) < 2:
            raise InputError(f"{name} needs at least 2 designs, not {len(examples.target)}")
    parameters = dict(network.named_parameters())
    optimiser = torch.optim.AdamW(
        parameters.values(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    first_step = 0
    if resume is not None:
        network.load_state_dict(resume.parameters)
        _restore(optimiser, parameters, resume)
        first_step = resume.step
    training, validation = (emphasise(part, config.emphasis) for part in (training, validation))
    sample = Examples(*(column[:loss_sample] for column in training))
    kept = set(log_spaced_steps(config.steps, config.checkpoints))
    if first_step == 0 and resume is None:
        yield _state(0, network, optimiser, parameters, sample, validation)
    for step in range(first_step, config.steps):
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * _rate(step, config.steps)
        chosen = _minibatch(len(training.target), config.batch_size, step, seed)
        chosen = chosen.to(training.target.device)
        error = network(training.one_hot[chosen]) - training.target[chosen]
        weight = training.weight[chosen]
        loss = (weight * error**2).sum() / weight.sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step + 1 in kept:
            yield _state(step + 1, network, optimiser, parameters, sample, validation)


def log_spaced_steps(total: int, count: int) -> tuple[int, ...]:
    """Return at most ``count`` steps from 0 to ``total``, evenly spaced in log(1 + step).

    Densely early, since a network learns coarse structure first.

    >>> log_spaced_steps(100, 8)
    (0, 1, 3, 6, 13, 26, 51, 100)
    """
    if total < 1 or count < 2:
        raise InputError(
            f"a checkpoint schedule needs at least 1 step and 2 checkpoints, "
            f"not {total} and {count}"
        )
    spaced = np.rint(np.expm1(np.linspace(0.0, np.log1p(total), count))).astype(int)
    return tuple(int(step) for step in np.unique(np.append(spaced, [0, total])))


def emphasise(examples: Examples, emphasis: float) -> Examples:
    """Return examples whose squared errors count more the better the design is.

    Each counts exp(``emphasis`` x target) times.
    """
    # The batch is chosen among the best designs, so errors there matter most. Capped, so that
    # one outlier does not outweigh a table.
    factor = torch.exp(emphasis * examples.target.clamp(max=_EMPHASIS_CAP))
    return examples._replace(weight=examples.weight * factor)


_EMPHASIS_CAP = 3.0


def _rate(step: int, total: int) -> float:
    warm_up = min(1.0, (step + 1) / max(1, min(50, total // 10)))
    return warm_up * 0.5 * (1.0 + math.cos(math.pi * step / total))


def _minibatch(designs: int, size: int, step: int, seed: int) -> Int[Tensor, "batch"]:
    # Sampling with replacement needs no epoch bookkeeping, so a step is its own resume point.
    generator = torch_generator(seed, "minibatch", step)
    return torch.randint(designs, (min(size, designs),), generator=generator)


def _state(
    step: int,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    parameters: Mapping[str, nn.Parameter],
    sample: Examples,
    validation: Examples,
) -> TrainingState:
    moments = {}
    for name, parameter in parameters.items():
        slots = optimiser.state.get(parameter, {})
        for label, slot in (("first", "exp_avg"), ("second", "exp_avg_sq")):
            value = slots.get(slot, torch.zeros_like(parameter))
            moments[f"{label}.{name}"] = value.detach().cpu().clone()
    return TrainingState(
        step,
        {name: value.detach().cpu().clone() for name, value in network.state_dict().items()},
        moments,
        checkpoint_metrics(step, network, sample, validation),
    )


def _restore(
    optimiser: torch.optim.Optimizer,
    parameters: Mapping[str, nn.Parameter],
    resume: TrainingState,
) -> None:
    for name, parameter in parameters.items():
        optimiser.state[parameter] = {
            "step": torch.tensor(float(resume.step)),
            "exp_avg": resume.optimiser[f"first.{name}"].to(parameter),
            "exp_avg_sq": resume.optimiser[f"second.{name}"].to(parameter),
        }


def checkpoint_metrics(
    step: int, network: nn.Module, training: Examples, validation: Examples
) -> dict[str, float]:
    """Return losses, validation rank correlation and spread of a network at one step.

    Raises FloatingPointError where one of them is not finite.
    """
    sample = Examples(*(column[:_LOSS_SAMPLE] for column in training))
    fitted = evaluate(network, sample.one_hot[:])
    predicted = evaluate(network, validation.one_hot[:])
    metrics = {
        "train_loss": _loss(fitted, sample),
        "validation_loss": _loss(predicted, validation),
        "validation_rank_correlation": rank_correlation(
            predicted.cpu().numpy(), validation.target.cpu().numpy()
        ),
        "spread": float(predicted.double().std()),
    }
    if not all(math.isfinite(value) for value in metrics.values()):
        raise FloatingPointError(
            f"training diverged: at step {step} the metrics are {metrics}; lower the learning rate"
        )
    return metrics


def _loss(predicted: Scores, examples: Examples) -> float:
    """Return the weighted squared error that training minimises."""
    weight = examples.weight.double()
    return float((weight * (predicted - examples.target).double() ** 2).sum() / weight.sum())


def rank_correlation(
    predicted: Float[np.ndarray, "designs"], known: Float[np.ndarray, "designs"]
) -> float:
    """Return Spearman's rank correlation; 0 where one side is constant and orders nothing."""
    if np.ptp(predicted) == 0 or np.ptp(known) == 0:
        return 0.0
    # Imported here, so that whoever only samples does not wait for pandas.
    import pandas as pd

    # Pearson's correlation of the ranks: pandas' own Spearman would import scipy.stats.
    return float(pd.Series(predicted).rank().corr(pd.Series(known).rank()))
