r"""Sequential Monte Carlo over a ladder.

Del Moral, Doucet and Jasra, "Sequential Monte Carlo samplers", 2006. A population of weighted
particles goes from rung to rung. On reaching rung t each weight is multiplied by
:math:`\pi_t(x) / \pi_{t-1}(x)`; where the effective sample size has fallen below a share of the
population it is resampled; then each particle makes the rung's kernel steps. Weighted averages
over the particles are consistent for every rung's density, and the mean weights multiply to an
estimate of its normalising constant Z, which is unbiased as long as nothing is adapted to the
population.

With ``adaptive`` the way between two rungs is divided by geometric bridges such that each
step keeps that conditional effective sample size.

Annealed importance sampling (Neal, "Annealed importance sampling", 2001) is the same without
resampling: each chain keeps its own weight, and any number of chains is the mean of independent
estimates of Z.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from designlib.randomness import chain_uniforms, derive_seed
from designlib.sampling.drivers.base import Mover, Samples, check_run, last_of, moved
from designlib.sampling.kernels.base import ChainState, Kernel, take
from designlib.sampling.ladders.base import Rung, bridge
from designlib.sampling.targets import Target
from designlib.sampling.weights import (
    Evidence,
    conditional_share,
    effective_share,
    genealogical_variance,
    systematic,
)
from designlib.types import Designs, InputError, Scores

__all__ = ["AIS", "SMC", "Origin", "Population", "ais", "smc"]

Origin = Literal["uniform", "first_rung"]
"""What the initial designs are drawn from: uniformly from the feasible ones, or the first rung."""

_BISECTIONS = 50


class Population(NamedTuple):
    """All particles after one stage; with it the run can be resumed.

    Attributes
    ----------
    rung
        Index of the rung that the stage leads to.
    share
        How far the stage has come from the rung before to this one, 1 on the rung itself.
    stage
        Number of the stage, from 0.
    state
        The kernel's state at the stage's density.
    log_weights
        Logarithms of the particles' weights since their population was last resampled, shape
        (populations, particles).
    log_mean_weights
        What earlier resamplings have contributed to log Z, shape (populations,).
    ancestors
        Which initial particle of its population each particle descends from.
    resamplings
        How often each population was resampled, shape (populations,).
    effective
        Effective sample size as a share of the particles on reaching the stage, before any
        resampling, shape (populations,).
    acceptance
        Share of each particle's proposals accepted in this stage, shape (designs,).
    passes
        Forward and backward passes that each particle has cost so far.
    """

    rung: int
    share: float
    stage: int
    state: ChainState
    log_weights: Float[Tensor, "populations particles"]
    log_mean_weights: Float[Tensor, "populations"]
    ancestors: Int[Tensor, "populations particles"]
    resamplings: Int[Tensor, "populations"]
    effective: Float[Tensor, "populations"]
    acceptance: Scores
    passes: float

    @property
    def designs(self) -> Designs:
        """The particles, population after population."""
        return self.state.designs

    @property
    def value(self) -> Scores:
        """Their scores under the stage's predictor, not scaled by beta."""
        return self.state.value

    @property
    def weights(self) -> Float[Tensor, "populations particles"]:
        """Normalised weights, which sum to 1 in each population."""
        return self.log_weights.softmax(1)

    @property
    def log_z(self) -> Float[Tensor, "populations"]:
        """Log of the normalising constant of the stage's density against the origin's."""
        return self.log_mean_weights + _log_mean(self.log_weights)

    @property
    def log_z_error(self) -> Float[Tensor, "populations"]:
        """Standard error of ``log_z``, from the population's genealogy; see `weights`."""
        return genealogical_variance(self.log_weights, self.ancestors, self.resamplings).sqrt()

    @property
    def evidence(self) -> Evidence:
        """Log Z by the first population, with its error; InputError for a single particle."""
        if self.log_weights.shape[1] < 2:
            raise InputError("the error of log Z needs at least 2 weights, not 1")
        worth = 1 / self.weights[0].square().sum()
        return Evidence(float(self.log_z[0]), float(self.log_z_error[0]), float(worth))


