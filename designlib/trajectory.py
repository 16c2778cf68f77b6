"""Training trajectories: ordered checkpoints of predictors, and their files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from pydantic import BaseModel, ConfigDict
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from designlib.predictors.networks import NetworkConfig, build_network
from designlib.predictors.training import TrainingState
from designlib.spaces import ALPHABETS, SequenceSpace
from designlib.types import InputError, Scores

__all__ = [
    "PredictorSpec",
    "Trajectory",
    "network_at",
    "state_from_bytes",
    "state_to_bytes",
]


class PredictorSpec(BaseModel):
    """All that is needed to rebuild a predictor around stored parameters.

    A prediction in original units is ``centre + scale * score``; the scale is
    negative where small values are better.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: NetworkConfig
    alphabet: str
    length: int
    both_strands: bool
    centre: float
    scale: float
    seed: int

    @property
    def space(self) -> SequenceSpace:
        """The space of the designs that the predictor scores."""
        return SequenceSpace(ALPHABETS[self.alphabet], self.length)

    def build(self) -> nn.Module:
        """Return the network as it is before the first step of training."""
        return build_network(
            self.network,
            self.length,
            ALPHABETS[self.alphabet],
            both_strands=self.both_strands,
            seed=self.seed,
        )

    def in_units(self, scores: Scores) -> Scores:
        """Return scores in the units of the measurement."""
        return self.centre + self.scale * scores


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
    header = int.from_bytes(content[:8], "little")
    about = json.loads(json.loads(content[8 : 8 + header])["__metadata__"]["checkpoint"])
    tensors = load_tensors(content)

    def part(name: str) -> dict[str, Tensor]:
        prefix = f"{name}."
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    state = TrainingState(about["step"], part("parameters"), part("optimiser"), about["metrics"])
    return state, PredictorSpec.model_validate(about["spec"])


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


def network_at(
    spec: PredictorSpec, state: TrainingState, device: torch.device | str = "cpu"
) -> nn.Module:
    """Return the predictor that a state stands for, in evaluation mode with fixed parameters."""
    network = spec.build()
    network.load_state_dict(state.parameters)
    return network.to(device).eval().requires_grad_(False)
