r"""Path-auxiliary sampling: change several sites in a row, chosen by one gradient.

Sun, Dai, Xia and Ramamurthy, "Path auxiliary proposal for MCMC in discrete space", ICLR 2022,
without replacement and with the gradient at the start of the path only (their fast variant).

The log density is :math:`\beta f(x)` on the feasible designs. With
:math:`d(x)_{ia} = \partial f / \partial x_{ia} - \partial f / \partial x_{i x_i}`, the first-order
estimate of what changing site i to letter a gains, every change allowed at x that is one has the
weight :math:`w_x(i, a) = \exp(\beta d(x)_{ia} / 2)`. A path :math:`(i_1, a_1), \ldots, (i_R, a_R)`
takes R of them in turn, each site once:

.. math:: q(\text{path} \mid x) = p_x(R) \prod_{r=1}^{R}
    \frac{w_x(i_r, a_r)}{\sum_{i \notin \{i_1, \ldots, i_{r-1}\}} \sum_a w_x(i, a)}

The way back visits the same sites from the last to the first and restores their old letters. The
end y of the path is accepted with probability

.. math:: \min\{1, \exp(\beta f(y) - \beta f(x)) \, q(\text{back} \mid y) / q(\text{path} \mid x)\}.

That is exact in the space of paths, hence in that of designs: a path and its way back are a pair.
R is drawn without a look at the design and cut to the sites that can change there, of which
there may be more at one end than at the other; :math:`p_x` is the law of what remains.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from designlib.sampling.kernels.base import (
    LetterState,
    MetropolisKernel,
    Tuning,
    estimated_gains,
    inverse_cdf,
)
from designlib.sampling.targets import Target
from designlib.spaces import Space
from designlib.types import Designs, InputError, Letters, Scores

_SMALLEST = 1e-300
_NEGLIGIBLE = -80.0


class Path(NamedTuple):
    """Changes of different sites in the order they are made, one path for each chain."""

    sites: Int[Tensor, "designs longest"]
    """Sites, all different, shape (designs, longest)."""
    letters: Int[Tensor, "designs longest"]
    """The letters they get, of the same shape."""
    made: Bool[Tensor, "designs longest"]
    """Which changes belong to the path, of the same shape; the other sites stay as they are."""


class PathAuxiliary(MetropolisKernel[LetterState, Path]):
    r"""Path-auxiliary proposals of several sites with a Metropolis-Hastings correction.

    The number R of changes has the mean m of its chain, tuned during warm-up: with
    k and v the whole part and the remainder of 2 m - 1, R is uniform on 1 .. k + 1 with
    probability v and on 1 .. k otherwise. With m = 1 this is Gibbs-with-Gradients. With a
    target that is not differentiable paths are uniform among the allowed ones.

    ``mean_length`` is m to begin with, from 1 to (longest + 1) / 2. ``longest`` is the largest
    number of changes, at least 1; what lies beyond the length of a sequence is not used. The memory
    of a step grows with it. Raises InputError for a length out of range.
    """

    tunes = True

    def __init__(self, mean_length: float = 2.0, longest: int = 8) -> None:
        if longest < 1:
            raise InputError(f"the longest path is {longest}; at least 1 change is needed")
        highest = (longest + 1) / 2
        if not 1 <= mean_length <= highest:
            raise InputError(
                f"the mean path length is {mean_length:g}; 1 to {highest:g} are accepted where "
                f"the longest path is {longest}, since shorter ones are as likely"
            )
        self.size = mean_length
        self.longest = longest
        self.size_limits = (1.0, highest)

    def draws_per_step(self, space: Space) -> int:
        """Return one number for the length, one a site, one a change, and one to decide."""
        return 2 + space.columns + self._columns(space.columns)

    def evaluate(self, target: Target, designs: Designs, tuning: Tuning) -> LetterState:
        """Return the state at ``designs``."""
        value, gains, _ = estimated_gains(target, designs)
        difference = gains.scatter(2, designs.unsqueeze(2), -torch.inf)
        return LetterState(designs, value, difference, tuning)

    def draw(
        self, target: Target, state: LetterState, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[Path, Scores]:
        """Return a path for each chain and its log probability.

        The sites of largest log weight plus Gumbel noise, from the largest on, are an ordered
        draw without replacement (Yellott 1977; Kool et al. 2019).
        """
        length, n_letters = state.designs.shape[1], state.difference.shape[2]
        columns = self._columns(length)
        logits, weight = _weights(target, state)
        noise = -(-uniforms[:, 1 : 1 + length].clamp(min=_SMALLEST).log()).log()
        score, site = (weight + noise).topk(columns, dim=1)
        steps = torch.arange(columns, device=site.device)
        made = (steps < self._law(state).draw(uniforms[:, :1])) & (score > -torch.inf)
        rows = logits.gather(1, site.unsqueeze(2).expand(-1, -1, n_letters))
        probability = (rows - weight.gather(1, site).unsqueeze(2)).exp()
        letter = inverse_cdf(probability, uniforms[:, 1 + length : 1 + length + columns], 2)
        path = Path(site, letter, made)
        return path, self._log_probability(state, logits, weight, path)

    def move(self, state: LetterState, move: Path) -> tuple[Letters, Path]:
        """Return the designs at the ends of the paths, and the paths that lead back."""
        old = state.designs.gather(1, move.sites)
        new = torch.where(move.made, move.letters, old)
        back = Path(move.sites.flip(1), old.flip(1), move.made.flip(1))
        return state.designs.scatter(1, move.sites, new), back

    def log_probability(self, target: Target, state: LetterState, move: Path) -> Scores:
        """Return the log probability of drawing the paths at ``state``."""
        return self._log_probability(state, *_weights(target, state), move)

    def _log_probability(
        self,
        state: LetterState,
        logits: Float[Tensor, "designs sites letters"],
        weight: Float[Tensor, "designs sites"],
        path: Path,
    ) -> Scores:
        made = path.made
        taken = weight.gather(1, path.sites)
        # What remains before a change is what the path never takes and what it takes from there
        # on. Sums alone: 1 minus what was taken would cancel.
        never = weight.scatter(1, path.sites, taken.masked_fill(made, -torch.inf))
        remains, remaining = _logsumexp(never), []
        for later in taken.masked_fill(~made, -torch.inf).flip(1).unbind(1):
            remains = torch.logaddexp(remains, later)
            remaining.append(remains)
        total = torch.stack(remaining, 1).flip(1)
        index = path.sites * logits.shape[2] + path.letters
        # Finite where nothing remains, so that an impossible change has -inf and not NaN.
        change = logits.flatten(1).gather(1, index) - total.clamp(min=_lowest(total))
        movable = (weight > -torch.inf).sum(1, keepdim=True)
        law = self._law(state).log_probability(made.sum(1, keepdim=True), movable)
        return law.squeeze(1) + change.masked_fill(~made, 0.0).sum(1, dtype=torch.float64)

    def _law(self, state: LetterState) -> _LengthLaw:
        highest = (self._columns(state.designs.shape[1]) + 1) / 2
        mean = state.tuning.log_size.exp().clamp(1.0, highest).unsqueeze(1)
        return _LengthLaw.of_mean(mean)

    def _columns(self, sites: int) -> int:
        return min(self.longest, sites)


def _weights(
    target: Target, state: LetterState
) -> tuple[Float[Tensor, "designs sites letters"], Float[Tensor, "designs sites"]]:
    """Return the log weight of every change, and that of every site: -inf if it cannot change."""
    logits = state.difference * (target.beta / 2)
    return logits, _logsumexp(logits)


def _logsumexp(logs: Float[Tensor, "*shape terms"]) -> Float[Tensor, "*shape"]:
    """Return what torch's does along the last axis, several times faster where terms are -inf."""
    top = logs.amax(-1)
    below = logs - top.clamp(min=_lowest(top)).unsqueeze(-1)
    # exp is slow where it underflows; so much less than the largest term is lost in the sum.
    return top + below.clamp(min=_NEGLIGIBLE).exp().sum(-1).log()


