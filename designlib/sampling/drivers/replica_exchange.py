r"""Replica exchange (parallel tempering) over any ladder, the training trajectory included.

Swendsen and Wang 1986; Geyer 1991. A system is one chain on each rung, together a draw from the
product of the rungs' densities. Every sweep makes the rungs' kernel steps and then proposes to
swap the designs of neighbouring rungs i and j, accepted with probability

.. math:: \min\{1, \pi_i(x_j) \pi_j(x_i) / (\pi_i(x_i) \pi_j(x_j))\}.

Even and odd pairs take turns, which makes the movement of a replica along the ladder
non-reversible and its round trips faster (Okabe et al. 2001; Syed et al. 2022). The last rung's
chain leaves its density invariant: unlike an annealed walk, a long run gives exact draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from designlib.randomness import derive_seed, uniform_steps
from designlib.sampling.drivers.base import Mover, Samples, check_run, last_with_trace, moved
from designlib.sampling.kernels.base import Kernel, choose
from designlib.sampling.ladders.base import Rung
from designlib.types import Designs, InputError, Scores

_BOTTOM, _TOP = 1, 2


class Replicas(NamedTuple):
    """All systems after a sweep."""

    sweep: int
    """Sweeps done."""
    states: tuple[Any, ...]
    """The kernel's state on each rung, one row per system."""
    replicas: Int[Tensor, "systems rungs"]
    """Number of the replica that is on each rung, shape (systems, rungs)."""
    heading: Int[Tensor, "systems rungs"]
    """Which end each replica was at last: 1 the first rung, 2 the last, 0 where it has not
    been on the first one yet; shape (systems, replicas).
    """
    round_trips: Int[Tensor, "systems"]
    """Trips from the first rung to the last and back, shape (systems,)."""
    swaps: Float[Tensor, "pairs"]
    """Swaps of each pair of neighbours that all systems accepted."""
    accepted: Float[Tensor, "rungs"]
    """Kernel proposals that a system accepted on each rung, on average, shape (rungs,)."""
    passes: float
    """Forward and backward passes that each system has cost so far."""

    @property
    def designs(self) -> Designs:
        """Designs on the last rung."""
        return self.states[-1].designs

    @property
    def value(self) -> Scores:
        """Scores of them under the last rung's predictor, not scaled by beta."""
        return self.states[-1].value

    @property
    def attempts(self) -> Int[Tensor, "pairs"]:
        """Swaps of each pair of neighbours that each system has proposed."""
        pairs = torch.arange(len(self.swaps), device=self.swaps.device)
        return (self.sweep + 1 - pairs % 2) // 2

    @property
    def swap_rates(self) -> Float[Tensor, "pairs"]:
        """Share of the proposed swaps of each pair that were accepted; 0 before the first."""
        return self.swaps / (self.attempts * len(self.replicas)).clamp(min=1)


@dataclass(frozen=True)
class ReplicaExchange:
    """Settings of replica exchange; every chain of a run is a system of one replica per rung."""

    sweeps: int = 50
    """Sweeps in all. Each makes the kernel steps of every rung."""
    warm_up: int = 10
    """The first so many of them tune a kernel with a step size and are left out of the trace."""

    def run(
        self,
        ladder: Sequence[Rung],
        kernel: Kernel,
        starts: Designs,
        seed: int,
        chains: Sequence[int],
    ) -> Samples:
        """Return the designs on the last rung, with the errors of `replica_exchange`."""
        end, trace = last_with_trace(
            replica_exchange(
                ladder, kernel, starts, seed, chains, sweeps=self.sweeps, warm_up=self.warm_up
            ),
            lambda now: now.sweep > self.warm_up,
        )
        return Samples(
            space=ladder[-1].target.space,
            designs=end.designs,
            scores=end.value,
            acceptance=float(end.accepted[-1]) / (self.sweeps * ladder[-1].steps),
            passes=end.passes,
            trace=trace,
            swap_rates=end.swap_rates,
            round_trips=int(end.round_trips.sum()),
        )


def replica_exchange(
    ladder: Sequence[Rung],
    kernel: Kernel,
    initial: Designs,
    seed: int,
    chains: Sequence[int],
    *,
    sweeps: int,
    warm_up: int = 0,
    thin: int = 1,
) -> Iterator[Replicas]:
    """Run systems of replicas and yield them every ``thin`` sweeps, and after the last.

    Parameters
    ----------
    ladder, kernel, seed, chains
        As for `designlib.sampling.drivers.anneal`, with at least two rungs; a chain is a system.
    initial
        Where the systems start: one design each, which all its replicas begin at.
    sweeps
        Sweeps in all, warm-up included.
    warm_up
        The first so many sweeps tune the kernel, for each rung; then it is frozen.
    thin
        Sweeps between snapshots.

    Raises
    ------
    InputError
        Fewer than two rungs, rungs with different constraints, a number out of range, an
        infeasible start.
    NonFiniteScoreError
        The predictor of a rung gives NaN or infinity.
    """
    check_run(ladder, initial, chains)
    _check(ladder, sweeps, warm_up, thin)
    now = _begin(ladder, kernel, initial)
    streams = [
        Mover(kernel, seed, chains).uniforms(
            rung.target, index, sweeps * rung.steps, initial.device
        )
        for index, rung in enumerate(ladder)
    ]
    swaps = derive_seed(seed, "swaps")
    for uniforms in uniform_steps(swaps, 0, chains, sweeps, len(ladder) - 1, device=initial.device):
        now = _swept(ladder, kernel, now, streams, tunes=now.sweep < warm_up)
        now = _exchanged(ladder, kernel, now, uniforms)
        if now.sweep % thin == 0 or now.sweep == sweeps:
            yield now


