"""What a predictor has learned of a Boolean function, degree by degree, as training goes on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from designlib.analysis import Alignment, degree_alignment
from designlib.benchmarks.problems.boolean import BooleanProblem
from designlib.notation import BINARY
from designlib.predictors import evaluate
from designlib.randomness import torch_generator
from designlib.sampling.objectives import ScoreFunction
from designlib.spaces import SequenceSpace
from designlib.types import Letters, Scores

__all__ = ["alignment_with_truth", "mean_over_spurious"]

_SCORED = 2**13


def mean_over_spurious(
    problem: BooleanProblem, predict: ScoreFunction, backgrounds: Letters
) -> Float[Tensor, "patterns"]:
    """Return a predictor's mean score of every pattern of the relevant variables, float64.

    ``backgrounds`` are values of the spurious variables, shape (backgrounds, spurious), that the
    mean is over.
    """
    patterns = problem.patterns()
    total = torch.zeros(len(patterns), dtype=torch.float64)
    for background in backgrounds:
        designs = torch.cat([patterns, background.expand(len(patterns), -1)], 1)
        total += evaluate(predict, problem.space.relax(designs)).double()
    return total / len(backgrounds)


def alignment_with_truth(
    problem: BooleanProblem, checkpoints: Sequence[ScoreFunction], seed: int
) -> Alignment:
    """Return how far each checkpoint has the truth, by degree of interaction.

    Spurious variables are averaged over 2 to 64 random backgrounds, the fewer the more patterns:
    what is left is the checkpoint as a function of the relevant variables, whose Walsh
    coefficients are compared with the truth's.

    Returns
    -------
    Alignment
        Shape (checkpoints, degrees), degrees 0 to the number of relevant variables. Where the
        truth has no component of a degree, cosine and learned are 0.
    """
    generator = torch_generator(seed, "backgrounds", problem.name)
    backgrounds = min(64, max(2, _SCORED // 2**problem.relevant))
    drawn = torch.randint(2, (backgrounds, problem.spurious), generator=generator)
    space = SequenceSpace(BINARY, problem.relevant)
    truth = _truth(problem)
    rows = [
        degree_alignment(mean_over_spurious(problem, checkpoint, drawn), truth, space)
        for checkpoint in checkpoints
    ]
    return Alignment(*(torch.stack(part) for part in zip(*rows, strict=True)))


def _truth(problem: BooleanProblem) -> Scores:
    patterns = problem.patterns()
    nothing = patterns.new_zeros(len(patterns), problem.spurious)
    return problem.oracle(torch.cat([patterns, nothing], 1))
