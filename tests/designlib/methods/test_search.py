"""The search proposes the best of all that it has paid for, not only of where chains went."""

import torch

from designlib.configs.constraints import ConstraintConfig
from designlib.constraints import build
from designlib.methods import Setting, TrajectorySearch
from designlib.randomness import torch_generator
from tests.designlib.conftest import SPACE


def test_the_best_designs_evaluated_are_proposed(members):
    constraint = build(ConstraintConfig(max_homopolymer=2), SPACE)
    checkpoints = [members[0].network(index) for index in range(len(members[0].states))]
    reference = SPACE.random(256, torch_generator(0, "reference"))
    reference = reference[constraint.satisfied(reference)]
    starts = reference[:16]
    setting = Setting(SPACE, constraint, checkpoints, reference, lambda n, generator: starts[:n])
    evaluated = []

    def record(network, inputs, value):
        # Kernels ask for gradients; what is scored to scale the ladder or at the end is not meant.
        if inputs[0].requires_grad:
            designs = inputs[0].argmax(2)
            feasible = constraint.satisfied(designs)
            evaluated.append((designs[feasible], value.detach()[feasible]))

    with checkpoints[-1].register_forward_hook(record):
        outcome = TrajectorySearch(trained_share=0.9).run(setting, 16, 30, seed=0)
    designs, value = (torch.cat(parts) for parts in zip(*evaluated, strict=True))
    best = {
        tuple(design): score for design, score in zip(designs.tolist(), value.tolist(), strict=True)
    }
    expected = sorted(best.values(), reverse=True)[:16]
    torch.testing.assert_close(outcome.value.tolist(), expected)
    # Chains are sixteen: most of what was evaluated they left again or never went to.
    assert len(best) > 48
