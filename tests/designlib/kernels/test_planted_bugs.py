"""The exactness check is itself checked: each planted bug must fail it."""

from dataclasses import replace

import pytest
import torch

from designlib.kernels import GibbsWithGradients


class ReversedIndex(GibbsWithGradients):
    """The reverse move is to the new letter instead of the old one."""

    def move(self, state, index):
        letters, _ = super().move(state, index)
        return letters, index


class ReversedIndexUnmasked(GibbsWithGradients):
    """The same in the way of kernels that do not exclude the current letter."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        n_letters = proposed.difference.shape[2]
        site = back // n_letters
        new = site * n_letters + proposed.designs.gather(1, site)
        open_state = proposed._replace(
            difference=proposed.difference.scatter(2, proposed.designs.unsqueeze(-1), 0.0)
        )
        return super().log_acceptance(target, state, open_state, log_forward, new)


class ForwardOnlyMask(GibbsWithGradients):
    """The reverse proposal is normalised over all moves, not over the allowed ones."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        free = self.evaluate(replace(target, constraint=None), proposed.designs)
        return super().log_acceptance(target, state, free, log_forward, back)


class NoRejection(GibbsWithGradients):
    """Every proposal is accepted."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        return torch.zeros_like(log_forward)


class HalfBeta(GibbsWithGradients):
    """The acceptance ratio has half the inverse temperature."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        right = super().log_acceptance(target, state, proposed, log_forward, back)
        return right - target.beta / 2 * (proposed.value - state.value)


class StaleGradient(GibbsWithGradients):
    """The reverse proposal uses the gradient at the current design, not at the proposed one."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        gradient = target.evaluate(state.designs).gradient
        own = gradient.gather(2, proposed.designs.unsqueeze(-1))
        possible = proposed.difference > -1e17
        difference = torch.where(possible, gradient - own, proposed.difference)
        stale = proposed._replace(difference=difference)
        return super().log_acceptance(target, state, stale, log_forward, back)


class StaleRung(GibbsWithGradients):
    """The score of the first rung is kept when the rung changes."""

    predict = None

    def evaluate(self, target, designs, tuning=None):
        self.predict = self.predict or target.predict
        return super().evaluate(replace(target, predict=self.predict), designs)


class InvertedAcceptance(GibbsWithGradients):
    """The acceptance ratio is upside down."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        return -super().log_acceptance(target, state, proposed, log_forward, back)


BUGS = [
    ReversedIndex,
    ReversedIndexUnmasked,
    ForwardOnlyMask,
    NoRejection,
    HalfBeta,
    StaleGradient,
    StaleRung,
    InvertedAcceptance,
]


def check_two_rungs(kernel, name, exactness):
    for seed in (1, 2):
        exactness.check(kernel, exactness.target(name, seed=seed))


@pytest.mark.parametrize("name", ["binary-ball", "ternary-motifs", "dna-product"])
def test_the_kernel_itself_passes(name, exactness):
    check_two_rungs(GibbsWithGradients(), name, exactness)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
@pytest.mark.parametrize("name", ["binary-ball", "ternary-motifs", "dna-product"])
def test_bugs_are_caught(bug, name, exactness):
    with pytest.raises(AssertionError):
        check_two_rungs(bug(), name, exactness)


@pytest.mark.parametrize(
    "bug", [bug for bug in BUGS if bug is not ForwardOnlyMask], ids=lambda bug: bug.__name__
)
def test_bugs_are_caught_without_a_constraint(bug, exactness):
    with pytest.raises(AssertionError):
        check_two_rungs(bug(), "ternary", exactness)
