"""Small systems that can be enumerated, and the checks of exactness made on them."""

from functools import cache
from itertools import permutations, product
from types import SimpleNamespace

import pytest
import torch

from designlib.constraints import (
    AllOf,
    AllowedLetters,
    ForbiddenMotifs,
    ForbiddenTransitions,
    GCWindow,
    HammingBall,
    HomopolymerLimit,
    Rejection,
    RequiredMotifs,
)
from designlib.notation.alphabets import DNA, Alphabet
from designlib.randomness import torch_generator
from designlib.sampling.kernels import GibbsWithGradients
from designlib.sampling.kernels.base import take
from designlib.sampling.kernels.discrete_langevin import DiscreteLangevin
from designlib.sampling.kernels.gibbs import Gibbs
from designlib.sampling.kernels.path_auxiliary import Path, PathAuxiliary
from designlib.sampling.targets import Target
from designlib.spaces import SequenceSpace

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


def single_changes(kernel, space):
    """Return every change of one site, as Gibbs-with-Gradients numbers them."""
    return torch.arange(space.length * len(space.alphabet))[:, None]


def paths(kernel, space):
    """Return every path of distinct sites, the empty one included, padded with other sites."""
    columns = min(kernel.longest, space.length)
    rows = []
    for length in range(columns + 1):
        made = [step < length for step in range(columns)]
        for sites in permutations(range(space.length), length):
            others = [site for site in range(space.length) if site not in sites]
            for letters in product(range(len(space.alphabet)), repeat=length):
                padded = (*letters, *[0] * (columns - length))
                rows.append(((*sites, *others)[:columns], padded, made))
    return Path(*(torch.tensor(part) for part in zip(*rows, strict=True)))


def whole_designs(kernel, space):
    return all_designs(space)


# How to list every move that a kernel can draw at any design.
MOVES = {
    GibbsWithGradients: single_changes,
    PathAuxiliary: paths,
    DiscreteLangevin: whole_designs,
}


def moves_of(kernel, space):
    listing = next(MOVES[kind] for kind in type(kernel).__mro__ if kind in MOVES)
    return listing(kernel, space)


def row_numbers(target, designs):
    """Return the row of each design of the space among the feasible ones, -1 for the others."""
    row_of = torch.full((len(target.space.alphabet) ** target.space.length,), -1)
    row_of[codes(target.space, designs)] = torch.arange(len(designs))
    return row_of


def transition_matrix(kernel, target):
    """Return P over the feasible designs, from the kernel's own probabilities."""
    if isinstance(kernel, Gibbs):
        return gibbs_matrix(kernel, target)
    designs = feasible_designs(target)
    n, row_of = len(designs), row_numbers(target, designs)
    moves = moves_of(kernel, target.space)
    m = len(moves if isinstance(moves, torch.Tensor) else moves[0])
    rows = torch.arange(n).repeat_interleave(m)
    here, chosen = take(kernel.init(target, designs), rows), take(moves, torch.arange(m).repeat(n))
    log_forward = kernel.log_probability(target, here, chosen)
    drawn = log_forward.exp().view(n, m).sum(1).double()
    assert torch.allclose(drawn, torch.ones_like(drawn)), "moves do not sum to 1"
    possible = (log_forward.exp() > 0).nonzero()[:, 0]
    rows, log_forward = rows[possible], log_forward[possible]
    here, chosen = take(here, possible), take(chosen, possible)
    letters, back = kernel.move(here, chosen)
    columns = row_of[codes(target.space, letters)]
    feasible = columns >= 0
    if kernel.masks_all(target):
        assert feasible.all(), "an infeasible design is proposed"
    proposed = kernel.evaluate(target, letters, getattr(here, "tuning", None))
    log_ratio = kernel.log_acceptance(target, here, proposed, log_forward, back)
    # False for NaN too. -inf is right where the way back is excluded.
    assert (log_ratio[feasible] < torch.inf).all(), "an acceptance is not a number"
    accepted = log_ratio.exp().clamp(max=1).where(feasible, 0.0)
    if kernel.moves_once:
        assert (accepted[feasible] > 1e-30).all(), "a possible move is never accepted"
    matrix = torch.zeros(n, n, dtype=torch.float64)
    matrix.index_put_((rows, columns.clamp(min=0)), log_forward.exp() * accepted, True)
    matrix.diagonal().add_(1 - matrix.sum(1))
    return matrix


def gibbs_matrix(kernel, target):
    """Return P of a kernel that draws a site uniformly and its letter from a conditional."""
    designs = feasible_designs(target)
    row_of, state = row_numbers(target, designs), kernel.init(target, designs)
    matrix = torch.zeros(len(designs), len(designs), dtype=torch.float64)
    for index in range(target.space.length):
        site = torch.full((len(designs), 1), index)
        probability = kernel.conditional(target, kernel.candidates(target, state, site))
        for letter in range(len(target.space.alphabet)):
            columns = row_of[codes(target.space, designs.scatter(1, site, letter))]
            share = probability[:, letter] / target.space.length
            assert (share[columns < 0] == 0).all(), "an infeasible letter is drawn"
            rows = torch.arange(len(designs))
            matrix.index_put_((rows, columns.clamp(min=0)), share, True)
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
    if isinstance(kernel, (GibbsWithGradients, Gibbs)):
        assert (matrix[apart > 1] == 0).all(), "two sites change at once"


