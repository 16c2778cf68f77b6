"""The alignment of checkpoints with a Boolean truth, against functions whose degrees are known."""

import torch

from designlib.benchmarks.problems.boolean import (
    alignment_with_truth,
    mean_over_spurious,
    needle,
    polynomial,
)


def test_a_linear_checkpoint_has_degree_one_of_a_polynomial():
    problem = polynomial(4, spurious=3)

    def signs(relaxed):
        return relaxed[:, :4, 1] - relaxed[:, :4, 0]

    def linear(relaxed):
        return 0.5 * signs(relaxed).sum(1)

    def exact(relaxed):
        return signs(relaxed).sum(1) + 6.0 * signs(relaxed).prod(1)

    learned = alignment_with_truth(problem, [linear, exact], seed=0).learned
    torch.testing.assert_close(
        learned, torch.tensor([[0.0, 0.5, 0, 0, 0], [0.0, 1, 0, 0, 1]], dtype=torch.float64)
    )


def test_spurious_variables_are_averaged_out():
    problem = needle(2, spurious=1)

    def predict(relaxed):
        return relaxed[:, 0, 1] + 10 * relaxed[:, 2, 1]

    mean = mean_over_spurious(problem, predict, torch.tensor([[0], [1]]))
    assert mean.tolist() == [5.0, 6.0, 5.0, 6.0]
