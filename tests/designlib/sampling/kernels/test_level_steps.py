"""Exactness of steps between levels, on spaces small enough to be enumerated."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from designlib.constraints import AllOf, AllowedLevels, Rejection
from designlib.notation.alphabets import DNA
from designlib.randomness import torch_generator
from designlib.sampling.kernels import LevelSteps
from designlib.sampling.targets import Target
from designlib.spaces import Levels, LevelSpace, SequenceSpace
from designlib.types import InputError
from tests.designlib.sampling.kernels.grids import imbalance, p_of_draws, transition_matrix

TEMPERATURE = Levels("T", ("20", "40", "60", "80", "100"), (20.0, 40.0, 60.0, 80.0, 100.0))
SOLVENT = Levels("solvent", ("DMF", "THF", "DMSO"))
ATMOSPHERE = Levels("gas", ("Ar", "O2"))


def yes(*rows):
    return [[bool(one) for one in row] for row in rows]


THREE = LevelSpace((TEMPERATURE, SOLVENT, ATMOSPHERE))
ONE = LevelSpace((SOLVENT,))
HOT = AllowedLevels(THREE, [[False, False, True, True, True], [True, False, True], [True, True]])
SYSTEMS = {
    "free": (THREE, None),
    "one": (ONE, None),
    "some levels": (THREE, HOT),
    "alone": (THREE, AllowedLevels(THREE, yes([1, 0, 0, 0, 0], [0, 1, 0], [1, 0]))),
    "rejection": (THREE, Rejection(THREE, lambda x: x[:, 0] + 2 * x[:, 1] < 6)),
    "several": (THREE, AllOf(THREE, [HOT, Rejection(THREE, lambda x: x[:, 0] != x[:, 2])])),
}


def predictor(space, seed=0):
    generator = torch_generator(seed, "predictor")
    width = sum(levels.width for levels in space.variables)
    into = torch.randn(width, 12, generator=generator, dtype=torch.float64)
    scale = torch.tensor([0.02 if n else 1.0 for v in space.variables for n in
                          ([1] if v.numbers else [0] * v.width)]).double()  # fmt: skip
    out = 2 * torch.randn(12, generator=generator, dtype=torch.float64)
    return lambda inputs: torch.tanh((inputs * scale) @ into).pow(3) @ out


def target_of(name, beta=1.0):
    space, constraint = SYSTEMS[name]
    return Target(predictor(space), space, constraint, beta=beta, dtype=torch.float64)


def feasible(target):
    rows = product(*(range(len(levels.labels)) for levels in target.space.variables))
    designs = torch.tensor(list(rows)).double()
    return designs if target.constraint is None else designs[target.constraint.satisfied(designs)]


def matrix_of(kernel, target):
    levels = sum(len(levels.labels) for levels in target.space.variables)
    designs = feasible(target)
    return designs, transition_matrix(kernel, target, designs, torch.arange(levels)[:, None])


@pytest.mark.parametrize("beta", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("name", SYSTEMS)
def test_detailed_balance(name, beta):
    target = target_of(name, beta)
    designs, matrix = matrix_of(LevelSteps(), target)
    assert imbalance(target, designs, matrix) < 1e-12
    one_change = (designs[:, None] != designs[None]).sum(2) == 1
    assert (matrix[one_change] > 0).all()
    assert (matrix[(designs[:, None] != designs[None]).sum(2) > 1] == 0).all()


def test_detailed_balance_without_gradients():
    target = replace(target_of("several", 2.0), differentiable=False)
    assert imbalance(target, *matrix_of(LevelSteps(), target)) < 1e-12


class WithoutTheWayBack(LevelSteps):
    def log_acceptance(self, target, state, proposed, log_forward, back):
        return target.beta * (proposed.value - state.value)


def _places(target):
    assert isinstance(target.space, LevelSpace)
    return torch.cat([torch.arange(len(v.labels)) for v in target.space.variables])


class UpwardsOnly(LevelSteps):
    """Steps up are made likelier than steps down, and the way back is taken to be as likely."""

    def state_at(self, target, designs, evaluation, tuning):
        state = super().state_at(target, designs, evaluation, tuning)
        place = _places(target)
        assert state.log_weight is not None
        tilted = state.log_weight + 0.1 * place
        return state._replace(log_weight=tilted)

    def log_probability(self, target, state, move):
        tilt = 0.1 * _places(target)
        assert state.log_weight is not None
        level = self._log_probabilities(target, state._replace(log_weight=state.log_weight - tilt))
        return level.gather(1, move).squeeze(1)


class StaleGradient(LevelSteps):
    """The probability of the way back is worked out with the gradient of the way there."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        gain = target.beta * (proposed.value - state.value)
        return (
            gain
            + self.log_probability(target, proposed._replace(gain=state.gain), back)
            - log_forward
        )


@pytest.mark.parametrize("kernel", [WithoutTheWayBack(), StaleGradient()])
def test_planted_bugs_are_found(kernel):
    target = target_of("free", 1.0)
    assert imbalance(target, *matrix_of(kernel, target)) > 1e-4


@pytest.mark.parametrize("name", ["free", "several", "alone"])
def test_draws_follow_the_matrix(name):
    target = target_of(name, 1.5)
    assert p_of_draws(LevelSteps(), target, *matrix_of(LevelSteps(), target)) > 1e-3


def test_draws_that_do_not_are_found():
    target = target_of("free", 1.5)
    assert p_of_draws(UpwardsOnly(), target, *matrix_of(LevelSteps(), target)) < 1e-6


def test_a_design_with_no_way_out_stays():
    target = target_of("alone")
    designs = feasible(target)
    kernel = LevelSteps()
    state = kernel.init(target, designs)
    after, info = kernel.step(target, state, torch.full((1, 2), 0.5).double())
    assert torch.equal(after.designs, designs)
    assert bool(info.accepted.all())


def test_other_spaces_are_refused():
    letters = SequenceSpace(DNA, 3)
    target = Target(lambda x: x.flatten(1).sum(1), letters)
    with pytest.raises(InputError, match="LevelSpace, and the target is on a SequenceSpace"):
        LevelSteps().init(target, letters.random(2, torch_generator(0)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LevelSpace(()), "at least one variable"),
        (lambda: Levels("gas", ("Ar",)), "'gas' needs at least two different levels, not Ar"),
        (lambda: Levels("gas", ("Ar", "Ar")), "two different levels"),
        (lambda: Levels("T", ("1", "2"), (1.0,)), "1 numbers for 2 levels"),
        (lambda: THREE.check(torch.zeros(1, 2).double()), "2 variables; 3 are needed"),
        (lambda: THREE.check(torch.tensor([[0.0, 3.0, 0.0]])), "level 3 of solvent; .* 0 to 2"),
        (lambda: AllowedLevels(ONE, [[False, False, False]]), "no value of solvent is left"),
        (lambda: AllowedLevels(ONE, [[True]]), "for every level of every variable"),
    ],
)
def test_what_is_wrong_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_levels_that_are_not_allowed_are_named():
    designs = torch.tensor([[0.0, 1.0, 0.0], [2.0, 1.0, 0.0], [2.0, 0.0, 1.0]]).double()
    assert HOT.violations(designs) == [
        "T = 20 (allowed 60 to 100)", "solvent = THF (allowed DMF, DMSO)", "",
    ]  # fmt: skip
    assert HOT.conflicts(designs).tolist() == [2, 1, 0]
