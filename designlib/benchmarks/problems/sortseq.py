"""The lac promoter of E. coli: variants that drive expression most strongly, by sort-seq.

Kinney, Murugan, Callan and Cox, PNAS 107, 9158 (2010): cells were sorted by fluorescence into 10
bins, and 50,518 variants of 75 letters, each some 9 letters from the wild type, were counted in
them. Almost all have a single read, so the mean bin of one variant is noise around its expression.

The truth is an ensemble of networks trained on the half of the variants that the predictor does
not see: its mean prediction, in bins. Its rank correlation on a third part, that nobody is trained
on, says what it is worth, and designs far from all variants should not be trusted to it.

The predictor sees the variants of its part that are worse by the truth, not by their bins. A single
read says little: among the strongest promoters some reads fall into the darkest bins whatever the
sequence is, and a choice by bins keeps those of them only. A predictor that learned from the half
with the darkest reads ranked unseen variants the wrong way round (correlation with the truth
-0.64; by the truth, worst 80 %: 0.95).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from designlib.benchmarks.problems.base import ValuedProblem
from designlib.config import NetworkConfig, TrainingConfig
from designlib.constraints import Constraint, HammingBall
from designlib.notation import DNA
from designlib.predictors import Examples, build_network, evaluate, train
from designlib.randomness import derive_seed, torch_generator
from designlib.selection import true_percentile
from designlib.spaces import SequenceSpace
from designlib.tables import visible_rows
from designlib.types import InputError, Letters, Scores

BINS = 10
"""Bins of fluorescence, from ct_0, the darkest, to ct_9."""

_SPACE = SequenceSpace(DNA, 75)
_SPLIT_SEED = 2010
_PREDICTOR, _ORACLE, _TEST = range(3)
_SHARES = (0.45, 0.5, 0.05)
_GOOD = 0.99

_PREDICTOR_TRAINING = TrainingConfig(
    network=NetworkConfig(architecture="cnn", width=48, filter_length=20),
    members=1,
    steps=1500,
    batch_size=128,
    weight_decay=1.0,
    emphasis=0.0,
)
_ORACLE_TRAINING = _PREDICTOR_TRAINING.model_copy(update={"members": 3, "checkpoints": 2})


def mean_bins(
    counts: Float[np.ndarray, "designs bins"] | Int[np.ndarray, "designs bins"],
) -> Float[np.ndarray, "designs"]:
    r"""Return the mean bin of the reads of each design, :math:`\sum_b b c_b / \sum_b c_b`.

    Raises InputError for counts that are negative or not numbers, and for a design with no read.
    """
    if not (np.isfinite(counts) & (counts >= 0)).all():
        raise InputError("a read count is negative or not a number")
    reads = counts.sum(1)
    if (reads == 0).any():
        row = int(np.flatnonzero(reads == 0)[0])
        raise InputError(f"design {row + 1} has no reads, so it has no mean bin")
    return counts @ np.arange(counts.shape[1], dtype=np.float64) / reads


@dataclass(frozen=True, eq=False)
class SortSeq(ValuedProblem):
    """The design of a lac promoter that expresses strongly.

    Attributes
    ----------
    designs, bins
        All variants, and the mean bin of each, float64; `from_table` makes both of a table.
    share
        The worst share of the predictor's part, by the truth, that it may learn from.
    radius
        Radius of the Hamming ball around the wild type; None for no constraint.

    Raises
    ------
    InputError
        Variants of another length, or a share out of range.
    """

    designs: Letters = field(repr=False)
    bins: Float[Tensor, "designs"] = field(repr=False)
    share: float = 0.8
    radius: int | None = None
    oracle_training: TrainingConfig = field(default=_ORACLE_TRAINING, repr=False)
    training: TrainingConfig = field(default=_PREDICTOR_TRAINING, repr=False)

    space = _SPACE

    def __post_init__(self) -> None:
        _SPACE.check(self.designs)
        if not 0 < self.share <= 1:
            raise InputError(f"the share to learn from is {self.share:g}; above 0 and at most 1")

    @classmethod
    def from_table(
        cls, table: pd.DataFrame, *, share: float = 0.8, radius: int | None = None
    ) -> SortSeq:
        """Return the problem for columns ``x``, the variant, and ``ct_0`` to ``ct_9``, its reads.

        Raises InputError for a missing column or a row that cannot be used.
        """
        columns = [f"ct_{number}" for number in range(BINS)]
        missing = [name for name in ("x", *columns) if name not in table]
        if missing:
            raise InputError(f"the sort-seq table has no column {missing[0]}")
        if table["x"].duplicated().any():
            raise InputError("a variant is in the sort-seq table twice")
        bins = mean_bins(table[columns].to_numpy(dtype=np.float64))
        return cls(_SPACE.encode(table["x"].tolist()), torch.from_numpy(bins), share, radius)

    @property
    def name(self) -> str:
        """What the problem is called."""
        return "sortseq" if self.radius is None else f"sortseq_ball{self.radius}"

    @cached_property
    def wild_type(self) -> str:
        """The commonest letter at each site."""
        return _SPACE.decode(self.designs.mode(0).values[None])[0]

    @property
    def constraint(self) -> Constraint | None:
        """The ball around the wild type, or None."""
        return None if self.radius is None else HammingBall(_SPACE, self.wild_type, self.radius)

    @cached_property
    def part(self) -> Int[Tensor, "designs"]:
        """What each variant is for: 0 the predictor, 1 the oracle, 2 the test of both."""
        total = len(self.designs)
        ends = torch.tensor(_SHARES).cumsum(0)[:-1] * total
        place = torch.empty(total, dtype=torch.int64)
        place[torch.randperm(total, generator=torch_generator(_SPLIT_SEED, "parts"))] = (
            torch.arange(total)
        )
        return (place[:, None] >= ends.round()).sum(1)

    @cached_property
    def visible(self) -> Bool[Tensor, "designs"]:
        """Which variants the predictor may learn from: the share of its part that is worse."""
        mine = self.part == _PREDICTOR
        truth = pd.Series(self.measured_values[mine.numpy()])
        worse = visible_rows(truth, self.share, maximise=True)
        visible = torch.zeros(len(self.designs), dtype=torch.bool)
        visible[mine] = torch.tensor(worse)
        return visible

    def training_data(self, seed: int) -> tuple[Letters, Scores]:
        """Return variants and their mean bins, the same for every seed."""
        del seed
        return self.designs[self.visible], self.bins[self.visible]

    @cached_property
    def oracle_members(self) -> list[nn.Module]:
        """The networks whose mean is the truth, trained on the oracle's part only."""
        return [self._member(number) for number in range(self.oracle_training.members)]

    def value(self, designs: Letters) -> Scores:
        """Return the mean bin that the ensemble predicts, inside or outside the ball."""
        one_hot = _SPACE.relax(designs)
        scores = [evaluate(member, one_hot).double() for member in self.oracle_members]
        learned = self.bins[self.part == _ORACLE]
        return learned.mean() + learned.std() * torch.stack(scores).mean(0)

    @cached_property
    def measured_values(self) -> Float[np.ndarray, "designs"]:
        """What the oracle says of all measured variants; percentiles refer to it."""
        return self.value(self.designs).numpy()

    def percentiles(self, designs: Letters) -> Float[np.ndarray, "designs"]:
        """Return where designs stand among all measured variants, by the oracle."""
        return true_percentile(self.measured_values, self.value(designs).numpy())

    def success(self, designs: Letters) -> Bool[Tensor, "designs"]:
        """Return which designs are among the best 1 % of the measured variants, by the oracle."""
        return self.value(designs) >= float(np.quantile(self.measured_values, _GOOD))

    def _member(self, number: int) -> nn.Module:
        config, rows = self.oracle_training, self.part == _ORACLE
        seed = derive_seed(_SPLIT_SEED, "oracle", number)
        network = build_network(config.network, 75, DNA, both_strands=False, seed=seed)
        bins = self.bins[rows]
        target = ((bins - bins.mean()) / bins.std()).float()
        examples = Examples(_SPACE.relax(self.designs[rows]), target, torch.ones_like(target))
        # Training wants to report on some designs; nothing is chosen by what it says.
        few = Examples(*(column[:512] for column in examples))
        for _ in train(network, examples, few, config, seed):
            pass
        return network.eval().requires_grad_(False)
