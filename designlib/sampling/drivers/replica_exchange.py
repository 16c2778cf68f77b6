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
from designlib.sampling.drivers.base import Samples, check_run, last_with_trace, moved
from designlib.sampling.kernels.base import ChainState, Kernel, choose
from designlib.sampling.ladders.base import Rung
from designlib.types import Designs, InputError, Scores

__all__ = ["ReplicaExchange", "Replicas", "replica_exchange", "swap"]

_BOTTOM, _TOP = 1, 2


class Replicas(NamedTuple):
    """All systems after a sweep; with it the run can be taken up again.

    Attributes
    ----------
    sweep
        Sweeps done.
    states
        The kernel's state on each rung, one row per system.
    replicas
        Number of the replica that is on each rung, shape (systems, rungs).
    heading
        Which end each replica was at last: 1 the first rung, 2 the last, 0 where it has not
        been on the first one yet; shape (systems, replicas).
    round_trips
        Trips from the first rung to the last and back, shape (systems,).
    attempts, swaps
        Swaps of each pair of neighbours, proposed by one system and accepted by all;
        shape (rungs - 1,).
    accepted
        Kernel proposals that a system accepted on each rung, on average, shape (rungs,).
    passes
        Forward and backward passes that each system has cost so far.
    """

    sweep: int
    states: tuple[Any, ...]
    replicas: Int[Tensor, "systems rungs"]
    heading: Int[Tensor, "systems rungs"]
    round_trips: Int[Tensor, "systems"]
    attempts: Int[Tensor, "pairs"]
    swaps: Float[Tensor, "pairs"]
    accepted: Float[Tensor, "rungs"]
    passes: float

    @property
    def designs(self) -> Designs:
        """Designs on the last rung."""
        return self.states[-1].designs

    @property
    def value(self) -> Scores:
        """Scores of them under the last rung's predictor, not scaled by beta."""
        return self.states[-1].value

    @property
    def swap_rates(self) -> Float[Tensor, "pairs"]:
        """Share of the proposed swaps of each pair that were accepted; 0 before the first."""
        return self.swaps / (self.attempts * len(self.replicas)).clamp(min=1)


@dataclass(frozen=True)
class ReplicaExchange:
    """Settings of replica exchange; every chain of a run is a system of one replica per rung.

    Attributes
    ----------
    sweeps
        Sweeps in all. Each makes the kernel steps of every rung.
    warm_up
        The first so many of them tune a kernel with a step size and are left out of the trace.
    """

    sweeps: int = 50
    warm_up: int = 10

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
    after: Replicas | None = None,
) -> Iterator[Replicas]:
    """Run systems of replicas and yield them every ``thin`` sweeps, and after the last.

    Parameters
    ----------
    ladder
        At least two rungs; ``steps`` of each are made in every sweep.
    kernel
        How chains move on a rung.
    initial
        Where the systems start: one design each, which all its replicas begin at.
    seed, chains
        Seed of all draws, and the numbers of the systems: a system is the same in any batch.
    sweeps
        Sweeps in all, warm-up included.
    warm_up
        The first so many sweeps tune the kernel, for each rung; then it is frozen.
    thin
        Sweeps between snapshots.
    after
        A snapshot of the same run to go on after, bit for bit.

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
    now = _begin(ladder, kernel, initial) if after is None else after
    device = initial.device
    streams = [
        uniform_steps(
            seed,
            index,
            chains,
            sweeps * rung.steps,
            kernel.draws_per_step(rung.target.space),
            device=device,
            start=now.sweep * rung.steps,
        )
        for index, rung in enumerate(ladder)
    ]
    decisions = uniform_steps(
        derive_seed(seed, "swaps"),
        0,
        chains,
        sweeps,
        len(ladder) - 1,
        device=device,
        start=now.sweep,
    )
    for uniforms in decisions:
        now = _swept(ladder, kernel, now, streams, tunes=now.sweep < warm_up)
        now = _exchanged(ladder, kernel, now, uniforms)
        if now.sweep % thin == 0 or now.sweep == sweeps:
            yield now


def swap(
    lower: Rung, upper: Rung, kernel: Kernel, below: Any, above: Any, uniforms: Scores
) -> tuple[Any, Any, Tensor, float]:
    """Return both states after proposing to swap them, who swapped, and what it cost in passes.

    ``uniforms`` has one number in [0, 1) per system. What was tuned stays on its rung.
    """
    down, cost_down = moved(kernel, upper.target, lower.target, above)
    up, cost_up = moved(kernel, lower.target, upper.target, below)
    accepted = uniforms.log() < swap_log_ratio(lower, upper, below, above, down, up)
    cost = cost_down + cost_up
    return choose(accepted, down, below), choose(accepted, up, above), accepted, cost


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
    pairs = torch.zeros(rungs - 1, dtype=torch.int64, device=initial.device)
    heading = torch.zeros_like(replicas)
    heading[:, 0] = _BOTTOM
    return Replicas(
        sweep=0,
        states=states,
        replicas=replicas,
        heading=heading,
        round_trips=torch.zeros(systems, dtype=torch.int64, device=initial.device),
        attempts=pairs,
        swaps=pairs.double(),
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
    states: list[ChainState] = []
    shares = []
    passes = now.passes
    for rung, state, stream in zip(ladder, now.states, streams, strict=True):
        took = torch.zeros((), dtype=torch.float64, device=now.accepted.device)
        for _ in range(rung.steps):
            state, info = kernel.step(rung.target, state, next(stream))  # noqa: PLW2901 - the chain goes on
            if tunes:
                state = kernel.adapt(state, info)  # noqa: PLW2901 - the next sweep goes on from it
            took += info.accepted.double().mean()
        states.append(state)
        shares.append(took)
        passes += rung.steps * kernel.passes_per_step(rung.target)
    return now._replace(
        sweep=now.sweep + 1,
        states=tuple(states),
        accepted=now.accepted + torch.stack(shares),
        passes=passes,
    )


def _exchanged(
    ladder: Sequence[Rung],
    kernel: Kernel,
    now: Replicas,
    uniforms: Float[Tensor, "systems pairs"],
) -> Replicas:
    """Return the systems after the swaps of this sweep's pairs: even ones, or odd ones."""
    states, replicas = list(now.states), now.replicas.clone()
    attempts, swaps, passes = now.attempts.clone(), now.swaps.clone(), now.passes
    for pair in range((now.sweep - 1) % 2, len(ladder) - 1, 2):
        lower, upper = ladder[pair], ladder[pair + 1]
        states[pair], states[pair + 1], accepted, cost = swap(
            lower, upper, kernel, states[pair], states[pair + 1], uniforms[:, pair]
        )
        both = replicas[:, pair : pair + 2]
        replicas[:, pair : pair + 2] = torch.where(accepted[:, None], both.flip(1), both)
        attempts[pair] += 1
        swaps[pair] += accepted.double().sum()
        passes += cost
    heading, trips = _headings(replicas, now.heading)
    return now._replace(
        states=tuple(states),
        replicas=replicas,
        heading=heading,
        round_trips=now.round_trips + trips,
        attempts=attempts,
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