def _lowest(logs: Tensor) -> float:
    return torch.finfo(logs.dtype).min


class _LengthLaw(NamedTuple):
    """The law of a path's length: ``each`` of 1 .. ``whole`` is as likely, one more has ``top``."""

    whole: Float[Tensor, "designs 1"]
    each: Float[Tensor, "designs 1"]
    top: Float[Tensor, "designs 1"]

    @classmethod
    def of_mean(cls, mean: Float[Tensor, "designs 1"]) -> _LengthLaw:
        """Return the law with a mean of at least 1."""
        spread = 2 * mean - 1
        whole = spread.floor()
        top = (spread - whole) / (whole + 1)
        return cls(whole, (1 - top) / whole, top)

    def draw(self, uniforms: Float[Tensor, "designs 1"]) -> Float[Tensor, "designs 1"]:
        """Return a length for each chain."""
        share = (uniforms - self.top) / (1 - self.top)
        lower = torch.minimum(1 + (share * self.whole).floor(), self.whole)
        return torch.where(uniforms < self.top, self.whole + 1, lower)

    def log_probability(
        self, length: Int[Tensor, "designs 1"], movable: Int[Tensor, "designs 1"]
    ) -> Float[Tensor, "designs 1"]:
        """Return the log probability of lengths that are cut to ``movable`` at the most."""
        beyond = self._at_least(length + 1).where(length < movable, 0.0)
        return (self._at_least(length) - beyond).where(length <= movable, 0.0).log()

    def _at_least(self, length: Int[Tensor, "designs 1"]) -> Float[Tensor, "designs 1"]:
        usual = (1 - (length - 1) * self.each).clamp(max=1.0)
        last = self.top.where(length == self.whole + 1, 0.0)
        return usual.where(length <= self.whole, last)
