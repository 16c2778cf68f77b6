r"""Sequential Monte Carlo over a ladder.

Del Moral, Doucet and Jasra, "Sequential Monte Carlo samplers", 2006. A population of weighted
particles goes from rung to rung. On reaching rung t each weight is multiplied by
:math:`\pi_t(x) / \pi_{t-1}(x)`; where the effective sample size has fallen below a share of the
population it is resampled; then each particle makes the rung's kernel steps. Weighted averages
over the particles are consistent for every rung's density, and the mean weights multiply to an
unbiased estimate of its normalising constant Z against the uniform density.

Annealed importance sampling (Neal, "Annealed importance sampling", 2001) is the same without
resampling: each chain keeps its own weight, and any number of chains is the mean of independent
estimates of Z.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from designlib.randomness import chain_uniforms, derive_seed
from designlib.sampling.drivers.base import Mover, Samples, check_run, last_of, moved
from designlib.sampling.kernels.base import ChainState, Kernel, take
from designlib.sampling.ladders.base import Rung
from designlib.sampling.weights import (
    Evidence,
    effective_share,
    genealogical_variance,
    systematic,
)
from designlib.types import Designs, InputError, Scores


class Population(NamedTuple):
    """All particles at the end of a rung."""

    rung: int
    """Index of the rung."""
    state: ChainState
    """The kernel's state."""
    log_weights: Float[Tensor, "populations particles"]
    """Logarithms of the weights since their population was last resampled."""
    log_mean_weights: Float[Tensor, "populations"]
    """What earlier resamplings have contributed to log Z."""
    ancestors: Int[Tensor, "populations particles"]
    """Which initial particle of its population each particle descends from."""
    resamplings: Int[Tensor, "populations"]
    """How often each population was resampled."""
    acceptance: Scores
    """Share of each particle's proposals accepted on this rung, shape (designs,)."""
    passes: float
    """Forward and backward passes that each particle has cost so far."""

    @property
    def designs(self) -> Designs:
        """The particles, population after population."""
        return self.state.designs

    @property
    def value(self) -> Scores:
        """Their scores under the rung's predictor, not scaled by beta."""
        return self.state.value

    @property
    def weights(self) -> Float[Tensor, "populations particles"]:
        """Normalised weights, which sum to 1 in each population."""
        return self.log_weights.softmax(1)

    @property
    def log_z(self) -> Float[Tensor, "populations"]:
        """Log of the normalising constant of the rung's density against the uniform one."""
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
    """Settings of sequential Monte Carlo with all chains as one population from uniform starts."""

    threshold: float = 0.5
    """The population is resampled where its effective sample size is below this share."""
    warm_up: int = 0
    """Steps on each rung, before the rung's own, that tune a kernel with a step size."""

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
    threshold: float = 0.5,
    warm_up: int = 0,
) -> Iterator[Population]:
    """Take populations of particles along a ladder and yield them after each rung.

    Parameters
    ----------
    ladder, kernel, seed, chains
        As for `designlib.sampling.drivers.anneal`; a chain is a particle.
    initial
        Uniform feasible designs, population after population. Z is the mean of exp(beta f) over
        all of them.
    populations
        Number of independent populations of equal size in this batch.
    threshold
        A population is resampled where its effective sample size is below this share; 0 never,
        1 always.
    warm_up
        Steps on each rung, before the rung's own, that tune the kernel.

    Raises
    ------
    InputError
        Populations that do not divide the particles or have fewer than two, a share out of
        range, an infeasible start.
    NonFiniteScoreError
        The predictor of a rung gives NaN or infinity.
    """
    check_run(ladder, initial, chains)
    _check(len(initial), populations, threshold)
    mover, before = Mover(kernel, seed, chains), None
    now = _begin(ladder[0], kernel, initial, populations)
    for index, rung in enumerate(ladder):
        target, log_weights = rung.target, now.log_weights
        state, cost = moved(kernel, before or target, target, now.state)
        gained = target.beta * state.value.double()
        if before is not None:
            gained = gained - before.beta * now.value.double()
        log_weights = log_weights + gained.view_as(log_weights)
        effective = effective_share(log_weights)
        resample = effective < threshold if threshold < 1 else effective < torch.inf
        ancestors = now.ancestors
        if threshold > 0:
            rows = _rows(log_weights, resample, mover, index)
            first = torch.arange(populations, device=rows.device)[:, None] * rows.shape[1]
            state, ancestors = take(state, (rows + first).flatten()), ancestors.gather(1, rows)
        state, acceptance = mover.run(target, state, index, rung.steps, warm_up=warm_up)
        steps_cost = (rung.steps + warm_up) * kernel.passes_per_step(target)
        now = Population(
            rung=index,
            state=state,
            log_weights=log_weights.masked_fill(resample[:, None], 0.0),
            log_mean_weights=now.log_mean_weights + _log_mean(log_weights).where(resample, 0.0),
            ancestors=ancestors,
            resamplings=now.resamplings + resample,
            acceptance=acceptance,
            passes=now.passes + cost + steps_cost,
        )
        before = target
        yield now


def _check(particles: int, populations: int, threshold: float) -> None:
    if populations < 1 or particles % populations:
        raise InputError(f"{particles} particles cannot be cut into {populations} populations")
    if particles // populations < 2 and threshold > 0:
        raise InputError("a population needs at least two particles")
    if not 0 <= threshold <= 1:
        raise InputError(f"a resampling threshold lies from 0 to 1, not {threshold:g}")


def _begin(rung: Rung, kernel: Kernel, initial: Designs, populations: int) -> Population:
    """Return the particles before the first rung, evaluated on it."""
    state = kernel.init(rung.target, initial)
    zeros = torch.zeros(populations, dtype=torch.float64, device=initial.device)
    size = len(initial) // populations
    return Population(
        rung=0,
        state=state,
        log_weights=zeros[:, None].repeat(1, size),
        log_mean_weights=zeros,
        ancestors=torch.arange(size, device=initial.device).repeat(populations, 1),
        resamplings=torch.zeros_like(zeros, dtype=torch.int64),
        acceptance=state.value.new_zeros(len(initial)),
        passes=rung.target.passes,
    )


def _rows(log_weights: Tensor, resample: Tensor, mover: Mover, rung: int) -> Tensor:
    """Return which particle takes each place: itself where nothing is resampled."""
    size = log_weights.shape[1]
    seed = derive_seed(mover.seed, "resampling")
    uniforms = chain_uniforms(seed, rung, mover.chains[::size], 1, 1)[0, :, 0]
    same = torch.arange(size, device=log_weights.device).expand_as(log_weights)
    drawn = systematic(log_weights, uniforms.to(log_weights.device))
    return torch.where(resample[:, None], drawn, same)


def _log_mean(log_weights: Float[Tensor, "populations particles"]) -> Float[Tensor, "populations"]:
    return log_weights.logsumexp(1) - math.log(log_weights.shape[1])
