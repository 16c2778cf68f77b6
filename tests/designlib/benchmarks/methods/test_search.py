"""The search proposes the best of all that it has paid for, not only of where chains went."""

import pytest
import torch

from designlib.benchmarks.methods import Setting, TrajectorySearch
from designlib.config.constraints import ConstraintConfig
from designlib.constraints import build
from designlib.randomness import torch_generator
from designlib.sampling.kernels.gibbs_with_gradients import GibbsWithGradients
from designlib.sampling.kernels.mala import Mala
from designlib.spaces import BoxSpace
from tests.designlib.conftest import SPACE

CONSTRAINT = build(ConstraintConfig(max_homopolymer=2), SPACE)


@pytest.fixture
def setting(members):
    checkpoints = [members[0].network(index) for index in range(len(members[0].states))]
    reference = SPACE.random(256, torch_generator(0, "reference"))
    reference = reference[CONSTRAINT.satisfied(reference)]
    starts = reference[:16]
    return Setting(SPACE, CONSTRAINT, checkpoints, reference, lambda n, generator: starts[:n])


def evaluated_by(search, setting, designs, budget):
    """Return what a search proposes, and the designs and scores of every batch it evaluated."""
    batches = []

    def record(network, inputs, value):
        # Kernels ask for gradients; what is scored to scale the ladder or at the end is not meant.
        if inputs[0].requires_grad:
            batches.append((inputs[0].argmax(2), value.detach()))

    with setting.checkpoints[-1].register_forward_hook(record):
        return search.run(setting, designs, budget, seed=0), batches


def best_scores(batches, rows, n):
    """Return the ``n`` highest scores of distinct feasible designs in some rows of batches."""
    known = {
        tuple(design): score
        for designs, value in batches
        for design, score, feasible in zip(
            designs[rows].tolist(),
            value[rows].tolist(),
            CONSTRAINT.satisfied(designs[rows]).tolist(),
            strict=True,
        )
        if feasible
    }
    # What chains left again or never went to is among it.
    assert len(known) > n
    return sorted(known.values(), reverse=True)[:n]


def test_the_best_designs_evaluated_are_proposed(setting):
    outcome, batches = evaluated_by(TrajectorySearch(trained_share=0.9), setting, 16, 30)
    expected = best_scores(batches, slice(0, 16), 16)
    torch.testing.assert_close(outcome.value.tolist(), expected)


def test_populations_that_stay_apart_propose_the_best_of_their_own(setting):
    search = TrajectorySearch(trained_share=0.9, populations=2, step_size=0.3, apart=True)
    outcome, batches = evaluated_by(search, setting, 16, 60)
    expected = [
        *best_scores(batches, slice(0, 8), 8),
        *best_scores(batches, slice(8, 16), 8),
    ]
    torch.testing.assert_close(outcome.value.tolist(), expected)


def test_moves_of_many_sites_are_decided_by_what_they_gain(setting):
    """Uphill is always accepted, downhill as seldom as the density falls."""
    kernel = TrajectorySearch(step_size=0.5).local_kernel(SPACE)
    target = setting.target(4.0)
    starts = setting.start(16, torch_generator(0))
    state = kernel.init(target, starts)
    changed, gains, accepted = [], [], []
    for turn in range(40):
        uniforms = torch.rand(
            16,
            kernel.draws_per_step(SPACE),
            generator=torch_generator(0, turn),
            dtype=torch.float64,
        )
        move, _ = kernel.draw(target, state, uniforms)
        designs, _ = kernel.move(state, move)
        gain = target.beta * (setting.score(designs) - setting.score(state.designs))
        state, info = kernel.step(target, state, uniforms)
        changed.append((designs != starts).sum(1))
        gains.append(gain[CONSTRAINT.satisfied(designs)])
        accepted.append(info.accepted[CONSTRAINT.satisfied(designs)])
    gain, taken = torch.cat(gains), torch.cat(accepted)
    assert taken[gain >= 1e-9].all()
    down = gain < -1e-9
    assert abs(taken[down].double().mean() - gain[down].exp().mean()) < 0.1
    assert torch.cat(changed).max() > 2


def test_points_move_as_a_whole_without_a_step_size_of_their_own():
    box = BoxSpace.cube(2, 0.0, 1.0)
    assert isinstance(TrajectorySearch(step_size=0.07).local_kernel(box), Mala)
    assert isinstance(TrajectorySearch().local_kernel(SPACE), GibbsWithGradients)
