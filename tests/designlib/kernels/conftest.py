"""Small systems that can be enumerated, and the checks of exactness made on them."""

from types import SimpleNamespace

import pytest
import torch

from designlib.constraints import (
    AllowedLetters,
    ForbiddenMotifs,
    GCWindow,
    HammingBall,
    HomopolymerLimit,
    Product,
)
from designlib.kernels import GibbsWithGradients
from designlib.kernels.base import take
from designlib.randomness import torch_generator
from designlib.spaces import DNA, Alphabet, SequenceSpace
from designlib.targets import Target

BINARY = SequenceSpace(Alphabet("binary", "01"), 6)
TERNARY = SequenceSpace(Alphabet("ternary", "abc"), 4)
TRIPLET = SequenceSpace(DNA, 3)


def predictor(space, seed=0, dtype=torch.float64, spread=2.0):
    """Return a random nonlinear score with interactions of every order."""
    generator = torch_generator(seed, "predictor")
    width = space.length * len(space.alphabet)
    into = torch.randn(width, 12, generator=generator, dtype=torch.float64).to(dtype)
    out = spread * torch.randn(12, generator=generator, dtype=torch.float64).to(dtype)
    return lambda relaxed: torch.tanh(relaxed.flatten(1) @ into).pow(3) @ out


def all_designs(space):
    n_letters = len(space.alphabet)
    places = n_letters ** torch.arange(space.length)
    return torch.arange(n_letters**space.length)[:, None] // places % n_letters


def feasible_designs(target):
    designs = all_designs(target.space)
    return designs if target.constraint is None else designs[target.constraint.satisfied(designs)]


def codes(space, letters):
    return (letters * len(space.alphabet) ** torch.arange(space.length)).sum(1)


def probabilities(target):
    """Return the exact probability of every feasible design, straight from the predictor."""
    relaxed = target.space.relax(feasible_designs(target), target.dtype)
    return (target.beta * target.predict(relaxed)).double().softmax(0)


def single_changes(space, n):
    """Yield every change of one site, as Gibbs-with-Gradients numbers them."""
    for move in range(space.length * len(space.alphabet)):
        yield torch.full((n, 1), move)


# How to list every move that a kernel can draw, for n chains at once.
MOVES = {GibbsWithGradients: single_changes}


def moves_of(kernel, space, n):
    listing = next(MOVES[kind] for kind in type(kernel).__mro__ if kind in MOVES)
    return listing(space, n)


def transition_matrix(kernel, target):
    """Return P over the feasible designs, from the kernel's own proposal and acceptance."""
    designs = feasible_designs(target)
    row_of = torch.full((len(target.space.alphabet) ** target.space.length,), -1)
    row_of[codes(target.space, designs)] = torch.arange(len(designs))
    state = kernel.init(target, designs)
    matrix = torch.zeros(len(designs), len(designs), dtype=torch.float64)
    drawn = torch.zeros(len(designs), dtype=torch.float64)
    for move in moves_of(kernel, target.space, len(designs)):
        log_forward = kernel.log_probability(target, state, move)
        drawn += log_forward.exp()
        rows = (log_forward.exp() > 0).nonzero()[:, 0]
        if len(rows) == 0:
            continue
        here, chosen, log_forward = take(state, rows), take(move, rows), log_forward[rows]
        letters, back = kernel.move(here, chosen)
        columns = row_of[codes(target.space, letters)]
        feasible = columns >= 0
        if kernel.moves_once and kernel.masks_all(target):
            assert feasible.all(), "an infeasible design is proposed"
        proposed = kernel.evaluate(target, letters, getattr(here, "tuning", None))
        log_ratio = kernel.log_acceptance(target, here, proposed, log_forward, back)
        accepted = log_ratio.exp().clamp(max=1)
        if kernel.moves_once:
            assert log_ratio[feasible].isfinite().all(), "a possible move has no return"
            assert (accepted[feasible] > 1e-30).all(), "a possible move is never accepted"
        accepted = accepted.where(feasible, 0.0).nan_to_num(0.0)
        matrix.index_put_((rows, columns.clamp(min=0)), log_forward.exp() * accepted, True)
    assert torch.allclose(drawn, torch.ones(len(designs)).double()), "moves do not sum to 1"
    matrix.diagonal().add_(1 - matrix.sum(1))
    return matrix


