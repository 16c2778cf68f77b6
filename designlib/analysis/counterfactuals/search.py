r"""Counterfactuals by the samplers of designs: chains that start at a design and edit it little.

A chain at x that started at :math:`x_0` follows, on the checkpoint t, the density proportional to

.. math::
    \exp\{-c \, [\ell - g_t(x)]_+ - c \, [g_t(x) - u]_+ - \lambda \, d(x, x_0)\},
    \qquad g_t(x) = \frac{f_t(x) - f_t(x_0)}{\sigma_t},

where the prediction of the trained predictor has to rise by at least :math:`\ell` and at most
:math:`u` standard deviations, d counts edits, sigma_t is the spread of f_t over reference designs,
and c grows from rung to rung. What reaches the goal by the trained predictor is collected on the
way, and every edit is undone that is not needed: of what is returned none can be left out.

The sentence "this prediction changes if that is edited" is the counterfactual explanation of
Wachter et al. (Harvard J. Law & Technology 31, 841, 2018); a sample of many, as of Mothilal et al.
(FAT* 2020), shows which edits are interchangeable. It says what the predictor does, not what nature
does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from designlib.analysis.counterfactuals.edits import Edits, Reference, near_design
from designlib.config import CounterfactualConfig, SamplingConfig
from designlib.constraints import AllOf, Constraint
from designlib.predictors import Trajectory, evaluate
from designlib.randomness import derive_seed
from designlib.sampling import choose_sampler
from designlib.sampling.drivers import anneal
from designlib.sampling.ladders import Rung, RungPlan, mean_score
from designlib.sampling.targets import Target
from designlib.spaces import DesignSpace, SequenceSpace
from designlib.types import Designs, InputError, Relaxed, Scores

_SHARPNESS = (2.0, 20.0)
"""c on the first and the last rung: how much the log density falls for each standard deviation that
is missing. Proposals go by the gradient, which on a sharp goal always overshoots a narrow one."""
_COST = 1.0
"""lambda: how much it falls with each edit."""
_STEPS, _FINAL_STEPS, _THIN = 6, 48, 2
_MARGIN = 0.02
"""Standard deviations beyond the goal that chains aim at, so that they stay on its other side."""


class Found(NamedTuple):
    """Counterfactuals of one design."""

    designs: Designs
    """Distinct ones, of which no edit can be left out, those of the fewest edits first."""
    edited: Bool[Tensor, "designs names"]
    """Which of `edit_names` differ, for each of them."""
    scores: Float[Tensor, "designs"]
    """Mean standardised score of the predictor."""
    share: Float[Tensor, "designs"]
    """How many of the collected states became each design, as a share."""


class _Goal(nn.Module):
    """The log density of one rung."""

    def __init__(
        self,
        score: Callable[[Relaxed], Scores],
        edits: Edits,
        base: float,
        sigma: float,
        sharpness: float,
        low: float,
        high: float,
    ) -> None:
        super().__init__()
        self.score, self.edits, self.sharpness = score, edits, sharpness
        self.base, self.sigma, self.low, self.high = base, sigma, low, high

    def forward(self, relaxed: Relaxed) -> Scores:
        gain = (self.score(relaxed) - self.base) / self.sigma
        short = (self.low - gain).clamp(min=0) + (gain - self.high).clamp(min=0)
        return -self.sharpness * short - _COST * self.edits.count(relaxed)


def in_scores(config: CounterfactualConfig, trajectory: Trajectory) -> tuple[float, float]:
    """Return the lowest and the highest score that reach the goal, infinite where any does."""
    spec = trajectory.spec
    wanted = [-torch.inf, torch.inf]
    for place, value in ((0, config.above), (1, config.below)):
        if value is not None:
            wanted[place] = float(spec.learnt(torch.tensor([value], dtype=torch.float64)))
        elif spec.scale < 0:
            wanted[place] = -wanted[place]
    return min(wanted), max(wanted)


def find_counterfactuals(
    design: str,
    members: Sequence[Trajectory],
    plan: Sequence[RungPlan],
    constraint: AllOf,
    config: CounterfactualConfig,
) -> Found:
    """Return sampled counterfactuals of one design, none where none was found.

    ``members`` are the ensemble and ``plan`` the rungs of the chains, the last of them the trained
    predictor; ``constraint`` is what every design has to meet besides the goal, the radius and the
    kept parts of ``config``.

    Raises InputError for a design that is not of the space or breaks a constraint, and where
    nothing is left to edit.
    """
    space = members[0].spec.space
    start = space.encode([design])
    reasons = [text for text in constraint.violations(start) if text]
    if reasons:
        raise InputError(f"{design} breaks a constraint of its campaign: {reasons[0]}")
    near = near_design(space, start, config.radius, config.keep)
    everything = AllOf(space, [*constraint.members, *near])
    final = mean_score(members, plan[-1].checkpoint, "cpu")
    low, high = in_scores(config, members[0])
    base = float(evaluate(final, space.relax(start)))
    judge = _Judge(space, final, everything, Edits(space, start), low, high)
    if low <= base <= high:
        return judge.found(start)
    ladder = _ladder(members, plan, everything, start, judge)
    sampler = choose_sampler(SamplingConfig(composition_moves="grid"), space)
    initial = start.expand(config.samples, -1).clone()
    seed = derive_seed(config.seed, "counterfactual", design)
    chains, warm_up = range(config.samples), sampler.warm_up
    snapshots = anneal(ladder, sampler.kernel(), initial, seed, chains, warm_up=warm_up, thin=_THIN)
    collected = torch.cat([snapshot.designs for snapshot in snapshots])
    if not isinstance(space, SequenceSpace):
        collected = space.on_grid(collected)
    return judge.found(collected)


def _ladder(
    members: Sequence[Trajectory],
    plan: Sequence[RungPlan],
    constraint: Constraint,
    start: Reference,
    judge: _Judge,
) -> list[Rung]:
    """Return the rungs: on each the same gain in standard deviations of its checkpoint."""
    space, edits = judge.space, judge.edits
    relaxed = space.relax(start)
    last = plan[-1]
    final = float(evaluate(mean_score(members, last.checkpoint, "cpu"), relaxed))
    gains = [(bound - final) / last.sigma for bound in (judge.low, judge.high)]
    middle = sum(gains) / 2
    aims = (min(gains[0] + _MARGIN, middle), max(gains[1] - _MARGIN, middle))
    if not math.isfinite(middle):  # one side is open
        aims = (gains[0] + _MARGIN, gains[1] - _MARGIN)
    ladder = []
    for number, rung in enumerate(plan, start=1):
        score = mean_score(members, rung.checkpoint, "cpu")
        base = float(evaluate(score, relaxed))
        first, top = _SHARPNESS
        sharpness = top if rung is last else first * (top / first) ** (number / len(plan))
        goal = _Goal(score, edits, base, rung.sigma, sharpness, *aims)
        steps = _FINAL_STEPS if rung is last else _STEPS
        ladder.append(Rung(Target(goal, space, constraint, 1.0, rung.label), steps, rung.label))
    return ladder


class _Judge:
    """What reaches the goal, with no edit that is not needed."""

    def __init__(
        self,
        space: DesignSpace,
        score: Callable[[Relaxed], Scores],
        constraint: AllOf,
        edits: Edits,
        low: float,
        high: float,
    ) -> None:
        self.space, self.score, self.constraint, self.edits = space, score, constraint, edits
        self.low, self.high = low, high

    def found(self, designs: Designs) -> Found:
        """Return what is left of sampled designs, each once, the fewest edits first."""
        designs = self.edits.without_traces(designs)
        kept = self._needed(designs[self._reached(designs)])
        unique, counts = torch.unique(kept, dim=0, return_counts=True)
        which = self.edits.edited(unique)
        order = torch.tensor(
            sorted(range(len(unique)), key=lambda n: (int(which[n].sum()), -int(counts[n]))),
            dtype=torch.int64,
        )
        unique, which, counts = unique[order], which[order], counts[order]
        scores = self._scores(unique).double()
        return Found(unique, which, scores, counts.double() / max(1, len(kept)))

    def _needed(self, designs: Designs) -> Designs:
        """Undo edits, one after another, as long as the goal stays reached."""
        designs = designs.clone()
        open_ = torch.ones(len(designs), dtype=torch.bool)
        while bool(open_.any()):
            rows = open_.nonzero()[:, 0]
            places = self.edits.edited(designs[rows]).nonzero()
            tried = self.edits.undone(designs[rows[places[:, 0]]], places[:, 1])
            fine = self._reached(tried)
            open_[:] = False
            # Of the edits that are not needed the first one of each design.
            for number in fine.nonzero()[:, 0].flip(0).tolist():
                row = int(rows[places[number, 0]])
                designs[row], open_[row] = tried[number], True
        return designs

    def _reached(self, designs: Designs) -> Bool[Tensor, "designs"]:
        if not len(designs):
            return torch.zeros(0, dtype=torch.bool)
        scores = self._scores(designs)
        return (scores >= self.low) & (scores <= self.high) & self.constraint.satisfied(designs)

    def _scores(self, designs: Designs) -> Scores:
        if not len(designs):
            return torch.zeros(0)
        return evaluate(self.score, self.space.relax(designs))