def uniforms_for(kernel, space, n, generator):
    """Return the random numbers of one step of n chains."""
    draws = kernel.draws_per_step(space)
    return torch.rand(n, draws, generator=generator, dtype=torch.float64)


def table(space, choices):
    letters = space.alphabet.letters
    rows = [choices.get(site, letters) for site in range(space.length)]
    return torch.tensor([[letter in row for letter in letters] for row in rows])


@cache
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
    follows = torch.tensor([[1, 1, 0], [0, 1, 1], [1, 1, 1]]) > 0
    ternary_pairs = ForbiddenTransitions(TERNARY, follows)
    ternary_required = RequiredMotifs(TERNARY, ["ab", "c"], False)
    ternary_rejection = Rejection(
        TERNARY, lambda x: (x * torch.tensor([1, 3, 2, 5])).sum(1) % 4 > 0
    )
    dna_pairs = ForbiddenTransitions(TRIPLET, torch.eye(4).roll(1, 0) < 1)
    dna_required = RequiredMotifs(TRIPLET, ["GA", "W"], True)

    class Large(AllOf):
        """A product that asks its members, as in a space too large to look masks up."""

        @property
        def _is_looked_up(self):
            return False

    return {
        "binary": (BINARY, None),
        "ternary": (TERNARY, None),
        "dna": (TRIPLET, None),
        "binary-ball": (BINARY, binary_ball),
        "binary-sites": (BINARY, AllowedLetters(BINARY, table(BINARY, {1: "1"}))),
        "binary-motifs": (BINARY, ForbiddenMotifs(BINARY, ["11", "0100"], False)),
        "binary-run": (BINARY, binary_run),
        "binary-product": (BINARY, AllOf(BINARY, [binary_run, binary_ball])),
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
        "dna-product-of-two": (TRIPLET, AllOf(TRIPLET, [gc, first])),
        "dna-product": (TRIPLET, AllOf(TRIPLET, [ball, gc, motifs])),
        "dna-product-of-all": (TRIPLET, AllOf(TRIPLET, [ball, gc, motifs, run, sites])),
        "binary-pairs": (BINARY, ForbiddenTransitions(BINARY, torch.tensor([[1, 1], [1, 0]]) > 0)),
        "ternary-pairs": (TERNARY, ternary_pairs),
        "dna-pairs": (TRIPLET, dna_pairs),
        "ternary-required": (TERNARY, ternary_required),
        "dna-required": (TRIPLET, dna_required),
        # Without a mask at all: infeasible designs are proposed and refused.
        "binary-rejection": (BINARY, Rejection(BINARY, lambda x: x.sum(1) % 5 < 3)),
        "ternary-rejection": (TERNARY, ternary_rejection),
        # With a mask of all together, and with those of some members only.
        "ternary-new-product": (TERNARY, AllOf(TERNARY, [ternary_pairs, ternary_rejection])),
        "ternary-partly-masked": (TERNARY, Large(TERNARY, [ternary_pairs, ternary_rejection])),
        "dna-mixed-product": (TRIPLET, Large(TRIPLET, [dna_pairs, dna_required, ball])),
        "dna-unmasked-product": (TRIPLET, Large(TRIPLET, [Rejection(TRIPLET, gc.satisfied)])),
    }


def make_target(name, beta=1.0, seed=0, dtype=torch.float64):
    space, constraint = systems()[name]
    score = predictor(space, seed, dtype)
    return Target(score, space, constraint, beta=beta, label=f"rung {seed}", dtype=dtype)


@pytest.fixture(params=systems())
def system(request):
    """The name of a small system, each in turn."""
    return request.param


# Every kernel for letters joins here, with sizes at which several sites often change at once.
KERNELS = {
    "GibbsWithGradients": GibbsWithGradients,
    "PathAuxiliary": lambda: PathAuxiliary(mean_length=1.4, longest=2),
    "DiscreteLangevin": lambda: DiscreteLangevin(step_size=0.5),
    "Gibbs": Gibbs,
}


@pytest.fixture(params=KERNELS)
def kernel(request):
    """A kernel, each in turn."""
    return KERNELS[request.param]()


# One system of each kind, for tests in which the constraint matters less than the kernel.
KINDS = (
    "binary",
    "binary-stuck",
    "ternary-motifs",
    "ternary-rejection",
    "ternary-partly-masked",
    "dna-gc-window",
    "dna-product",
)


@pytest.fixture(
    params=[
        (kernel, system)
        for kernel in KERNELS
        for system in (systems() if kernel == "GibbsWithGradients" else KINDS)
    ],
    ids="-".join,
)
def case(request):
    """A kernel and the name of a system: all systems for one kernel, each kind for the others."""
    kernel, system = request.param
    return KERNELS[kernel](), system


@pytest.fixture
def exactness():
    """The checks, as a namespace."""
    return SimpleNamespace(
        check=check_exact,
        feasible=feasible_designs,
        matrix=transition_matrix,
        predictor=predictor,
        probabilities=probabilities,
        row_numbers=row_numbers,
        codes=codes,
        uniforms=uniforms_for,
        target=make_target,
        spaces=SimpleNamespace(binary=BINARY, ternary=TERNARY, triplet=TRIPLET),
    )