def check_exact(kernel, target):
    """Raise AssertionError unless the kernel leaves the target's density invariant."""
    matrix, exact = transition_matrix(kernel, target), probabilities(target)
    assert (matrix > -1e-12).all()
    assert (matrix.sum(1) - 1).abs().max() < 1e-12
    flow = exact[:, None] * matrix
    assert (flow - flow.T).abs().max() < 1e-12, "detailed balance is broken"
    assert (exact @ matrix - exact).abs().max() < 1e-12, "the density is not invariant"
    # Every allowed single change can happen.
    designs = feasible_designs(target)
    apart = (designs[:, None] != designs[None]).sum(2)
    assert ((matrix > 0) | (apart != 1)).all(), "an allowed move never happens"
    assert not kernel.moves_once or (matrix[apart > 1] == 0).all()


def table(space, choices):
    letters = space.alphabet.letters
    rows = [choices.get(site, letters) for site in range(space.length)]
    return torch.tensor([[letter in row for letter in letters] for row in rows])


def systems():
    """Return every constraint on a space of at most 81 designs."""
    ball = HammingBall(TRIPLET, "ACG", 2)
    gc = GCWindow(TRIPLET, 0.3, 0.7)
    motifs = ForbiddenMotifs(TRIPLET, ["AC", "GNG", "RYA"], True)
    run = HomopolymerLimit(TRIPLET, 1)
    first = AllowedLetters(TRIPLET, table(TRIPLET, {0: "ACG"}))
    sites = AllowedLetters(TRIPLET, table(TRIPLET, {0: "ACG", 1: "AT"}))
    binary_run = HomopolymerLimit(BINARY, 2)
    binary_ball = HammingBall(BINARY, "010011", 3)
    return {
        "binary": (BINARY, None),
        "ternary": (TERNARY, None),
        "dna": (TRIPLET, None),
        "binary-ball": (BINARY, binary_ball),
        "binary-sites": (BINARY, AllowedLetters(BINARY, table(BINARY, {1: "1"}))),
        "binary-motifs": (BINARY, ForbiddenMotifs(BINARY, ["11", "0100"], False)),
        "binary-run": (BINARY, binary_run),
        "binary-product": (BINARY, Product(BINARY, [binary_run, binary_ball])),
        # Two designs, and no move from either.
        "binary-stuck": (BINARY, HomopolymerLimit(BINARY, 1)),
        "ternary-ball": (TERNARY, HammingBall(TERNARY, "abca", 2)),
        "ternary-sites": (TERNARY, AllowedLetters(TERNARY, table(TERNARY, {0: "ab", 2: "bc"}))),
        "ternary-motifs": (TERNARY, ForbiddenMotifs(TERNARY, ["ab", "cc", "bca"], False)),
        "ternary-run": (TERNARY, HomopolymerLimit(TERNARY, 2)),
        "dna-ball": (TRIPLET, ball),
        "dna-sites": (TRIPLET, sites),
        "dna-motifs": (TRIPLET, motifs),
        "dna-gc": (TRIPLET, gc),
        "dna-gc-window": (TRIPLET, GCWindow(TRIPLET, 0.5, 1.0, 2)),
        "dna-run": (TRIPLET, run),
        "dna-product-of-two": (TRIPLET, Product(TRIPLET, [gc, first])),
        "dna-product": (TRIPLET, Product(TRIPLET, [ball, gc, motifs])),
        "dna-product-of-all": (TRIPLET, Product(TRIPLET, [ball, gc, motifs, run, sites])),
    }


def make_target(name, beta=1.0, seed=0, dtype=torch.float64):
    space, constraint = systems()[name]
    score = predictor(space, seed, dtype)
    return Target(score, space, constraint, beta=beta, label=f"rung {seed}", dtype=dtype)


@pytest.fixture(params=systems())
def system(request):
    """The name of a small system, each in turn."""
    return request.param


@pytest.fixture(params=[GibbsWithGradients], ids=lambda kernel: kernel.__name__)
def kernel(request):
    """A kernel; every one joins here."""
    return request.param()


@pytest.fixture
def exactness():
    """The checks, as a namespace."""
    return SimpleNamespace(
        check=check_exact,
        feasible=feasible_designs,
        matrix=transition_matrix,
        predictor=predictor,
        probabilities=probabilities,
        codes=codes,
        target=make_target,
        spaces=SimpleNamespace(binary=BINARY, ternary=TERNARY, triplet=TRIPLET),
    )