@dataclass(frozen=True, kw_only=True)
class SMC:
    """Settings of sequential Monte Carlo with all chains as one population from uniform starts.

    Attributes
    ----------
    threshold
        The population is resampled where its effective sample size is below this share.
    adaptive
        Smallest conditional effective sample size of a stage as a share; None for one stage
        per rung.
    warm_up
        Steps in each stage, before the rung's own, that tune a kernel with a step size.
    """

    threshold: float = 0.5
    adaptive: float | None = None
    warm_up: int = 0

    def run(
        self,
        ladder: Sequence[Rung],
        kernel: Kernel,
        starts: Designs,
        seed: int,
        chains: Sequence[int],
    ) -> Samples:
        """Return weighted designs and log Z, with the errors of `smc`."""
        end = last_of(smc(ladder, kernel, starts, seed, chains, **vars(self)))
        return Samples(
            space=ladder[-1].target.space,
            designs=end.designs,
            scores=end.value,
            acceptance=float(end.acceptance.mean()),
            passes=end.passes,
            weights=end.weights[0],
            evidence=end.evidence,
        )


@dataclass(frozen=True, kw_only=True)
class AIS(SMC):
    """Settings of annealed importance sampling: `SMC` that never resamples."""

    threshold: float = 0.0


def smc(
    ladder: Sequence[Rung],
    kernel: Kernel,
    initial: Designs,
    seed: int,
    chains: Sequence[int],
    *,
    populations: int = 1,
    origin: Origin = "uniform",
    threshold: float = 0.5,
    adaptive: float | None = None,
    warm_up: int = 0,
    after: Population | None = None,
) -> Iterator[Population]:
    """Take populations of particles along a ladder and yield them after each stage.

    Parameters
    ----------
    ladder, kernel, seed, chains
        As for `designlib.sampling.drivers.anneal`; a chain is a particle.
    initial
        Particles, population after population, drawn from ``origin``.
    populations
        Number of independent populations of equal size in this batch. They do not see each
        other, but with ``adaptive`` they share the bridges.
    origin
        ``uniform``: log Z is that of exp(beta f) averaged over the feasible designs, provided that
        ``initial`` is uniform there. ``first_rung``: log Z is relative to the first rung's own.
    threshold
        A population is resampled where its effective sample size is below this share; 0 never,
        1 always.
    adaptive
        Smallest conditional effective sample size of a stage as a share, above 0 and below 1;
        None for one stage per rung. A bridge costs the passes of both predictors.
    warm_up
        Steps in each stage, before the rung's own, that tune the kernel.
    after
        A population of the same run to resume after, bit for bit.

    Raises
    ------
    InputError
        Populations that do not divide the particles or have fewer than two, a share out of
        range, rungs with different constraints, an infeasible start.
    NonFiniteScoreError
        The predictor of a rung gives NaN or infinity.
    """
    check_run(ladder, initial, chains)
    _check(len(initial), populations, threshold, adaptive)
    run = _Run(ladder, Mover(kernel, seed, chains), origin, threshold, adaptive, warm_up)
    now = run.begin(initial, populations) if after is None else after
    while now.share < 1 or now.rung + 1 < len(ladder):
        now = run.stage(now)
        yield now


def ais(
    ladder: Sequence[Rung],
    kernel: Kernel,
    initial: Designs,
    seed: int,
    chains: Sequence[int],
    *,
    origin: Origin = "uniform",
    warm_up: int = 0,
    after: Population | None = None,
) -> Iterator[Population]:
    """Take weighted chains along a ladder and yield them after each rung: `smc` unresampled.

    They come as one population, whose log Z relates to ``origin``.
    """
    options = {"origin": origin, "warm_up": warm_up, "after": after}
    return smc(ladder, kernel, initial, seed, chains, threshold=0.0, **options)


def _check(particles: int, populations: int, threshold: float, adaptive: float | None) -> None:
    if populations < 1 or particles % populations:
        raise InputError(f"{particles} particles cannot be cut into {populations} populations")
    if particles // populations < 2 and threshold > 0:
        raise InputError("a population needs at least two particles")
    if not 0 <= threshold <= 1:
        raise InputError(f"a resampling threshold lies from 0 to 1, not {threshold:g}")
    if adaptive is not None and not 0 < adaptive < 1:
        raise InputError(f"an adaptive share lies between 0 and 1, not {adaptive:g}")


