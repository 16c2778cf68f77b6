"""Crossover between chains of sequences: the joint density of a group stays as it is."""

import itertools
import math
from dataclasses import replace
from typing import NamedTuple

import pytest
import torch

from designlib.constraints import AllOf, ForbiddenMotifs
from designlib.notation.alphabets import BINARY
from designlib.sampling.kernels import GibbsWithGradients, crossover
from designlib.sampling.kernels.crossover import Crossover
from designlib.sampling.kernels.mala import Mala
from designlib.sampling.targets import Target
from designlib.spaces import BoxSpace, SequenceSpace, SimplexSpace
from tests.designlib.sampling.kernels.points import uniforms

DOUBLE = torch.float64
LAST = 1 - 2**-53
TWO, THREE = SequenceSpace(BINARY, 2), SequenceSpace(BINARY, 3)
NO_PAIR = ForbiddenMotifs(THREE, ["11"], False)
SQUARE = BoxSpace.cube(2, -1.0, 1.0)
ALLOY = SimplexSpace(("Fe", "Ni", "Co", "Cr"))


class EvenOnes:
    """A constraint without masks: an even number of ones."""

    name = "even"

    def conflicts(self, letters):
        return letters.sum(1) % 2

    def satisfied(self, letters):
        return letters.sum(1) % 2 == 0

    def violations(self, letters):
        return ["" if fine else "odd" for fine in self.satisfied(letters).tolist()]


def rough(relaxed):
    """Return a score with interactions of every order."""
    sites = relaxed[..., 1]
    places = torch.arange(1, sites.shape[1] + 1, dtype=sites.dtype)
    return 2 * (3 * sites @ places).sin() + sites.prod(1) - 0.7 * sites[:, 0]


def all_designs(target):
    space = target.space
    designs = torch.tensor(list(itertools.product([0, 1], repeat=space.length)))
    if target.constraint is None:
        return designs
    return designs[target.constraint.satisfied(designs)]


def cells(sites):
    """Return the numbers that stand for every segment, each as likely as the others."""
    return [
        ((first + 0.5) / (sites + 1), (second + 0.5) / sites)
        for first in range(sites + 1)
        for second in range(sites)
    ]


class Outcomes(NamedTuple):
    """Every crossover that a kernel can draw in a group of chains."""

    before: torch.Tensor
    after: torch.Tensor
    probability: torch.Tensor


