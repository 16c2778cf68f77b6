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

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from designlib.config import NetworkConfig, TrainingConfig
from designlib.notation import BINARY
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace
from designlib.types import InputError, Letters, Scores

__all__ = ["AdversarialNeedle", "BooleanProblem", "DisjointNeedles", "Needle", "Polynomial"]

_MOST_RELEVANT = 20

_TRAINING = TrainingConfig(
    network=NetworkConfig(architecture="mlp", width=64),
    members=1,
    emphasis=0.0,
    steps=1500,
    batch_size=128,
    checkpoints=46,
)


@dataclass(frozen=True)
class BooleanProblem(ABC):
    """A function of the first ``relevant`` of all variables, largest where they are all +1.

    Attributes
    ----------
    relevant
        Variables that count, 1 to 20.
    spurious
        Variables that do not.
    rows
        Designs that the predictor learns from.
    hits
        Share of the rows in which the variables of a needle are set to +1, 0 to 1.
    training
        How the predictor is trained.

    Raises
    ------
    InputError
        A number out of range.
    """

    relevant: int
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

    @property
    @abstractmethod
    def name(self) -> str:
        """What the problem is called."""

    @abstractmethod
    def _value(self, signs: Float[Tensor, "designs relevant"]) -> Scores:
        """Return the value by the signs of the relevant variables, float64."""

    @property
    def needle_length(self) -> int:
        """Variables that a hit sets, all by default."""
        return self.relevant

    @property
    def space(self) -> SequenceSpace:
        """All vectors of two letters, of which 1 stands for +1."""
        return SequenceSpace(BINARY, self.relevant + self.spurious)

    @property
    def network(self) -> NetworkConfig:
        """What the predictor looks like."""
        return self.training.network

    @property
    def optimum(self) -> float:
        """The largest value."""
        return float(self._value(torch.ones(1, self.relevant, dtype=torch.float64)))

    def oracle(self, designs: Letters) -> Scores:
        """Return the true values, float64."""
        self.space.check(designs)
        return self._value(2.0 * designs[:, : self.relevant].double() - 1.0)

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
        self._set_needles(relevant, generator)
        spurious = torch.randint(2, (self.rows, self.spurious), generator=generator)
        designs = torch.cat([relevant, spurious], 1)
        return designs, self.oracle(designs)

    def _set_needles(self, relevant: Letters, generator: torch.Generator) -> None:
        needles = self.relevant // self.needle_length
        chosen = torch.randint(needles, (self.rows, 1), generator=generator)
        hit = torch.rand((self.rows, 1), generator=generator) < self.hits
        belongs = torch.arange(self.relevant) // self.needle_length == chosen
        relevant.masked_fill_(hit & belongs, 1)


@dataclass(frozen=True)
class Polynomial(BooleanProblem):
    """Table 1: a slope behind barriers of height 2 g.

    Attributes
    ----------
    coupling
        The coefficient g of the product, positive.
    """

    relevant: int = 8
    hits: float = 0.1
    coupling: float = 6.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.coupling > 0:
            raise InputError(f"a coupling of {self.coupling:g} is not positive")

    @property
    def name(self) -> str:
        """What the problem is called."""
        return f"polynomial{self.relevant}"

    def _value(self, signs: Float[Tensor, "designs relevant"]) -> Scores:
        return signs.sum(1) + self.coupling * signs.prod(1)


@dataclass(frozen=True)
class Needle(BooleanProblem):
    """Table 2: 1 where every relevant variable is +1, else 0."""

    @property
    def name(self) -> str:
        """What the problem is called."""
        return f"needle{self.relevant}"

    def _value(self, signs: Float[Tensor, "designs relevant"]) -> Scores:
        return (signs > 0).all(1).double()


@dataclass(frozen=True)
class AdversarialNeedle(BooleanProblem):
    """Table 3: a needle whose degree-1 coefficients have the opposite sign.

    Raises InputError for fewer than five variables, where it would not be largest at the needle.
    """

    relevant: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.relevant < 5:
            raise InputError(
                f"an adversarial needle of {self.relevant} variables is not the largest value; "
                "at least 5 are needed"
            )

    @property
    def name(self) -> str:
        """What the problem is called."""
        return f"adversarial_needle{self.relevant}"

    def _value(self, signs: Float[Tensor, "designs relevant"]) -> Scores:
        slope = 2.0 * 2.0**-self.relevant
        return (signs > 0).all(1).double() - slope * signs.sum(1)


@dataclass(frozen=True)
class DisjointNeedles(BooleanProblem):
    """Table 4: how many of several needles on variables of their own are hit; all are wanted.

    Attributes
    ----------
    length
        Variables of one needle, a divisor of all relevant ones.
    """

    relevant: int = 15
    length: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.length < 1 or self.relevant % self.length:
            raise InputError(
                f"{self.relevant} variables cannot be cut into needles of {self.length}"
            )

    @property
    def name(self) -> str:
        """What the problem is called."""
        return f"disjoint_needles{self.relevant // self.length}x{self.length}"

    @property
    def needle_length(self) -> int:
        """Variables of one needle."""
        return self.length

    def _value(self, signs: Float[Tensor, "designs relevant"]) -> Scores:
        blocks = signs.view(len(signs), -1, self.length)
        return (blocks > 0).all(2).sum(1).double()
