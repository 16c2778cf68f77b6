"""Paths through allowed letters and neighbours, against listing all of them."""

import torch
from scipy import stats

from designlib.constraints import (
    AllowedLetters,
    ForbiddenMotifs,
    ForbiddenTransitions,
    GCWindow,
    HomopolymerLimit,
)
from designlib.constraints.paths import (
    draw_letters,
    draw_paths,
    has_path,
    pair_rules,
)
from designlib.notation.alphabets import DNA, Alphabet
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace

SPACE = SequenceSpace(Alphabet("ternary", "abc"), 4)
ALLOWED = torch.tensor([[1, 1, 0], [0, 0, 1], [1, 0, 1]]) > 0
EVERY = torch.cartesian_prod(*[torch.arange(3)] * 4)
POSSIBLE = ALLOWED[EVERY[:, :-1], EVERY[:, 1:]].all(1)


def of_designs(table):
    """Return the entry of each site of every design, shape (designs, sites)."""
    return table[torch.arange(4), EVERY]


def test_draws_follow_the_weights():
    weights = torch.rand((4, 3), generator=torch_generator(0), dtype=torch.float64)
    weights[1, 2] = 0
    exact = of_designs(weights).prod(1) * POSSIBLE
    exact /= exact.sum()
    letters, possible = draw_paths(weights[None], ALLOWED, 20_000, torch_generator(1))
    assert possible.all()
    counts = torch.bincount((letters * torch.tensor([27, 9, 3, 1])).sum(1), minlength=81)
    assert (counts[exact == 0] == 0).all()
    kept = exact > 0
    assert stats.chisquare(counts[kept], 20_000 * exact[kept]).pvalue > 1e-3


def test_each_design_has_its_own_weights():
    weights = torch.zeros(3, 4, 3, dtype=torch.float64)
    for row, design in enumerate(["aabc", "bcca", "acab"]):
        weights[row, torch.arange(4), SPACE.encode([design])[0]] = 0.1
    letters, possible = draw_paths(weights, ALLOWED, 3, torch_generator(0))
    # The third has the forbidden neighbours ac.
    assert possible.tolist() == has_path(weights, ALLOWED).tolist() == [True, True, False]
    assert SPACE.decode(letters[:2]) == ["aabc", "bcca"]
    assert SPACE.decode(draw_letters(weights, 3, torch_generator(0))) == ["aabc", "bcca", "acab"]


def test_many_sites_do_not_overflow():
    weights = torch.full((1, 3000, 3), 1e-30, dtype=torch.float64)
    letters, possible = draw_paths(weights, ALLOWED, 5, torch_generator(0))
    assert possible.all()
    assert ALLOWED[letters[:, :-1], letters[:, 1:]].all()


def test_rules_are_what_the_members_say_of_pairs():
    space = SequenceSpace(DNA, 3)
    no_start = torch.ones(3, 4, dtype=torch.bool)
    no_start[0, 0] = False
    no_cg = torch.ones(4, 4, dtype=torch.bool)
    no_cg[1, 2] = False
    members = [
        AllowedLetters(space, no_start),
        ForbiddenTransitions(space, no_cg),
        HomopolymerLimit(space, 1),
        ForbiddenMotifs(space, ["TR"], False),
        # A limit of two and a motif of three letters say nothing of pairs alone.
        HomopolymerLimit(space, 2),
        ForbiddenMotifs(space, ["ACG"], True),
        GCWindow(space, 0.3, 0.7),
    ]
    rules = pair_rules(space, members)
    designs = torch.cartesian_prod(*[torch.arange(4)] * 3)
    by_rules = rules.table[torch.arange(3), designs].all(1)
    by_rules &= rules.allowed[designs[:, :-1], designs[:, 1:]].all(1)
    by_members = torch.stack([member.satisfied(designs) for member in members[:4]]).all(0)
    assert torch.equal(by_rules, by_members)
    letter = pair_rules(space, [ForbiddenMotifs(space, ["T"], True)])
    assert letter.table.tolist() == [[False, True, True, False]] * 3
