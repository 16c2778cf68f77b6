"""Predictors of a simulated campaign: trained on from round to round, every checkpoint kept."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from designlib.objectives import EnsembleMean
from designlib.predictors.networks import evaluate
from designlib.predictors.training import Examples, TrainingState, own_repeats, train
from designlib.problems.base import Problem, build_predictor
from designlib.randomness import derive_seed, torch_generator
from designlib.trajectory import thinned
from designlib.types import Designs

__all__ = ["Ensemble", "EnsembleConfig"]

_VALIDATION_SHARE = 1 / 16


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

    def learn(
        self,
        designs: Designs,
        values: Shaped[Tensor, "designs"],
        own: Bool[Tensor, "designs"],
    ) -> None:
        """Train every member on all that is known; ``own`` says what the loop has measured."""
        self._round += 1
        first = self._round == 1
        if first:
            self._centre, self._scale = float(values.mean()), float(values.std())
        target = ((values - self._centre) / self._scale).float()
        steps = self._config.steps if first else self._config.further_steps
        training = self._problem.training.model_copy(
            update={
                "steps": steps,
                "emphasis": self._config.emphasis,
                "checkpoints": self._config.checkpoints,
            }
        )
        for member, seed in enumerate(self._seeds):
            seed_of_round = derive_seed(seed, "round", self._round)
            order = torch.randperm(len(values), generator=torch_generator(seed_of_round, "folds"))
            held_out = max(2, int(len(order) * _VALIDATION_SHARE))
            learned = order[held_out:]
            repeats = own_repeats(own[learned].numpy(), self._config.own_share)
            learned = learned[torch.from_numpy(repeats)]
            learnt, checked = (
                Examples(
                    self._problem.space.relax(designs[rows]), target[rows],
                    torch.ones_like(target[rows]),
                )
                for rows in (learned, order[:held_out])
            )  # fmt: skip
            before = thinned(self._states[member], training.checkpoints // 2)
            network = self._network(before[-1]) if before else build_predictor(self._problem, seed)
            network.train().requires_grad_(True)
            done = before[-1].step if before else 0
            states = train(network, learnt, checked, training, seed_of_round)
            new = [state._replace(step=done + state.step) for state in states]
            self._states[member] = [*before, *new[1:]] if before else new

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
