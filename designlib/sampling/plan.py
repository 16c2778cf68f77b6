"""The plan of a sampling run: how chains move, where they start, and along which ladders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Bool, Shaped
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from designlib.config import SamplingConfig
from designlib.constraints import Constraint, feasible_starts
from designlib.predictors import Trajectory
from designlib.randomness import torch_generator
from designlib.sampling.kernels import (
    GibbsWithGradients,
    GridTransfer,
    MetropolisKernel,
    MixedKernel,
    SimplexLangevin,
)
from designlib.sampling.kernels.transfer import MOST_MOVES
from designlib.sampling.ladders import (
    LadderKind,
    Rung,
    RungPlan,
    ScoreAt,
    build_ladder,
    elite_entry_rung,
    ladder_kind,
    plan_trajectory,
    rescaled,
)
from designlib.spaces import (
    DesignSpace,
    MixedSpace,
    SequenceSpace,
    SimplexSpace,
    Space,
    widened,
)
from designlib.types import Designs

REFERENCE_DESIGNS = 512
"""Enough to estimate the standard deviation of a score to 3 %."""

_WARM_UP = 4

_MOVES: Mapping[str, tuple[str, type[MetropolisKernel[Any, Any]]]] = MappingProxyType(
    {
        "letters": ("Gibbs with gradients", GibbsWithGradients),
        "grid": ("Gibbs with gradients on transfers", GridTransfer),
        "continuous": ("simplex Langevin", SimplexLangevin),
        "variables": ("a kernel for each kind of variable", MixedKernel),
    }
)


class Sampler(BaseModel):
    """How the designs of one space are drawn: by which driver, and where chains move."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    driver: Literal["anneal", "smc"]
    moves: Literal["letters", "grid", "continuous", "variables"]
    """How a composition moves, if there is one; variables where there is none."""
    variables: bool = False
    """Whether there are quantities or choices, for which each subspace has its own kernel."""

    @property
    def label(self) -> str:
        """What tables and pages call it."""
        driver = {"anneal": "annealing", "smc": "SMC"}[self.driver]
        both = self.variables and self.moves != "variables"
        beside = ", variables by kernels of their own" if both else ""
        return f"trajectory {driver}, {_MOVES[self.moves][0]}{beside}"

    @property
    def exactness(self) -> str:
        """What may be said of the designs that it draws."""
        return {
            "anneal": "search heuristic: end states of short walks, not exact draws",
            "smc": "sequential Monte Carlo: consistent as the particles of a population grow",
        }[self.driver]

    @property
    def warm_up(self) -> int:
        """Further steps on each rung that tune the kernel, where it has a step size to tune."""
        return _WARM_UP if self.variables or self.moves == "continuous" else 0

    def chain_space(self, space: DesignSpace) -> DesignSpace:
        """Return the space that chains move in, for the space of the written designs."""
        if self.moves != "continuous" or isinstance(space, SequenceSpace):
            return space
        free = SimplexSpace(space.components)
        return space.walked(free) if isinstance(space, MixedSpace) else free

    def kernel(self) -> MetropolisKernel[Any, Any]:
        """Return a new kernel for the space that chains move in."""
        return MixedKernel() if self.variables else _MOVES[self.moves][1]()

    def written(self, space: DesignSpace, designs: Designs) -> list[str]:
        """Return designs of chains as text, shares and quantities in their steps."""
        if not isinstance(space, SequenceSpace):
            designs = space.on_grid(designs)
        return space.decode(designs)