def swap_log_ratio(lower: Rung, upper: Rung, below: Any, above: Any, down: Any, up: Any) -> Scores:
    """Return the log Metropolis ratio of a swap.

    ``below`` and ``above`` are the states now, ``down`` is the design above evaluated on the lower
    rung and ``up`` the one below evaluated on the upper rung.
    """
    gained = lower.target.beta * (down.value - below.value)
    return gained + upper.target.beta * (up.value - above.value)


def _check(ladder: Sequence[Rung], sweeps: int, warm_up: int, thin: int) -> None:
    if len(ladder) < 2:
        raise InputError(f"replica exchange needs at least two rungs, not {len(ladder)}")
    if sweeps < 1 or thin < 1 or not 0 <= warm_up <= sweeps:
        raise InputError(
            "sweeps >= 1, thin >= 1 and warm_up from 0 to sweeps are needed, not "
            f"{sweeps}, {thin} and {warm_up}"
        )
    for rung in ladder[1:]:
        if rung.target.constraint is not ladder[0].target.constraint:
            raise InputError(
                f"rung {rung.label!r} has another constraint than rung {ladder[0].label!r}; "
                "replicas are exchanged between rungs of one feasible set"
            )


def _begin(ladder: Sequence[Rung], kernel: Kernel, initial: Designs) -> Replicas:
    systems, rungs = len(initial), len(ladder)
    states = tuple(kernel.init(rung.target, initial) for rung in ladder)
    replicas = torch.arange(rungs, device=initial.device).repeat(systems, 1)
    heading = torch.zeros_like(replicas)
    heading[:, 0] = _BOTTOM
    return Replicas(
        sweep=0,
        states=states,
        replicas=replicas,
        heading=heading,
        round_trips=torch.zeros(systems, dtype=torch.int64, device=initial.device),
        swaps=torch.zeros(rungs - 1, dtype=torch.float64, device=initial.device),
        accepted=torch.zeros(rungs, dtype=torch.float64, device=initial.device),
        passes=sum(rung.target.passes for rung in ladder),
    )


def _swept(
    ladder: Sequence[Rung],
    kernel: Kernel,
    now: Replicas,
    streams: Sequence[Iterator[Tensor]],
    *,
    tunes: bool,
) -> Replicas:
    """Return the systems after each rung's kernel steps."""
    states, accepted, passes = list(now.states), now.accepted.clone(), now.passes
    for index, rung in enumerate(ladder):
        took = torch.zeros_like(accepted[index])
        for _ in range(rung.steps):
            after, info = kernel.step(rung.target, states[index], next(streams[index]))
            states[index] = kernel.adapt(after, info) if tunes else after
            took += info.accepted.double().mean()
        accepted[index] += took
        passes += rung.steps * kernel.passes_per_step(rung.target)
    return now._replace(sweep=now.sweep + 1, states=tuple(states), accepted=accepted, passes=passes)


def _exchanged(
    ladder: Sequence[Rung],
    kernel: Kernel,
    now: Replicas,
    uniforms: Float[Tensor, "systems pairs"],
) -> Replicas:
    """Return the systems after the swaps of this sweep's pairs: even ones, or odd ones.

    What was tuned stays on its rung.
    """
    states, replicas, swaps = list(now.states), now.replicas.clone(), now.swaps.clone()
    passes = now.passes
    for pair in range((now.sweep - 1) % 2, len(ladder) - 1, 2):
        lower, upper = ladder[pair], ladder[pair + 1]
        below, above = states[pair : pair + 2]
        down, cost_down = moved(kernel, upper.target, lower.target, above)
        up, cost_up = moved(kernel, lower.target, upper.target, below)
        ratio = swap_log_ratio(lower, upper, below, above, down, up)
        accepted = uniforms[:, pair].log() < ratio
        states[pair : pair + 2] = choose(accepted, down, below), choose(accepted, up, above)
        both = replicas[:, pair : pair + 2]
        replicas[:, pair : pair + 2] = torch.where(accepted[:, None], both.flip(1), both)
        swaps[pair] += accepted.double().sum()
        passes += cost_down + cost_up
    heading, trips = _headings(replicas, now.heading)
    return now._replace(
        states=tuple(states),
        replicas=replicas,
        heading=heading,
        round_trips=now.round_trips + trips,
        swaps=swaps,
        passes=passes,
    )


def _headings(replicas: Tensor, heading: Tensor) -> tuple[Tensor, Tensor]:
    """Return where each replica was last, and which systems completed a round trip now."""
    bottom, top = replicas[:, :1], replicas[:, -1:]
    returned = heading.gather(1, bottom) == _TOP
    # A replica that has never been at the bottom makes no trip by reaching the top.
    came = heading.gather(1, top) > 0
    heading = heading.scatter(1, top, came * _TOP).scatter(1, bottom, _BOTTOM)
    return heading, returned.squeeze(1).long()
