import itertools

import pytest
import torch

from designlib.analysis import degree_spectrum
from designlib.benchmarks.problems.base import Solvable, train_trajectory
from designlib.benchmarks.problems.boolean import (
    adversarial_needle,
    disjoint_needles,
    needle,
    polynomial,
)
from designlib.notation.alphabets import BINARY
from designlib.spaces import SequenceSpace
from designlib.types import InputError

PROBLEMS = {
    "polynomial": polynomial(relevant=6, spurious=3, rows=256),
    "needle": needle(4, spurious=3, rows=256),
    "adversarial": adversarial_needle(spurious=3, rows=256),
    "disjoint": disjoint_needles(relevant=6, length=3, spurious=3, rows=256),
}


@pytest.fixture(params=PROBLEMS)
def problem(request):
    return PROBLEMS[request.param]


def corners(n):
    """Return every pattern as a tuple of signs, the first changing fastest."""
    return [pattern[::-1] for pattern in itertools.product((-1, 1), repeat=n)]


def by_hand(name, signs):
    hit = all(sign == 1 for sign in signs)
    if name == "polynomial":
        odd = sum(sign == -1 for sign in signs) % 2
        return sum(signs) + (-6 if odd else 6)
    if name == "needle":
        return int(hit)
    if name == "adversarial":
        return int(hit) - sum(signs) / 16
    return all(sign == 1 for sign in signs[:3]) + all(sign == 1 for sign in signs[3:])


@pytest.mark.parametrize("name", PROBLEMS)
def test_values_are_those_of_the_definition_whatever_the_spurious_variables(name):
    problem = PROBLEMS[name]
    patterns = problem.patterns()
    wanted = [by_hand(name, signs) for signs in corners(problem.relevant)]
    for spurious in (0, 1):
        rest = torch.full((len(patterns), problem.spurious), spurious)
        values = problem.oracle(torch.cat([patterns, rest], 1))
        assert values.tolist() == pytest.approx(wanted)


def test_only_the_best_pattern_is_a_success(problem):
    patterns = problem.patterns()
    designs = torch.cat([patterns, torch.zeros(len(patterns), problem.spurious).long()], 1)
    values = problem.oracle(designs)
    assert values.max() == problem.optimum
    assert torch.equal(values == problem.optimum, problem.success(designs))
    assert problem.success(designs).sum() == 1


def test_a_needle_has_all_walsh_coefficients_alike_and_the_adversary_turns_the_slope_round():
    plain, turned = needle(5, spurious=1), adversarial_needle(spurious=1)
    designs = torch.cat([plain.patterns(), torch.zeros(32, 1).long()], 1)
    space = SequenceSpace(BINARY, 5)
    degrees = degree_spectrum(plain.oracle(designs), space)
    assert degrees.tolist() == pytest.approx([n / 1024 for n in (1, 5, 10, 10, 5, 1)])
    assert torch.allclose(degree_spectrum(turned.oracle(designs), space), degrees)
    # The coefficient of a variable is the mean of value times sign.
    signs = 2.0 * designs[:, :5].double() - 1
    slope = (signs * plain.oracle(designs)[:, None]).mean(0)
    assert torch.allclose((signs * turned.oracle(designs)[:, None]).mean(0), -slope)
    assert (slope > 0).all()


def test_training_data_show_every_pattern_and_the_share_of_hits(problem):
    designs, values = problem.training_data(3)
    assert designs.shape == (256, problem.space.length)
    assert torch.equal(values, problem.oracle(designs))
    again, _ = problem.training_data(3)
    other, _ = problem.training_data(4)
    assert torch.equal(designs, again)
    assert not torch.equal(designs, other)
    assert len(designs[:, : problem.relevant].unique(dim=0)) > 0.8 * 2**problem.relevant
    assert designs[:, problem.relevant :].double().mean() == pytest.approx(0.5, abs=0.1)


def test_hits_set_one_needle_and_no_hits_leave_all_patterns_equally_often():
    uniform = needle(4, spurious=2, rows=320, hits=0.0)
    _, counts = uniform.training_data(0)[0][:, :4].unique(dim=0, return_counts=True)
    assert counts.tolist() == [20] * 16
    full = disjoint_needles(relevant=6, length=3, spurious=2, rows=2000, hits=1.0)
    designs, values = full.training_data(0)
    assert (values >= 1).all()
    first = (designs[:, :3] == 1).all(1)
    # Half the rows have the first needle set, an eighth of the others have it by chance.
    assert first.double().mean() == pytest.approx(0.5 + 0.5 / 8, abs=0.05)
    assert values.mean() == pytest.approx(1 + 1 / 8, abs=0.05)


def test_every_problem_keeps_the_protocol(problem):
    assert isinstance(problem, Solvable)
    assert problem.constraint is None


def test_training_learns_the_slope_before_the_needle():
    training = needle(4).training.model_copy(update={"steps": 300, "checkpoints": 12})
    problem = needle(4, spurious=12, rows=2048, training=training)
    networks = train_trajectory(problem, 0)
    patterns = problem.patterns()
    designs = torch.cat([patterns, torch.zeros(16, 12).long()], 1)
    relaxed = problem.space.relax(designs)
    errors = [float((net(relaxed) - problem.oracle(designs)).square().mean()) for net in networks]
    # Predictions are in the units of the values.
    assert errors[-1] < 0.01 < errors[0]
    space = SequenceSpace(BINARY, 4)
    degrees = torch.stack([degree_spectrum(net(relaxed).double(), space) for net in networks])
    share = degrees[:, 1:] / degrees[-1, 1:]
    halfway = (share > 0.5).int().argmax(0)
    assert halfway[0] <= halfway[1] <= halfway[3]
    assert all(not parameter.requires_grad for parameter in networks[0].parameters())
    assert not networks[0].training


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: needle(21), "1 to 20 relevant"),
        (lambda: needle(3, spurious=-1), "at least 0 spurious"),
        (lambda: needle(3, hits=1.5), "share of hits is 1.5"),
        (lambda: polynomial(coupling=0.0), "coupling of 0"),
        (lambda: adversarial_needle(4), "at least 5"),
        (lambda: disjoint_needles(relevant=14), "14 variables cannot be cut into needles of 5"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