def outcomes(kernel, target, joint):
    """Yield, for every matching and segments, where the joint states go if all is accepted."""
    group, sites = kernel.group, target.space.length
    matchings = [(0, 1)] if group == 2 else [(0, 1, 2, 3), (0, 2, 1, 3), (0, 3, 1, 2)]
    segments = list(itertools.product(cells(sites), repeat=group // 2))
    for order, chosen in itertools.product(matchings, segments):
        draws = torch.zeros(group, 4, dtype=DOUBLE)
        for place, row in enumerate(order):
            first, second = chosen[place // 2]
            draws[row] = torch.tensor([place / group, first, second, 0.0], dtype=DOUBLE)
        state = kernel.init(target, joint.flatten(0, 1))
        after, info = kernel.cross(target, state, draws.repeat(len(joint), 1))
        weight = 1 / (len(matchings) * len(segments))
        probability = info.log_acceptance.exp().clamp(max=1).view(len(joint), group)
        for accepted in itertools.product([False, True], repeat=group // 2):
            taken, chance = joint.clone(), torch.full((len(joint),), weight, dtype=DOUBLE)
            for pair, is_accepted in enumerate(accepted):
                rows = list(order[2 * pair : 2 * pair + 2])
                assert torch.equal(probability[:, rows[0]], probability[:, rows[1]])
                alone = probability[:, rows[0]]
                chance = chance * (alone if is_accepted else 1 - alone)
                if is_accepted:
                    taken[:, rows] = after.designs.view(joint.shape)[:, rows]
            yield Outcomes(joint, taken, chance)


def check_joint(kernel, target):
    """Raise AssertionError unless the joint density of a group is left invariant, to 1e-12."""
    designs = all_designs(target)
    n, group = len(designs), kernel.group
    index = torch.tensor(list(itertools.product(range(n), repeat=group)))
    places = n ** torch.arange(group - 1, -1, -1)
    exact = (target.beta * target.predict(target.space.relax(designs, DOUBLE))).softmax(0)
    joint_exact = exact[index].prod(1)
    matrix = torch.zeros(len(index), len(index), dtype=DOUBLE)
    code = 2 ** torch.arange(target.space.length)
    row_of = torch.full((2**target.space.length,), -(10**6))
    row_of[(designs * code).sum(1)] = torch.arange(n)
    for outcome in outcomes(kernel, target, designs[index]):
        columns = (row_of[(outcome.after * code).sum(2)] * places).sum(1)
        possible = outcome.probability > 0
        assert (columns[possible] >= 0).all(), "an infeasible design is accepted"
        rows = torch.arange(len(index))[possible]
        matrix.index_put_((rows, columns[possible]), outcome.probability[possible], True)
    assert (matrix.sum(1) - 1).abs().max() < 1e-12
    flow = joint_exact[:, None] * matrix
    assert (flow - flow.T).abs().max() < 1e-12, "detailed balance is broken"
    assert (joint_exact @ matrix - joint_exact).abs().max() < 1e-12
    assert (matrix.diagonal() < 1).sum() > len(index) / 3, "hardly anything is exchanged"
    return matrix


TARGETS = {
    "free": Target(rough, THREE, beta=0.8, dtype=DOUBLE),
    "masked": Target(rough, THREE, NO_PAIR, beta=0.8, dtype=DOUBLE),
    "rejecting": Target(rough, THREE, EvenOnes(), beta=0.8, dtype=DOUBLE),
    "both": Target(rough, THREE, AllOf(THREE, [NO_PAIR, EvenOnes()]), beta=1.5, dtype=DOUBLE),
}


@pytest.mark.parametrize("name", TARGETS)
def test_the_joint_matrix_of_two_chains(name):
    check_joint(Crossover(GibbsWithGradients(), 2), TARGETS[name])


def test_the_joint_matrix_of_four_chains():
    check_joint(Crossover(GibbsWithGradients(), 4), Target(rough, TWO, beta=0.8, dtype=DOUBLE))


def test_every_segment_is_as_likely():
    inside = crossover._segments(torch.tensor(cells(3), dtype=DOUBLE), torch.zeros(12, 3).long())
    found, counts = inside.long().unique(dim=0, return_counts=True)
    assert counts.tolist() == [2] * 6
    assert found.tolist() == [
        [0, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1],
    ]  # fmt: skip


@pytest.mark.parametrize("sites", [1, 2, 7, 60])
@pytest.mark.parametrize("numbers", list(itertools.product([0.0, 0.5, LAST], repeat=2)))
def test_segments_are_never_empty(sites, numbers):
    inside = crossover._segments(
        torch.tensor([numbers], dtype=DOUBLE), torch.zeros(1, sites, dtype=torch.int64)
    )
    steps = inside[0].long().diff().abs().sum()
    assert inside.any()
    assert steps <= 2


def test_every_matching_is_as_likely_and_stays_in_its_group():
    kernel, n = Crossover(Mala(), 4), 24_000
    partners = kernel.pair(uniforms(n, 3))
    rows = torch.arange(n)
    assert torch.equal(partners.other[partners.other], rows)
    assert torch.equal(partners.other // 4, rows // 4)
    assert (partners.other != rows).all()
    assert torch.equal(partners.leader[partners.other], partners.leader)
    assert ((partners.leader == rows) | (partners.leader == partners.other)).all()
    first = (partners.other[::4] % 4).bincount(minlength=4)[1:]
    assert ((first - n / 12).abs() < 4.5 * math.sqrt(n / 12)).all()
    assert abs(int((partners.leader == rows)[::4].sum()) - n / 8) < 4.5 * math.sqrt(n / 16)


class Alone(Crossover):
    """Each chain is accepted by its own gain."""

    def log_ratio(self, target, state, proposed, partners):
        return target.beta * (proposed.value - state.value)


class AlonePaired(Crossover):
    """The pair is accepted by the gain of its leader."""

    def log_ratio(self, target, state, proposed, partners):
        return (target.beta * (proposed.value - state.value))[partners.leader]


class NoRejection(Crossover):
    def log_ratio(self, target, state, proposed, partners):
        return torch.zeros_like(state.value)


class HalfBeta(Crossover):
    def log_ratio(self, target, state, proposed, partners):
        return super().log_ratio(target, state, proposed, partners) / 2


class Inverted(Crossover):
    def log_ratio(self, target, state, proposed, partners):
        return -super().log_ratio(target, state, proposed, partners)


class NoConstraint(Crossover):
    def cross(self, target, state, uniforms):
        return super().cross(replace(target, constraint=None), state, uniforms)


BUGS = [Alone, AlonePaired, NoRejection, HalfBeta, Inverted]


@pytest.mark.parametrize("bug", [*BUGS, NoConstraint], ids=lambda bug: bug.__name__)
def test_bugs_are_caught_in_the_joint_matrix(bug):
    with pytest.raises(AssertionError):
        check_joint(bug(GibbsWithGradients(), 2), TARGETS["masked"])
