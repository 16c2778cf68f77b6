"""Designs that chains start at, and those that checkpoints are compared on."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

from designlib.config import SamplingConfig
from designlib.constraints import Constraint, feasible_starts
from designlib.randomness import torch_generator
from designlib.sampling.sampler import choose_sampler
from designlib.spaces import DesignSpace, SequenceSpace
from designlib.types import Designs

__all__ = ["Starts", "choose_starts", "reference_designs"]

_REFERENCE_DESIGNS = 512


class Starts(NamedTuple):
    """Where every chain starts."""

    designs: Designs
    elite: Bool[Tensor, "designs"]
    """Whether the chain starts at a measured design; elites come last."""


def reference_designs(
    space: DesignSpace,
    constraint: Constraint | None,
    seed: int,
    measured: Shaped[Tensor, "measured columns"] | None = None,
) -> Designs:
    """Return random feasible designs over which the spread of each checkpoint is measured.

    Feasible ``measured`` compositions are used where no random ones are found, as when designs are
    to stay near them.
    """
    seeds = None if isinstance(space, SequenceSpace) else measured
    return _random_designs(space, constraint, _REFERENCE_DESIGNS, seed, "reference", seeds)


def choose_starts(
    space: DesignSpace,
    constraint: Constraint | None,
    config: SamplingConfig,
    elites: Shaped[Tensor, "elites columns"],
    seed: int,
) -> Starts:
    """Return random starts, then elite ones, for all chains.

    ``elites`` are feasible measured designs, best first; the best ones are used, and used again
    from the best on where there are fewer than elite chains. Without any, and for SMC, all starts
    are random; the elites then only help where random feasible designs cannot be found.
    """
    by_smc = choose_sampler(config, space).driver == "smc"
    wanted = 0 if by_smc or not len(elites) else round(config.elite_share * config.chains)
    random = _random_designs(
        space, constraint, config.chains - wanted, seed, "starts", elites if len(elites) else None
    )
    chosen = elites[torch.arange(wanted) % max(1, len(elites))]
    is_elite = torch.arange(config.chains) >= config.chains - wanted
    return Starts(torch.cat([random, chosen]), is_elite)


def _random_designs(
    space: DesignSpace,
    constraint: Constraint | None,
    n: int,
    seed: int,
    purpose: str,
    seeds: Shaped[Tensor, "seeds columns"] | None,
) -> Designs:
    generator = torch_generator(seed, purpose)
    if constraint is None or n == 0:
        return space.random(n, generator)
    return feasible_starts(space, constraint, n, generator, seeds)
