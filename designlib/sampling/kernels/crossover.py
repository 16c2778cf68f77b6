r"""Crossover between chains that sample the same density, added to any Metropolis kernel.

Liang and Wong, "Evolutionary Monte Carlo: applications to Cp model sampling and change point
problem", Statistica Sinica 2000. The rows of a batch are cut into groups of consecutive chains.
A step is one step of the local kernel on every chain, then a random matching of the chains of
each group, and in every pair (x, y) a proposal (x', y') that exchanges parts of the two:

- sequences: a random segment, uniform among all of at least one site;
- points in a box: a random subset of the variables, each with probability 1/2;
- compositions: the shape of a random subset A of the components, each with probability 1/2,

  .. math:: x'_A = |x_A| \, y_A / |y_A|, \qquad y'_A = |y_A| \, x_A / |x_A|,

  where :math:`|x_A|` is the sum of the shares in A. It is proposed where both have the same
  number of components in A with a share above 0.

Which part is exchanged does not depend on the designs, and exchanging it again leads back, so
the proposal is symmetric. The pair is accepted together with probability

.. math:: \min\{1, \exp(\beta [f(x') + f(y') - f(x) - f(y)])\}

and never where x' or y' is infeasible, which leaves the product of the chains' densities
invariant: each chain still samples its own target, but chains of one group are only independent
in equilibrium, and their starts are not forgotten independently.

**Why no Jacobian for compositions.** Letters and variables are permuted, which changes no volume.
With m components of x in A, write :math:`x_A = r p` with mass r and shape p on the simplex of m
components; the volume is then :math:`r^{m-1} \, dr \, dp`, and in the same way
:math:`s^{m-1} \, ds \, dq` for :math:`y_A = s q`. The exchange swaps p and q and leaves r, s and
all shares outside A as they are. With the same m in both, the volume :math:`r^{m-1} s^{m-1} \, dr
\, ds \, dp \, dq` is the same before and after. With different m it would not be, and the number
of components of each composition would change.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from designlib.sampling.kernels.base import Info, Kernel, StateT, WrappedKernel, choose
from designlib.sampling.targets import Target
from designlib.spaces import BoxSpace, SequenceSpace, SimplexSpace, Space
from designlib.types import Designs, InputError, Letters, Points, Scores


class Partners(NamedTuple):
    """Who is paired with whom."""

    other: Int[Tensor, "designs"]
    """Row of each chain's partner, shape (designs,)."""
    leader: Int[Tensor, "designs"]
    """Row whose random numbers the pair uses, the same for both, shape (designs,)."""


_ROUNDING = 1e-9
"""What shares on the grid may be off by after an exchange."""


