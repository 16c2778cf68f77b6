"""Starting from the best measured designs instead of random ones."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Shaped
from torch import Tensor

from designlib.benchmarks.methods.base import Setting
from designlib.constraints import Constraint
from designlib.sampling.ladders import elite_entry_rung, trajectory_ladder
from designlib.types import Designs, InputError, Scores

__all__ = ["best_measured", "from_elites"]

Measured = Shaped[Tensor, "measured columns"]


def best_measured(
    designs: Measured, values: Scores, constraint: Constraint | None, most: int
) -> Shaped[Tensor, "elites columns"]:
    """Return the best feasible measured designs, best first; fewer than ``most`` if there are."""
    if constraint is not None:
        feasible = constraint.satisfied(designs)
        designs, values = designs[feasible], values[feasible]
    return designs[values.argsort(descending=True, stable=True)[:most]]


def from_elites(setting: Setting, elites: Shaped[Tensor, "elites columns"]) -> Setting:
    """Return the setting with chains that start from the elites, each of them equally often.

    Methods along the trajectory enter it where the elites stand out from then on, since earlier
    checkpoints would wash out what the elites have.

    Raises InputError for no elites.
    """
    if not len(elites):
        raise InputError("there is no feasible measured design to start from")

    def start(n: int, generator: torch.Generator) -> Designs:
        order = torch.randperm(n, generator=generator)
        return elites[order % len(elites)]

    ladder = trajectory_ladder(
        setting.checkpoints, setting.space, setting.reference, steps=1,
        constraint=setting.constraint, dtype=setting.dtype,
        labels=[str(index) for index in range(len(setting.checkpoints))],
    )  # fmt: skip
    entry = int(ladder[elite_entry_rung(ladder, elites, setting.reference)].label)
    return replace(setting, start=start, entry_rung=entry)
