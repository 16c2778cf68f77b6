import itertools
import math
import warnings

import pytest
import torch

from designlib.benchmarks.problems.base import Solvable, train_trajectory
from designlib.benchmarks.problems.ehrlich import Ehrlich, EhrlichFunction, draw_function, ehrlich
from designlib.config.training import NetworkConfig, TrainingConfig
from designlib.predictors.networks import evaluate
from designlib.predictors.training import rank_correlation
from designlib.randomness import torch_generator
from designlib.types import InputError


def small(quantisation=3):
    return draw_function(4, 8, 2, 3, quantisation, seed=5)


def every_design(letters, length):
    return torch.tensor(list(itertools.product(range(letters), repeat=length)))


def by_definition(function, design):
    """Return the value of one design, by the definition and with plain loops."""
    for left, right in itertools.pairwise(design):
        if function.transitions[left, right] == 0:
            return -math.inf
    value = 1.0
    for motif, offsets in zip(function.motifs.tolist(), function.offsets.tolist(), strict=True):
        best = 0.0
        for place in range(len(design) - offsets[-1]):
            share = sum(
                design[place + offset] == letter
                for letter, offset in zip(motif, offsets, strict=True)
            ) / len(motif)
            best = max(best, math.floor(function.quantisation * share + 1e-9))
        value *= best / function.quantisation
    return value


def solution_of(function, length):
    """Return a feasible design of value 1: the motifs behind each other, letters repeated."""
    room = length // len(function.motifs)
    design = torch.empty(1, length, dtype=torch.int64)
    for number, (motif, offsets) in enumerate(zip(function.motifs, function.offsets, strict=True)):
        for letter, offset in zip(motif, offsets, strict=True):
            design[:, number * room + int(offset) :] = letter
    return design


@pytest.mark.parametrize("quantisation", [1, 3])
def test_values_are_those_of_the_definition(quantisation):
    function = small(quantisation)
    chosen = torch.randperm(4**8, generator=torch_generator(0, "designs"))[:1500]
    designs = every_design(4, 8)[chosen]
    wanted = [by_definition(function, design) for design in designs.tolist()]
    assert function.value(designs).tolist() == pytest.approx(wanted)
    assert len(set(wanted)) > quantisation


def test_a_motif_of_four_counts_in_two_steps():
    transitions = torch.full((5, 5), 0.2, dtype=torch.float64)
    motif, offsets = torch.tensor([[0, 1, 2, 3]]), torch.tensor([[0, 1, 3, 4]])
    function = EhrlichFunction(transitions, motif, offsets, quantisation=2)
    designs = torch.tensor([[0, 1, 4, 2, 3], [0, 1, 4, 2, 4], [0, 1, 4, 4, 4], [0, 4, 4, 4, 4]])
    assert function.value(designs).tolist() == [1.0, 0.5, 0.5, 0.0]