def choose_sampler(config: SamplingConfig, space: DesignSpace) -> Sampler:
    """Return how designs of a space are drawn, with what the configuration leaves open decided.

    Compositions move on their grid as long as every transfer can be weighed in each step.
    """
    if isinstance(space, SequenceSpace):
        return Sampler(driver="smc" if config.driver == "smc" else "anneal", moves="letters")
    driver = "anneal" if config.driver == "anneal" else "smc"
    variables = isinstance(space, MixedSpace)
    composition = space.composition if isinstance(space, MixedSpace) else space
    if composition is None:
        return Sampler(driver=driver, moves="variables", variables=True)
    transfers = composition.columns**2 * (composition.grid_steps or MOST_MOVES)
    moves = "grid" if transfers <= MOST_MOVES else "continuous"
    if config.composition_moves != "auto":
        moves = config.composition_moves
    return Sampler(driver=driver, moves=moves, variables=variables)


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
    """Return random feasible designs over which each checkpoint's score is standardised.

    Feasible ``measured`` compositions are used where no random ones are found, as when designs are
    to stay near them.
    """
    seeds = None if isinstance(space, SequenceSpace) else measured
    return _random_designs(space, constraint, REFERENCE_DESIGNS, seed, "reference", seeds)


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


class SamplingPlan(BaseModel):
    """Ladders, sampler and entry rung of a sampling run, without designs and networks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ladders: tuple[tuple[RungPlan, ...], ...] = Field(min_length=1)
    """The rungs of one ladder for each score that chains follow; blocks take turns on them."""
    elite_entry_rung: int
    """Rung at which chains from measured designs begin."""
    sampler: Sampler
    kind: LadderKind

    @property
    def rungs(self) -> tuple[RungPlan, ...]:
        """The first ladder; the others have the same checkpoints and steps."""
        return self.ladders[0]


def plan_sampling(
    members: Sequence[Trajectory],
    scores: Sequence[ScoreAt],
    space: DesignSpace,
    constraint: Constraint,
    measured: Shaped[Tensor, "measured columns"],
    config: SamplingConfig,
    seed: int,
    device: torch.device | str = "cpu",
) -> tuple[SamplingPlan, Starts]:
    """Return the plan of a sampling run and the designs that its chains start at.

    ``scores`` are those that chains follow, ``measured`` the measured designs, best first; the
    feasible ones among them serve as elites. ``constraint`` is one on ``space``, the space of
    written designs. The entry rung is the first on which the elites stand out by every score.

    Raises InputError where the members do not match, where no checkpoint tells designs apart, and
    where no feasible designs are found.
    """
    feasible = measured[constraint.satisfied(measured)]
    elites = widened(feasible[: max(1, round(config.elite_share * config.chains))])
    reference = reference_designs(space, constraint, seed, feasible)
    first = plan_trajectory(
        members,
        reference,
        sharpness=config.sharpness,
        steps_per_rung=config.steps_per_rung,
        final_steps=config.final_steps,
        choice=config.rung_choice,
        rungs=config.rungs,
        device=device,
        score=scores[0],
    )
    others = [rescaled(first, members, reference, score, device) for score in scores[1:]]
    plan = SamplingPlan(
        ladders=tuple(tuple(rungs) for rungs in (first, *others)),
        elite_entry_rung=0,
        sampler=choose_sampler(config, space),
        kind=ladder_kind(first, members),
    )
    starts = choose_starts(space, constraint, config, elites, seed)
    if not bool(starts.elite.any()):
        return plan, starts
    ladders = build_ladders(plan, members, scores, constraint, device)
    near, usual = elites.to(device), reference.to(device)
    entry = max(elite_entry_rung(ladder, near, usual) for ladder in ladders)
    return plan.model_copy(update={"elite_entry_rung": entry}), starts


def build_ladders(
    plan: SamplingPlan,
    members: Sequence[Trajectory],
    scores: Sequence[ScoreAt],
    constraint: Constraint,
    device: torch.device | str = "cpu",
    space: Space | None = None,
) -> list[list[Rung]]:
    """Return the ladders of a plan, their networks on ``device``; see `build_ladder`.

    Raises ValueError where there is another number of scores than of ladders.
    """
    return [
        build_ladder(members, rungs, constraint, device, space, score)
        for rungs, score in zip(plan.ladders, scores, strict=True)
    ]
