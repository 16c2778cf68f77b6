r"""What a problem is, and how the predictor of any problem is trained.

A predictor learns standardised values, (y - m) / s with the mean m and the standard deviation
s of what it may see; what is handed back predicts in the units of the values,
:math:`f_t(x) = m + s \, g_t(x)` for the network g_t after t steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from designlib.config import NetworkConfig, TrainingConfig
from designlib.constraints import Constraint
from designlib.predictors import Examples, build_network, train
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace, Space
from designlib.types import Designs, InputError, Relaxed, Scores

_VALIDATION_SHARE = 1 / 16


@runtime_checkable
class Problem(Protocol):
    """A design task whose truth is known."""

    @property
    def name(self) -> str:
        """What the problem is called in tables and files."""
        ...

    @property
    def space(self) -> Space:
        """Where designs live."""
        ...

    @property
    def constraint(self) -> Constraint | None:
        """Which designs are feasible; None for all."""
        ...

    @property
    def training(self) -> TrainingConfig:
        """How the predictor is trained, and its network where designs are sequences."""
        ...

    def training_data(self, seed: int, /) -> tuple[Designs, Scores]:
        """Return the designs that the predictor may see, with their values, all finite."""
        ...

    def oracle(self, designs: Designs, /) -> Scores:
        """Return the true values, float64, larger is better; -inf for infeasible designs.

        Raises InputError for designs outside the space.
        """
        ...


@runtime_checkable
class BuildsNetwork(Protocol):
    """A problem with a predictor of its own, not one of the configuration for sequences."""

    def network(self, seed: int, /) -> nn.Module:
        """Return a new network from relaxed designs to one score each.

        Its last layer starts near zero, so that f_0 is close to constant.
        """
        ...


@runtime_checkable
class _Valued(Problem, Protocol):
    def value(self, designs: Designs, /) -> Scores: ...


class ValuedProblem:
    """What problems have in common that are given by a ``value`` of every design of their space."""

    def oracle(self: _Valued, designs: Designs) -> Scores:
        """Return the true values, float64, larger is better; -inf for infeasible designs.

        Raises InputError for designs outside the space.
        """
        self.space.check(designs)
        values = self.value(designs)
        if self.constraint is None:
            return values
        return values.where(self.constraint.satisfied(designs), -torch.inf)


@runtime_checkable
class Solvable(Problem, Protocol):
    """A problem whose best value is known, and when a design counts as found."""

    @property
    def optimum(self) -> float:
        """Largest true value of a feasible design."""
        ...

    def success(self, designs: Designs, /) -> Bool[Tensor, "designs"]:
        """Return which designs count as found."""
        ...


@runtime_checkable
class Placing(Problem, Protocol):
    """A problem that says where a design stands among known ones."""

    def percentiles(self, designs: Designs, /) -> Float[np.ndarray, "designs"]:
        """Return the percentage of known designs that each feasible design is not worse than."""
        ...


def build_predictor(problem: Problem, seed: int) -> nn.Module:
    """Return the problem's network as it is before training; its score is standardised.

    Raises InputError for a problem on points that builds none.
    """
    if isinstance(problem, BuildsNetwork):
        return problem.network(seed)
    space, network = problem.space, problem.training.network
    if not isinstance(space, SequenceSpace) or not isinstance(network, NetworkConfig):
        raise InputError(
            f"the network of {problem.name} is a configuration for sequences; a function that "
            "builds the network is needed for points"
        )
    return build_network(network, space.length, space.alphabet, both_strands=False, seed=seed)


def train_trajectory(
    problem: Problem, seed: int, checkpoints: int | None = None
) -> list[nn.Module]:
    """Return the problem's predictor along one training, f_0 to f_T.

    One sixteenth of the training data, at random, is held out to measure the predictor
    by. Checkpoints are evenly spaced in log(1 + step).

    Parameters
    ----------
    problem
        What to learn.
    seed
        Decides the training data, the initial network and the minibatches.
    checkpoints
        States to keep, at least 2, instead of as many as the problem's training says.
        Fewer are returned where two would fall on the same step.

    Returns
    -------
    list of nn.Module
        Networks in evaluation mode with fixed parameters, in the units of the values.

    Raises
    ------
    InputError
        Training data that are not finite, that are all alike or too few, or fewer than two
        checkpoints.
    """
    designs, values = problem.training_data(seed)
    centre, scale = _standard(problem, values)
    order = torch.randperm(len(values), generator=torch_generator(seed, "validation"))
    held_out = int(len(values) * _VALIDATION_SHARE)
    # Parts are relaxed, not the relaxed parted, which would need twice the memory.
    training, validation = (
        _examples(problem.space, designs[rows], (values[rows] - centre) / scale)
        for rows in (order[held_out:], order[:held_out])
    )
    config = problem.training
    if checkpoints is not None:
        config = config.model_copy(update={"checkpoints": checkpoints})
    kept = []
    for state in train(build_predictor(problem, seed), training, validation, config, seed):
        network = build_predictor(problem, seed)
        network.load_state_dict(state.parameters)
        kept.append(_InUnits(network, centre, scale).eval().requires_grad_(False))
    return kept


def rebuild_trajectory(
    problem: Problem, seed: int, tensors: Mapping[str, Tensor]
) -> list[nn.Module]:
    """Return the checkpoints of ``train_trajectory`` out of their parameters; see `states_of`."""
    kept = []
    for state in states_of(tensors):
        network = _InUnits(build_predictor(problem, seed), 0.0, 1.0)
        network.load_state_dict(state)
        kept.append(network.eval().requires_grad_(False))
    return kept


def states_of(tensors: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    """Return the parameters of each checkpoint, where p of the seventh is called ``7.p``.

    Other entries are not used.
    """
    states: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        if name:
            states.setdefault(int(index), {})[name] = value
    return [states[index] for index in sorted(states)]


class _InUnits(nn.Module):
    """A network whose standardised score is turned into the units of the values."""

    centre: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module, centre: float, scale: float) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("centre", torch.tensor(centre))
        self.register_buffer("scale", torch.tensor(scale))

    def forward(self, relaxed: Relaxed) -> Scores:
        return self.centre + self.scale * self.network(relaxed)


def _standard(problem: Problem, values: Scores) -> tuple[float, float]:
    """Return the mean and the standard deviation of the training values."""
    bad = (~values.isfinite()).nonzero()[:, 0].tolist()
    if bad:
        raise InputError(
            f"the training data of {problem.name} have the value {float(values[bad[0]])} in row "
            f"{bad[0] + 1}; finite values are needed"
        )
    centre, scale = float(values.mean()), float(values.std())
    if not scale > 0:
        raise InputError(f"the training data of {problem.name} have one value only: {centre:g}")
    return centre, scale


def _examples(space: Space, designs: Designs, target: Scores) -> Examples:
    target = target.float()
    return Examples(space.relax(designs), target, torch.ones_like(target))