@dataclass(frozen=True)
class _Run:
    """What stays the same over a run."""

    ladder: Sequence[Rung]
    mover: Mover
    origin: Origin
    threshold: float
    adaptive: float | None
    warm_up: int

    def begin(self, initial: Designs, populations: int) -> Population:
        """Return the particles before the first stage, evaluated on the first rung."""
        target = self.ladder[0].target
        state = self.mover.kernel.init(target, initial)
        zeros = torch.zeros(populations, dtype=torch.float64, device=initial.device)
        size = len(initial) // populations
        return Population(
            rung=0,
            share=0.0,
            stage=-1,
            state=state,
            log_weights=zeros[:, None].repeat(1, size),
            log_mean_weights=zeros,
            ancestors=torch.arange(size, device=initial.device).repeat(populations, 1),
            resamplings=torch.zeros_like(zeros, dtype=torch.int64),
            effective=torch.ones_like(zeros),
            acceptance=state.value.new_zeros(len(initial)),
            passes=target.passes,
        )

    def stage(self, now: Population) -> Population:
        """Return the particles moved as far towards the next rung as their weights allow."""
        index, share = (now.rung, now.share) if now.share < 1 else (now.rung + 1, 0.0)
        before, here = self.ladder[index - 1].target if index else None, self.ladder[index].target
        current = self._density(before, here, share)
        if current is None:
            gained = here.beta * now.value.double() * (self.origin == "uniform")
        else:
            state, cost = moved(self.mover.kernel, current, here, now.state)
            gained = here.beta * state.value.double() - current.beta * now.value.double()
            now = now._replace(state=state, passes=now.passes + cost)
        gained = gained.view_as(now.log_weights)
        part = self._part(now.log_weights, gained)
        total = 1.0 if part == 1.0 else share + part * (1 - share)
        target = self._density(before, here, total) or here
        if total < 1:
            state, cost = moved(self.mover.kernel, here, target, now.state)
            now = now._replace(state=state, passes=now.passes + cost)
            gained = part * gained
        return self._advance(now, target, gained, total, index)

    def _part(self, log_weights: Tensor, difference: Tensor) -> float:
        """Return the largest part of the way that keeps the share asked for."""
        if self.adaptive is None:
            return 1.0
        low, high = 0.0, 1.0
        if float(conditional_share(log_weights, difference).min()) >= self.adaptive:
            return 1.0
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            kept = float(conditional_share(log_weights, middle * difference).min())
            low, high = (middle, high) if kept >= self.adaptive else (low, middle)
        return high

    @staticmethod
    def _density(before: Target | None, here: Target, share: float) -> Target | None:
        """Return the density so far on the way from one rung to another; None is uniform."""
        if share in {0, 1}:
            return here if share else before
        if before is None:
            return replace(here, beta=here.beta * share, label=f"{here.label} at {share:.3g}")
        return bridge(before, here, share)

    def _advance(
        self, now: Population, target: Target, gained: Tensor, share: float, index: int
    ) -> Population:
        """Return the particles weighted, resampled where needed, and moved."""
        stage = now.stage + 1
        log_weights = now.log_weights + gained
        effective = effective_share(log_weights)
        resample = effective < self.threshold if self.threshold < 1 else effective < torch.inf
        state, ancestors = now.state, now.ancestors
        if self.threshold > 0:
            rows = self._rows(log_weights, resample, stage)
            size = log_weights.shape[1]
            first = torch.arange(len(rows), device=rows.device)[:, None] * size
            state, ancestors = take(state, (rows + first).flatten()), ancestors.gather(1, rows)
        rung = self.ladder[index]
        state, acceptance = self.mover.run(target, state, stage, rung.steps, warm_up=self.warm_up)
        cost = self.mover.kernel.passes_per_step(target)
        return Population(
            rung=index,
            share=share,
            stage=stage,
            state=state,
            log_weights=log_weights.masked_fill(resample[:, None], 0.0),
            log_mean_weights=now.log_mean_weights + _log_mean(log_weights).where(resample, 0.0),
            ancestors=ancestors,
            resamplings=now.resamplings + resample,
            effective=effective,
            acceptance=acceptance,
            passes=now.passes + (rung.steps + self.warm_up) * cost,
        )

    def _rows(self, log_weights: Tensor, resample: Tensor, stage: int) -> Tensor:
        """Return which particle takes each place: itself where nothing is resampled."""
        size = log_weights.shape[1]
        seed = derive_seed(self.mover.seed, "resampling")
        uniforms = chain_uniforms(seed, stage, self.mover.chains[::size], 1, 1)[0, :, 0]
        same = torch.arange(size, device=log_weights.device).expand_as(log_weights)
        return torch.where(
            resample[:, None], systematic(log_weights, uniforms.to(log_weights.device)), same
        )


def _log_mean(log_weights: Float[Tensor, "populations particles"]) -> Float[Tensor, "populations"]:
    return log_weights.logsumexp(1) - math.log(log_weights.shape[1])