@pytest.mark.parametrize("seed", range(20))
def test_one_is_the_largest_value_and_the_solution_has_it(seed):
    function = draw_function(4, 7, 2, 3, 3, seed)
    values = function.value(every_design(4, 7))
    solution = solution_of(function, 7)
    assert values.max() == 1
    assert function.value(solution).tolist() == [1.0]
    assert (values == -math.inf).any()


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("letters", [3, 4, 20, 32])
def test_the_chain_is_ergodic_and_bans_some_transitions(letters, seed):
    function = draw_function(letters, 12, 2, 4, 4, seed)
    assert torch.allclose(function.transitions.sum(1), torch.ones(letters).double())
    assert (~function.allowed).sum(1).tolist() == [max(1, letters // 5)] * letters
    assert function.allowed.diagonal().all()
    reached = torch.matrix_power(function.allowed.double(), letters)
    assert (reached > 0).all()
    assert (function.offsets[:, 0] == 0).all()
    assert (function.offsets.diff(dim=1) > 0).all()
    assert int(function.offsets.max()) < 12 // 2
    assert (function.motifs.flatten().diff() != 0).all()


@pytest.mark.parametrize("length", [32, 64, 128])
def test_standard_instances_can_be_solved_and_start_feasible(length):
    problem = ehrlich(length)
    best = solution_of(problem.function, length)
    assert problem.oracle(best).tolist() == [problem.optimum]
    assert problem.success(best).all()
    assert problem.constraint.satisfied(best).all()
    starts = problem.function.sample(1, length, torch_generator(0, "start"))
    assert problem.constraint.satisfied(starts).all()
    assert not problem.success(starts).any()
    assert isinstance(problem, Solvable)


def test_infeasible_designs_are_what_the_constraint_refuses():
    problem = Ehrlich("small", small(), 8)
    designs = every_design(4, 8)[::7]
    infeasible = problem.oracle(designs) == -math.inf
    assert torch.equal(~infeasible, problem.constraint.satisfied(designs))
    assert 0 < infeasible.sum() < len(designs)


def test_paths_follow_the_transition_probabilities():
    function = small()
    paths = function.sample(4000, 8, torch_generator(1, "paths"))
    counts = torch.zeros(4, 4, dtype=torch.float64)
    pairs = torch.stack([paths[:, :-1].flatten(), paths[:, 1:].flatten()])
    counts.index_put_(tuple(pairs), torch.ones(pairs.shape[1]).double(), accumulate=True)
    assert counts[~function.allowed].sum() == 0
    found = counts / counts.sum(1, keepdim=True)
    assert (found - function.transitions).abs().max() < 0.03


@pytest.fixture(scope="module")
def quick():
    training = TrainingConfig(
        network=NetworkConfig(width=32, filter_length=8), members=1, steps=250, batch_size=64
    )
    function = draw_function(8, 16, 2, 4, 4, seed=0)
    extent = {"rows": 1500, "lines": 4, "generations": 15, "population": 80}
    return Ehrlich("quick", function, 16, **extent, ceiling=0.6, training=training)


def test_training_data_are_feasible_distinct_below_the_ceiling_and_follow_the_seed(quick):
    designs, values = quick.training_data(0)
    assert torch.equal(designs, quick.training_data(0)[0])
    assert not torch.equal(designs, quick.training_data(1)[0])
    assert quick.constraint.satisfied(designs).all()
    assert torch.equal(values, quick.oracle(designs))
    assert len(designs.unique(dim=0)) == len(designs) == 1500
    assert values.max() <= 0.6
    # The evolution has got further than its start.
    begun = quick.oracle(quick.function.sample(1500, 16, torch_generator(0, "paths")))
    assert values.mean() > 2 * begun.mean()


def test_the_trained_predictor_orders_designs_that_the_first_one_does_not(quick):
    networks = train_trajectory(quick, 0, checkpoints=6)
    designs, values = quick.training_data(5)
    relaxed = quick.space.relax(designs)
    first, last = (
        rank_correlation(evaluate(net, relaxed).double().numpy(), values.numpy())
        for net in (networks[0], networks[-1])
    )
    assert last > 0.5 > first + 0.2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: draw_function(2, 8, 2, 3, 3, 0), "at least three letters, not 2"),
        (lambda: draw_function(4, 8, 3, 3, 3, 0), "3 motifs of 3 letters do not fit into 8"),
        (lambda: draw_function(4, 8, 2, 3, 2, 0), "cannot count in 2 equal steps"),
        (lambda: ehrlich(48), "no standard Ehrlich function of length 48"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_values_are_those_of_pytorch_holo():
    with warnings.catch_warnings():
        # Those of its own dependencies.
        warnings.simplefilter("ignore")
        holo = pytest.importorskip(
            "holo.test_functions.closed_form", reason="pytorch-holo is not installed"
        )
    compared = 0
    for seed, (states, dim, motifs, length, quantisation) in enumerate(
        [(32, 32, 4, 4, 4), (32, 64, 2, 4, 2), (20, 48, 4, 8, 8), (5, 15, 2, 3, 1)]
    ):
        theirs = holo.Ehrlich(
            num_states=states,
            dim=dim,
            num_motifs=motifs,
            motif_length=length,
            quantization=quantisation,
            random_seed=seed,
        )
        gaps = torch.stack(list(theirs.spacings)).cumsum(1)
        offsets = torch.cat([torch.zeros(motifs, 1, dtype=torch.int64), gaps], 1)
        transitions, letters = theirs.transition_matrix.double(), torch.stack(list(theirs.motifs))
        ours = EhrlichFunction(transitions, letters, offsets, quantisation)
        best = theirs.optimal_solution()[None]
        mixed = best.repeat(400, 1)
        generator = torch_generator(seed, "mixed")
        changed = torch.rand(mixed.shape, generator=generator) < 0.1
        mixed[changed] = torch.randint(states, (int(changed.sum()),), generator=generator)
        held = theirs.initial_solution(200)
        designs = torch.cat([best, mixed, held])
        expected = theirs._evaluate_true(designs).double()
        assert torch.allclose(ours.value(designs), expected)
        compared += len(expected.unique())
    assert compared > 20
