"""Predictors of a simulated campaign: trained on from round to round, every checkpoint kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from designlib.benchmarks.loops.known import Known
from designlib.benchmarks.problems import Problem, build_predictor
from designlib.config import TrainingConfig
from designlib.predictors import Examples, TrainingState, evaluate, repeated_rows, thinned, train
from designlib.randomness import derive_seed, torch_generator
from designlib.sampling.objectives import EnsembleMean
from designlib.types import Designs

__all__ = ["Ensemble", "EnsembleConfig"]

_HELD_OUT = 128
"""Designs that a training is followed on; what it learned is judged by the next measurements."""


class EnsembleConfig(NamedTuple):
    """How the predictors of a loop are trained; see `designlib.predictors.training`."""

    members: int = 2
    steps: int = 600
    """Steps of the first round."""
    further_steps: int = 100
    """Steps of each later round, which goes on from the last one."""
    checkpoints: int = 12
    emphasis: float = 0.0
    own_share: float = 0.3


class Ensemble:
    """Predictors along their training.

    Each member has its own initial weights and minibatches. Its states are those of the round
    before, thinned, and then the new ones, so that they still lead from coarse to fine.
    """

    def __init__(self, problem: Problem, config: EnsembleConfig, seed: int) -> None:
        self._problem, self._config = problem, config
        self._seeds = [derive_seed(seed, "member", number) for number in range(config.members)]
        self._states: list[list[TrainingState]] = [[] for _ in self._seeds]
        self._centre, self._scale, self._round = 0.0, 1.0, 0

    def learn(self, known: Known) -> None:
        """Train every member on all that is known."""
        self._round += 1
        if self._round == 1:
            self._centre, self._scale = float(known.values.mean()), float(known.values.std())
        for member, seed in enumerate(self._seeds):
            self._states[member] = self._trained_on(known, self._states[member], seed)

    def _trained_on(
        self, known: Known, before: Sequence[TrainingState], seed: int
    ) -> list[TrainingState]:
        """Return the states of a member after those that it has."""
        seed_of_round = derive_seed(seed, "round", self._round)
        order = torch.randperm(len(known.values), generator=torch_generator(seed_of_round, "folds"))
        held_out, learned = order[:_HELD_OUT], order[_HELD_OUT:]
        repeats = repeated_rows(known.own[learned].numpy(), self._config.own_share)
        learnt, checked = (self._examples(known, rows) for rows in (learned[repeats], held_out))
        kept = thinned(before, self._config.checkpoints // 2)
        network = self._network(kept[-1]) if kept else build_predictor(self._problem, seed)
        network.train().requires_grad_(True)
        states = train(
            network, learnt, checked, self._training(first=not kept), seed_of_round,
            loss_sample=_HELD_OUT,
        )  # fmt: skip
        if not kept:
            return list(states)
        return [*kept, *(s._replace(step=kept[-1].step + s.step) for s in states if s.step)]

    def _training(self, *, first: bool) -> TrainingConfig:
        """Return how to train in the first round, and in later ones, which begin half-way."""
        config = self._config
        return self._problem.training.model_copy(
            update={
                "steps": config.steps if first else config.further_steps,
                "emphasis": config.emphasis,
                "checkpoints": config.checkpoints if first else config.checkpoints // 2 + 1,
            }
        )

    def _examples(self, known: Known, rows: Int[Tensor, "examples"]) -> Examples:
        target = ((known.values[rows] - self._centre) / self._scale).float()
        return Examples(
            self._problem.space.relax(known.designs[rows]), target, torch.ones_like(target)
        )

    def checkpoints(self) -> list[EnsembleMean]:
        """Return the mean of the members at each of their states, from f_0 to f_T."""
        return [
            EnsembleMean([self._network(state) for state in states])
            for states in zip(*self._states, strict=True)
        ]

    def trained(self) -> EnsembleMean:
        """Return the mean of the trained members."""
        return EnsembleMean([self._network(states[-1]) for states in self._states])

    def predict(self, designs: Designs) -> Float[Tensor, "members designs"]:
        """Return the standardised score of each design by each trained member, float64."""
        relaxed = self._problem.space.relax(designs)
        finals = [self._network(states[-1]) for states in self._states]
        return torch.stack([evaluate(final, relaxed).double() for final in finals])

    def _network(self, state: TrainingState) -> nn.Module:
        network = build_predictor(self._problem, 0)
        network.load_state_dict(state.parameters)
        return network.eval().requires_grad_(False)
