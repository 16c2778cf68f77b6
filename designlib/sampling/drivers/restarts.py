"""Annealed walks one after another, which begin at new designs and at the best found so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch

from designlib.randomness import derive_seed
from designlib.sampling.drivers.anneal import Snapshot, anneal
from designlib.sampling.drivers.archive import EliteArchive
from designlib.sampling.drivers.common import check_walk, last_of
from designlib.sampling.kernels.base import Kernel
from designlib.sampling.ladders.base import Rung
from designlib.types import Designs, InputError

__all__ = ["Cycle", "restarts"]


class Cycle(NamedTuple):
    """What one walk of all chains has led to; with it the next ones can be taken up.

    Attributes
    ----------
    cycle
        Number of the walk, from 0.
    snapshots
        The chains at the end of the walk: those that began at new designs, and those that began
        at elites where there were any.
    archive
        The best designs of all walks so far, by the last rung's score.
    passes
        Forward and backward passes that each chain has cost so far, on average.
    """

    cycle: int
    snapshots: tuple[Snapshot, ...]
    archive: EliteArchive
    passes: float


def restarts(
    ladder: Sequence[Rung],
    kernel: Kernel,
    fresh: Callable[[int], Designs],
    seed: int,
    chains: Sequence[int],
    *,
    cycles: int,
    archive: EliteArchive,
    elite_share: float = 0.5,
    entry_rung: int = 0,
    warm_up: int = 0,
    after: Cycle | None = None,
) -> Iterator[Cycle]:
    """Walk the ladder ``cycles`` times and yield the archive of the best after each walk.

    A share of the chains begins at the best designs of the archive and enters the ladder at
    ``entry_rung``, the others begin at new designs on the first rung. The archive is that of
    these chains together, so a batch of chains is the unit that must not be divided.

    Parameters
    ----------
    ladder, kernel, seed, chains, warm_up
        As for `designlib.sampling.drivers.anneal`; every cycle has a seed of its own.
    fresh
        Gives one new feasible design per chain, from the number of the cycle.
    cycles
        Number of walks.
    archive
        Where to begin, which may be empty; its capacity bounds the memory.
    elite_share, entry_rung
        Share of the chains, from 0 to 1, that begin at elites, and where.
    after
        A cycle of the same run to go on after, bit for bit.

    Raises
    ------
    InputError
        A number out of range or another number of new designs than of chains; what the walks raise.
    """
    if cycles < 1 or not 0 <= elite_share <= 1:
        raise InputError(
            f"cycles >= 1 and elite_share from 0 to 1 are needed, not {cycles} and {elite_share:g}"
        )
    first, passes = (0, 0.0) if after is None else (after.cycle + 1, after.passes)
    archive = archive if after is None else after.archive
    for cycle in range(first, cycles):
        starts = fresh(cycle)
        check_walk(ladder, starts, chains)
        walk_seed = derive_seed(seed, "cycle", cycle)
        elites = round(elite_share * len(chains)) if len(archive) else 0
        groups = [(starts[: len(chains) - elites], chains[: len(chains) - elites], 0)]
        if elites:
            again = archive.designs[torch.arange(elites) % len(archive)].to(starts.device)
            groups.append((again, chains[len(chains) - elites :], entry_rung))
        snapshots = tuple(
            last_of(anneal(ladder, kernel, designs, walk_seed, numbers, rung, warm_up=warm_up))
            for designs, numbers, rung in groups
            if len(designs)
        )
        for snapshot in snapshots:
            archive = archive.add(snapshot.designs, snapshot.value)
        cost = sum(snapshot.passes * len(snapshot.designs) for snapshot in snapshots)
        passes += cost / len(chains)
        yield Cycle(cycle, snapshots, archive, passes)
