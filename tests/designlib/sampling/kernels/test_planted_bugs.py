"""The exactness check is itself checked: each planted bug must fail it."""

from dataclasses import replace

import pytest
import torch

from designlib.sampling.kernels import GibbsWithGradients
from designlib.sampling.kernels.discrete_langevin import DiscreteLangevin
from designlib.sampling.kernels.gibbs import Gibbs
from designlib.sampling.kernels.path_auxiliary import PathAuxiliary
from tests.designlib.sampling.kernels.langevin import (
    HalfBeta,
    InvertedAcceptance,
    NoRejection,
    Planted,
)


class ReversedIndex(Planted):
    """The reverse move is to the new letters instead of the old ones."""

    def move(self, state, move):
        designs, _ = super().move(state, move)
        return designs, move


class ReversedIndexUnmasked(Planted):
    """The same in the way of kernels that do not exclude the current letter."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        n_letters = proposed.difference.shape[2]
        site = back // n_letters
        new = site * n_letters + proposed.designs.gather(1, site)
        return super().log_acceptance(target, state, with_staying(proposed), log_forward, new)


class ReversedPathUnmasked(Planted):
    """The same for paths."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        new = back._replace(letters=proposed.designs.gather(1, back.sites))
        return super().log_acceptance(target, state, with_staying(proposed), log_forward, new)


def with_staying(state):
    current = state.designs.unsqueeze(-1)
    return state._replace(difference=state.difference.scatter(2, current, 0.0))


class ForwardOnlyMask(Planted):
    """The reverse proposal is normalised over all moves, not over the allowed ones."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        tuning = getattr(state, "tuning", None)
        free = self.evaluate(replace(target, constraint=None), proposed.designs, tuning)
        return super().log_acceptance(target, state, free, log_forward, back)


class StaleGradient(Planted):
    """The reverse proposal uses the gradient at the current design, not at the proposed one."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        gradient = target.evaluate(state.designs).gradient
        own = gradient.gather(2, proposed.designs.unsqueeze(-1))
        possible = proposed.difference > -1e17
        difference = torch.where(possible, gradient - own, proposed.difference)
        stale = proposed._replace(difference=difference)
        return super().log_acceptance(target, state, stale, log_forward, back)


class StaleRung(Planted):
    """The score of the first rung is kept when the rung changes."""

    predict = None

    def evaluate(self, target, designs, tuning=None):
        self.predict = self.predict or target.predict
        return super().evaluate(replace(target, predict=self.predict), designs, tuning)


class ForgottenLength(Planted):
    """The ratio lacks how likely the length of the path is, which depends on the mask."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        right = super().log_acceptance(target, state, proposed, log_forward, back)
        made = back.made.sum(1, keepdim=True)

        def law(here):
            movable = (here.difference > -torch.inf).any(2).sum(1, keepdim=True)
            return self._law(here).log_probability(made, movable).squeeze(1)

        return right - law(proposed) + law(state)


class SitesPutBack(Planted):
    """The way back is normalised as if its sites could be visited again."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        right = super().log_acceptance(target, state, proposed, log_forward, back)
        weight = (proposed.difference * (target.beta / 2)).logsumexp(2)
        first, *later = (back.made.long() * (back.sites + 1)).unbind(1)
        excess = torch.zeros_like(right)
        gone = torch.zeros_like(weight, dtype=torch.bool)
        for site in (first, *later):
            remaining = weight.masked_fill(gone, -torch.inf).logsumexp(1)
            excess += (weight.logsumexp(1) - remaining).where(site > 0, 0.0)
            gone = gone.scatter(1, (site - 1).clamp(min=0)[:, None], (site > 0)[:, None]) | gone
        return right - excess


class LetterMaskIgnored(Planted):
    """Infeasible letters are scored and drawn too."""

    def candidates(self, target, state, site):
        return super().candidates(replace(target, constraint=None), state, site)


class StaleScore(Planted):
    """The scores come from the first rung when the rung changes."""

    predict = None

    def candidates(self, target, state, site):
        self.predict = self.predict or target.predict
        return super().candidates(replace(target, predict=self.predict), state, site)


class StaleCurrentScore(Planted):
    """Only the score of the current design comes from the first rung."""

    predict = None

    def init(self, target, designs):
        self.predict = self.predict or target.predict
        return super().init(replace(target, predict=self.predict), designs)


class HalfBetaOfLetters(Planted):
    """The conditional has half the inverse temperature."""

    def conditional(self, target, candidates):
        return super().conditional(replace(target, beta=target.beta / 2), candidates)


SHARED = [
    ReversedIndex,
    ForwardOnlyMask,
    NoRejection,
    HalfBeta,
    StaleGradient,
    StaleRung,
    InvertedAcceptance,
]
OF_ONE = {
    GibbsWithGradients: [*SHARED, ReversedIndexUnmasked],
    PathAuxiliary: [*SHARED, ReversedPathUnmasked, SitesPutBack],
    DiscreteLangevin: SHARED,
    Gibbs: [LetterMaskIgnored, StaleScore, StaleCurrentScore, HalfBetaOfLetters],
}
SIZES = {PathAuxiliary: (1.5, 2), DiscreteLangevin: (0.5,)}
BUGS = [(kind, bug) for kind, bugs in OF_ONE.items() for bug in bugs]
NEEDS_A_MASK = (ForwardOnlyMask, LetterMaskIgnored)


def planted(kind, *bugs):
    name = "".join(part.__name__ for part in (*bugs, kind))
    return type(name, (*bugs, kind), {})(*SIZES.get(kind, ()))


def check_two_rungs(kernel, name, exactness):
    for seed in (1, 2):
        exactness.check(kernel, exactness.target(name, seed=seed))


def named(cases):
    return [pytest.param(*case, id="-".join(part.__name__ for part in case)) for case in cases]


@pytest.mark.parametrize("kind", OF_ONE, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", ["ternary", "binary-ball", "ternary-motifs", "dna-product"])
def test_the_kernels_themselves_pass(kind, name, exactness):
    check_two_rungs(planted(kind), name, exactness)


@pytest.mark.parametrize(("kind", "bug"), named(BUGS))
@pytest.mark.parametrize("name", ["binary-ball", "ternary-motifs", "dna-product"])
def test_bugs_are_caught(kind, bug, name, exactness):
    with pytest.raises(AssertionError):
        check_two_rungs(planted(kind, bug), name, exactness)


@pytest.mark.parametrize(
    ("kind", "bug"), named(case for case in BUGS if case[1] not in NEEDS_A_MASK)
)
def test_bugs_are_caught_without_a_constraint(kind, bug, exactness):
    with pytest.raises(AssertionError):
        check_two_rungs(planted(kind, bug), "ternary", exactness)


@pytest.mark.parametrize("name", ["ternary-required", "dna-product", "dna-product-of-all"])
def test_a_forgotten_length_is_caught(name, exactness):
    # Where fewer sites can change than a path may have.
    with pytest.raises(AssertionError):
        check_two_rungs(planted(PathAuxiliary, ForgottenLength), name, exactness)
