r"""Boolean functions of a few relevant variables among many spurious ones: Tables 1 to 4.

"From Predictors to Samplers via the Training Trajectory", ICLR 2026, names the functions; their
constants and the training data are not public and are ours. With signs s in {-1, +1}, letter 1
standing for +1, and n relevant variables, the first of a design,

- polynomial: :math:`\sum_i s_i + g \prod_i s_i`, a slope in which every single change of sign
  costs or gains 2 g, so that a local chain meets a barrier at every step;
- needle: :math:`1\{s = (1, \dots, 1)\}`, of which a chain sees nothing before it is one change
  away. Its Walsh coefficients are all 2^-n;
- adversarial needle: the needle less :math:`2 \cdot 2^{-n} \sum_i s_i`, which turns the sign
  of its degree-1 coefficients round: by itself the slope leads to the opposite corner;
- disjoint needles: the sum of several needles on variables of their own.

All of them are largest at +1 in every relevant variable. Which corner it is makes no difference:
the chains start uniformly and networks treat both letters alike.

Training data: the relevant variables run through all 2^n patterns equally often in random order,
the spurious ones are uniform. A needle of 10 would then be one row in 1,024, which no small
network learns out of 16,384 rows with 500 spurious variables; so in a given share of the rows,
the hits, all variables of a needle (chosen at random where there are several) are +1. With many
hits the least-squares slope over the training data leads to the needle even in the adversarial
case; with few or none it leads away from it, and a walk follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from designlib.analysis import Alignment, degree_alignment
from designlib.benchmarks.problems.base import ValuedProblem
from designlib.config import NetworkConfig, TrainingConfig
from designlib.notation import BINARY
from designlib.predictors import evaluate
from designlib.randomness import torch_generator
from designlib.sampling.objectives import ScoreFunction
from designlib.spaces import SequenceSpace
from designlib.types import InputError, Letters, Scores

_MOST_RELEVANT = 20
_SCORED = 2**13

_TRAINING = TrainingConfig(
    network=NetworkConfig(architecture="mlp", width=64),
    members=1,
    emphasis=0.0,
    steps=1500,
    batch_size=128,
    checkpoints=46,
)


@dataclass(frozen=True)
class BooleanProblem(ValuedProblem):
    """A function of the first ``relevant`` of all variables, largest where they are all +1.

    Attributes
    ----------
    relevant, spurious
        Variables that count, 1 to 20, and variables that do not.
    function
        Values by the signs of the relevant variables, shape (designs, relevant), float64.
    needle_length
        Variables that a hit sets.
    rows
        Designs that the predictor learns from.
    hits
        Share of the rows in which the variables of a needle are set to +1, 0 to 1.

    Raises
    ------
    InputError
        A number out of range.
    """

    name: str
    relevant: int
    function: Callable[[Float[Tensor, "designs relevant"]], Scores] = field(repr=False)
    needle_length: int
    spurious: int = 500
    rows: int = 16_384
    hits: float = 0.25
    training: TrainingConfig = field(default=_TRAINING, repr=False)

    constraint = None

    def __post_init__(self) -> None:
        if not 1 <= self.relevant <= _MOST_RELEVANT or self.spurious < 0:
            raise InputError(
                f"1 to {_MOST_RELEVANT} relevant and at least 0 spurious variables are needed, "
                f"not {self.relevant} and {self.spurious}"
            )
        if not 0 <= self.hits <= 1:
            raise InputError(f"the share of hits is {self.hits:g}; 0 to 1 is accepted")
        if self.needle_length < 1 or self.relevant % self.needle_length:
            raise InputError(
                f"{self.relevant} variables cannot be cut into needles of {self.needle_length}"
            )

    @property
    def space(self) -> SequenceSpace:
        """All vectors of two letters, of which 1 stands for +1."""
        return SequenceSpace(BINARY, self.relevant + self.spurious)

    @property
    def optimum(self) -> float:
        """The largest value."""
        return float(self.function(torch.ones(1, self.relevant, dtype=torch.float64)))

    def value(self, designs: Letters) -> Scores:
        """Return the true values, float64."""
        return self.function(2.0 * designs[:, : self.relevant].double() - 1.0)

    def success(self, designs: Letters) -> Bool[Tensor, "designs"]:
        """Return which designs have +1 in every relevant variable."""
        return (designs[:, : self.relevant] == 1).all(1)

    def patterns(self) -> Letters:
        """Return all patterns of the relevant variables, the first of them changing fastest."""
        return torch.arange(2**self.relevant)[:, None] >> torch.arange(self.relevant) & 1

    def training_data(self, seed: int) -> tuple[Letters, Scores]:
        """Return designs with every pattern equally often, apart from hits, and their values."""
        generator = torch_generator(seed, "designs", self.name)
        patterns = self.patterns()
        rounds = -(-self.rows // len(patterns))
        order = torch.cat([torch.randperm(len(patterns), generator=generator)] * rounds)
        relevant = patterns[order[: self.rows]]
        needles = self.relevant // self.needle_length
        chosen = torch.randint(needles, (self.rows, 1), generator=generator)
        hit = torch.rand((self.rows, 1), generator=generator) < self.hits
        belongs = torch.arange(self.relevant) // self.needle_length == chosen
        relevant.masked_fill_(hit & belongs, 1)
        spurious = torch.randint(2, (self.rows, self.spurious), generator=generator)
        designs = torch.cat([relevant, spurious], 1)
        return designs, self.oracle(designs)


def polynomial(relevant: int = 8, coupling: float = 6.0, **others: Any) -> BooleanProblem:
    """Return the problem of Table 1: a slope behind barriers of height 2 ``coupling``.

    Raises InputError for a coupling that is not positive.
    """
    if not coupling > 0:
        raise InputError(f"a coupling of {coupling:g} is not positive")

    def function(signs: Tensor) -> Tensor:
        return signs.sum(1) + coupling * signs.prod(1)

    others = {"hits": 0.1, **others}
    return BooleanProblem(f"polynomial{relevant}", relevant, function, relevant, **others)


def needle(relevant: int, **others: Any) -> BooleanProblem:
    """Return the problem of Table 2: 1 where every relevant variable is +1, else 0."""

    def function(signs: Tensor) -> Tensor:
        return (signs > 0).all(1).double()

    return BooleanProblem(f"needle{relevant}", relevant, function, relevant, **others)


def adversarial_needle(relevant: int = 5, **others: Any) -> BooleanProblem:
    """Return the problem of Table 3: degree-1 coefficients have the opposite sign.

    Raises InputError for fewer than five variables, where it would not be largest at the needle.
    """
    if relevant < 5:
        raise InputError(
            f"an adversarial needle of {relevant} variables is not the largest value; at least 5 "
            "are needed"
        )

    def function(signs: Tensor) -> Tensor:
        return (signs > 0).all(1).double() - 2.0 * 2.0**-relevant * signs.sum(1)

    return BooleanProblem(f"adversarial_needle{relevant}", relevant, function, relevant, **others)


def disjoint_needles(relevant: int = 15, length: int = 5, **others: Any) -> BooleanProblem:
    """Return the problem of Table 4: how many needles of ``length`` are hit; all are wanted."""

    def function(signs: Tensor) -> Tensor:
        return (signs.view(len(signs), -1, length) > 0).all(2).sum(1).double()

    name = f"disjoint_needles{relevant // max(1, length)}x{length}"
    return BooleanProblem(name, relevant, function, length, **others)


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
    space, truth = SequenceSpace(BINARY, problem.relevant), problem.value(problem.patterns())
    rows = [
        degree_alignment(mean_over_spurious(problem, checkpoint, drawn), truth, space)
        for checkpoint in checkpoints
    ]
    return Alignment(*(torch.stack(part) for part in zip(*rows, strict=True)))


def mean_over_spurious(
    problem: BooleanProblem, predict: ScoreFunction, backgrounds: Letters
) -> Float[Tensor, "patterns"]:
    """Return a predictor's mean score of every pattern of the relevant variables, float64.

    The mean is over ``backgrounds``, values of the spurious variables, (backgrounds, spurious).
    """
    patterns = problem.patterns()
    total = torch.zeros(len(patterns), dtype=torch.float64)
    for background in backgrounds:
        designs = torch.cat([patterns, background.expand(len(patterns), -1)], 1)
        total += evaluate(predict, problem.space.relax(designs)).double()
    return total / len(backgrounds)
