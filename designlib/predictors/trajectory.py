"""Training trajectories: ordered checkpoints of predictors, and their files."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from designlib.config import NetworkConfig, OwnNetwork, Transform
from designlib.predictors.external import ExternalScore, build_model
from designlib.predictors.networks import build_network
from designlib.predictors.point_networks import build_point_network
from designlib.predictors.training import TrainingState
from designlib.spaces import DescribedSpace, SequenceSpace
from designlib.types import InputError, Scores

PROGRAM = "program"
"""Name that the bytes of a program have among the parameters of a state, where there is one."""


class PredictorSpec(DescribedSpace):
    """All that is needed to rebuild a predictor around stored parameters.

    A prediction is ``centre + scale * score``, of which the exponential is taken where the
    predictor has learnt logarithms; the scale is negative where small values are better.
    """

    network: NetworkConfig | OwnNetwork
    both_strands: bool = False
    centre: float
    scale: float
    transform: Transform = "none"
    seed: int
    column: str = ""
    """Which further value column is predicted; empty for the objective of the table."""

    def build(self, program: Tensor | None = None) -> nn.Module:
        """Return the network as it is before the first step of training.

        ``program`` holds the bytes that rebuild a network for which there is no code.
        """
        space = self.space
        if isinstance(self.network, OwnNetwork):
            model = build_model(self.network, program)
            return ExternalScore(model, self.network, space, self.centre, self.scale)
        if not isinstance(space, SequenceSpace):
            return build_point_network(self.network, space, seed=self.seed)
        length, strands = space.length, self.both_strands
        return build_network(
            self.network, length, space.alphabet, both_strands=strands, seed=self.seed
        )

    def learnt(self, values: Scores) -> Scores:
        """Return measured values as standardised scores, what the predictor learns."""
        return (learning_scale(values, self.transform) - self.centre) / self.scale

    def in_units(self, scores: Scores) -> Scores:
        """Return scores in the units of the measurement."""
        values = self.centre + self.scale * scores
        return values.exp() if self.transform == "log" else values


def learning_scale(values: Scores, transform: Transform) -> Scores:
    """Return measured values on the scale on which predictors learn.

    Raises InputError for a logarithm of what is not above zero.
    """
    if transform == "none":
        return values
    if not bool((values > 0).all()):
        raise InputError("the logarithm of a value that is not above zero is asked for")
    return values.log()


def learning_errors(errors: Scores, values: Scores, transform: Transform) -> Scores:
    r"""Return standard errors on the scale on which predictors learn, NaN where unknown.

    The error of a logarithm is the relative error, :math:`e / v`, to first order.

    >>> learning_errors(torch.tensor([1.0, 1.0]), torch.tensor([2.0, 10.0]), "log")
    tensor([0.5000, 0.1000])
    """
    return errors if transform == "none" else errors / values


def state_to_bytes(state: TrainingState, spec: PredictorSpec, *, optimiser: bool = False) -> bytes:
    """Return one checkpoint as a safetensors file; same state, same bytes.

    With ``optimiser`` its moments are kept as well, so that training can go on.
    """
    tensors = {f"parameters.{name}": value for name, value in state.parameters.items()}
    if optimiser:
        tensors |= {f"optimiser.{name}": value for name, value in state.optimiser.items()}
    # One entry, since the library writes the entries of its metadata in no fixed order.
    about = {"step": state.step, "metrics": state.metrics, "spec": spec.model_dump()}
    return save_tensors(
        {name: value.contiguous() for name, value in tensors.items()},
        {"checkpoint": json.dumps(about, sort_keys=True)},
    )


def state_from_bytes(content: bytes) -> tuple[TrainingState, PredictorSpec]:
    """Return what ``state_to_bytes`` has written."""
    about = _about(io.BytesIO(content))
    tensors = load_tensors(content)

    def part(name: str) -> dict[str, Tensor]:
        prefix = f"{name}."
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    state = TrainingState(about["step"], part("parameters"), part("optimiser"), about["metrics"])
    return state, PredictorSpec.model_validate(about["spec"])


def spec_from_file(file: io.BufferedIOBase) -> PredictorSpec:
    """Return the predictor of a file that ``state_to_bytes`` has written, reading its header."""
    return PredictorSpec.model_validate(_about(file)["spec"])


def _about(file: io.BufferedIOBase) -> dict[str, Any]:
    header = file.read(int.from_bytes(file.read(8), "little"))
    return json.loads(json.loads(header)["__metadata__"]["checkpoint"])


@dataclass(frozen=True)
class Trajectory:
    """One predictor along its training, from f_0 to the trained f_T."""

    spec: PredictorSpec
    states: tuple[TrainingState, ...] = field(repr=False)

    def __post_init__(self) -> None:
        steps = self.steps
        if not steps or any(a >= b for a, b in pairwise(steps)):
            raise InputError(f"a trajectory needs checkpoints with increasing steps, not {steps}")

    @property
    def steps(self) -> tuple[int, ...]:
        """The training step of each checkpoint."""
        return tuple(state.step for state in self.states)

    def network(self, index: int, device: torch.device | str = "cpu") -> nn.Module:
        """Return the predictor at one checkpoint, in evaluation mode with fixed parameters."""
        return network_at(self.spec, self.states[index], device)


def thinned(states: Sequence[TrainingState], count: int) -> list[TrainingState]:
    """Return so many of the states, evenly spaced, the first and the last among them.

    What a warm start keeps of the last trajectory: chains then still walk from coarse to fine,
    though training goes on from the trained predictor.

    >>> states = [TrainingState(step, {}, {}, {}) for step in range(9)]
    >>> [state.step for state in thinned(states, 3)]
    [0, 4, 8]
    """
    if count >= len(states):
        return list(states)
    last = len(states) - 1
    return [states[round(last * place / max(1, count - 1))] for place in range(count)]


def network_at(
    spec: PredictorSpec, state: TrainingState, device: torch.device | str = "cpu"
) -> nn.Module:
    """Return the predictor that a state stands for, in evaluation mode with fixed parameters."""
    parameters = dict(state.parameters)
    network = spec.build(parameters.pop(PROGRAM, None))
    network.load_state_dict(parameters)
    return network.to(device).eval().requires_grad_(False)
