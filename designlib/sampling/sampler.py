"""How the designs of a space are sampled: the driver, the kernel, and the space of the chains."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from designlib.config import SamplingConfig
from designlib.sampling.kernels.base import MetropolisKernel
from designlib.sampling.kernels.gibbs_with_gradients import GibbsWithGradients
from designlib.sampling.kernels.mixed import MixedKernel
from designlib.sampling.kernels.simplex_langevin import SimplexLangevin
from designlib.sampling.kernels.transfer import MOST_MOVES, GridTransfer
from designlib.spaces import DesignSpace, MixedSpace, SequenceSpace, SimplexSpace
from designlib.types import Designs

__all__ = ["Sampler", "choose_sampler"]

_WARM_UP = 4


class Sampler(BaseModel):
    """How the designs of one space are drawn: by which driver, and where chains move."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    driver: Literal["anneal", "smc"]
    moves: Literal["letters", "grid", "continuous", "variables"]
    """How a composition moves, if there is one; variables where there is none."""
    variables: bool = False
    """Whether there are quantities or choices, which a kernel for each part moves."""

    @property
    def label(self) -> str:
        """What tables and pages call it."""
        driver = {"anneal": "annealing", "smc": "SMC"}[self.driver]
        beside = (
            ", variables by kernels of their own"
            if self.variables and self.moves != "variables"
            else ""
        )
        return f"trajectory {driver}, {_MOVES[self.moves]}{beside}"

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
        if self.variables:
            return MixedKernel()
        return {
            "letters": GibbsWithGradients, "grid": GridTransfer, "continuous": SimplexLangevin,
        }[self.moves]()  # fmt: skip

    def written(self, space: DesignSpace, designs: Designs) -> list[str]:
        """Return designs of chains as text, shares and quantities in their steps."""
        if not isinstance(space, SequenceSpace):
            designs = space.on_grid(designs)
        return space.decode(designs)


_MOVES = {
    "letters": "Gibbs with gradients",
    "grid": "Gibbs with gradients on transfers",
    "continuous": "simplex Langevin",
    "variables": "a kernel for each kind of variable",
}


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
    transfers = composition.columns**2 * (composition.parts or MOST_MOVES)
    moves = "grid" if transfers <= MOST_MOVES else "continuous"
    if config.composition_moves != "auto":
        moves = config.composition_moves
    return Sampler(driver=driver, moves=moves, variables=variables)