class Crossover(WrappedKernel[StateT]):
    """A local kernel with a crossover between the chains of each group after every step.

    Chains of a group must be of one rung and next to each other in the batch; a batch can be
    split between groups, not within one. The information that a step returns is the local
    kernel's, by which that is tuned; ``cross`` alone tells who accepted a crossover.

    ``group`` is the even number of chains per group; another number raises InputError, and so does
    a batch that is no whole number of groups.
    """

    def __init__(self, kernel: Kernel[StateT], group: int) -> None:
        if group < 2 or group % 2:
            raise InputError(f"a group has {group} chains; an even number from 2 on is needed")
        super().__init__(kernel)
        self.group = group

    def draws_per_step(self, space: Space) -> int:
        """Return the numbers of the local kernel, and of a crossover: the last decides on it."""
        return self.kernel.draws_per_step(space) + _draws_per_crossover(space)

    def passes_per_step(self, target: Target) -> float:
        """Return the cost of a local step and of evaluating the exchanged designs."""
        return self.kernel.passes_per_step(target) + target.passes

    def init(self, target: Target, designs: Designs) -> StateT:
        """Return the local kernel's state at ``designs``, with whose errors it fails too."""
        self._require_groups(designs)
        return super().init(target, designs)

    def step(
        self, target: Target, state: StateT, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[StateT, Info]:
        """Return the state after a local step and a crossover, and what the local step did."""
        local = self.kernel.draws_per_step(target.space)
        state, info = self.kernel.step(target, state, uniforms[:, :local])
        state, _ = self.cross(target, state, uniforms[:, local:])
        return state, info

    def cross(
        self, target: Target, state: StateT, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[StateT, Info]:
        """Return the state after one crossover in every pair, and what happened.

        Uses as many numbers as ``draws_per_step`` has more than the local kernel: the first
        orders the chains of a group, the last decides. Both chains of a pair have the
        same log ratio, -inf where no exchange is proposed or one of the two is infeasible.
        """
        partners = self.pair(uniforms)
        drawn = uniforms.index_select(0, partners.leader)
        designs, possible = _exchange(target, state.designs, partners, drawn[:, 1:-1])
        if target.constraint is not None:
            feasible = target.constraint.satisfied(designs)
            possible = possible & feasible
        possible = possible & possible.index_select(0, partners.other)
        # The predictor is never asked about an infeasible design.
        designs = torch.where(possible.unsqueeze(1), designs, state.designs)
        proposed = self.kernel.evaluate(target, designs, getattr(state, "tuning", None))
        log_ratio = self.log_ratio(target, state, proposed, partners)
        log_ratio = log_ratio.where(possible, -torch.inf)
        accepted = drawn[:, -1].log() < log_ratio
        return choose(accepted, proposed, state), Info(accepted, log_ratio)

    def pair(self, uniforms: Float[Tensor, "designs draws"]) -> Partners:
        """Return a random matching within each group, by the first number of each chain."""
        self._require_groups(uniforms)
        order = uniforms[:, 0].view(-1, self.group).argsort(1)
        starts = torch.arange(0, len(uniforms), self.group, device=uniforms.device)
        first, second = (order + starts.unsqueeze(1)).view(-1, 2).unbind(1)
        rows = torch.cat([first, second])
        other = torch.empty_like(rows).scatter(0, rows, torch.cat([second, first]))
        leader = torch.empty_like(rows).scatter(0, rows, torch.cat([first, first]))
        return Partners(other, leader)

    def log_ratio(
        self, target: Target, state: StateT, proposed: StateT, partners: Partners
    ) -> Scores:
        """Return the log Metropolis ratio of each pair, the same for its two chains."""
        gain = target.beta * (proposed.value - state.value)
        return gain + gain.index_select(0, partners.other)

    def _require_groups(self, rows: Tensor) -> None:
        if len(rows) % self.group:
            raise InputError(
                f"{len(rows)} chains cannot be cut into groups of {self.group}; a batch needs a "
                f"multiple of {self.group}"
            )


def _draws_per_crossover(space: Space) -> int:
    """Return how many numbers one chain needs: to be paired, for what is exchanged, to decide."""
    return 1 + (2 if isinstance(space, SequenceSpace) else space.columns) + 1


def _exchange(
    target: Target,
    designs: Designs,
    partners: Partners,
    uniforms: Float[Tensor, "designs parts"],
) -> tuple[Designs, Bool[Tensor, "designs"]]:
    """Return the designs after the exchange, and in which pairs there is one to propose."""
    other = designs.index_select(0, partners.other)
    if isinstance(target.space, SimplexSpace):
        exchanged, possible = _exchange_shapes(designs, other, uniforms < 0.5)
        if target.space.grid_steps is None:
            return exchanged, possible
        # The exchange back leads to compositions of the grid, so the two are possible together.
        rounded = target.space.on_grid(exchanged)
        return rounded, possible & ((rounded - exchanged).abs().amax(1) <= _ROUNDING)
    if isinstance(target.space, SequenceSpace):
        inside = _segments(uniforms, designs)
    elif isinstance(target.space, BoxSpace):
        inside = uniforms < 0.5
    else:
        raise InputError(
            f"crossover knows sequences, boxes and compositions, not a "
            f"{type(target.space).__name__}"
        )
    always = torch.ones(len(designs), dtype=torch.bool, device=designs.device)
    return torch.where(inside, other, designs), always


def _segments(
    uniforms: Float[Tensor, "designs 2"], letters: Letters
) -> Bool[Tensor, "designs sites"]:
    """Return which sites are in a segment between two different cuts, uniform among all."""
    sites = letters.shape[1]
    cut = (uniforms[:, :1] * (sites + 1)).long()
    # Any of the other cuts: so many places further on, round the end.
    another = (cut + 1 + (uniforms[:, 1:] * sites).long()) % (sites + 1)
    site = torch.arange(sites, device=letters.device)
    return (site >= cut.minimum(another)) & (site < cut.maximum(another))


def _exchange_shapes(
    shares: Points, other: Points, inside: Bool[Tensor, "designs components"]
) -> tuple[Points, Bool[Tensor, "designs"]]:
    """Return compositions with the other's shape inside a subset, and where that can be."""
    own_part, other_part = shares.where(inside, 0.0), other.where(inside, 0.0)
    own_mass, other_mass = own_part.sum(1, keepdim=True), other_part.sum(1, keepdim=True)
    present = (own_part > 0).sum(1)
    possible = (present == (other_part > 0).sum(1)) & (present > 0)
    shape = other_part / other_mass.where(possible.unsqueeze(1), 1.0)
    return torch.where(inside, own_mass * shape, shares), possible
