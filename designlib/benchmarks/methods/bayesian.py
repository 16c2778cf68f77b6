r"""Bayesian optimisation: a Gaussian process on the measured designs, and Thompson sampling.

BoTorch (Balandat et al., NeurIPS 2020) has no use for the predictor: it fits a surrogate of its own
to the designs that the predictor learned from. For a batch of n designs n functions are drawn from
its posterior by pathwise conditioning (Wilson et al., ICML 2020), each a function that can be
evaluated anywhere, and every design maximises one of them.

The budget counts evaluations of these functions: as many for a design as another method may ask
the predictor, a gradient again as two more. Fitting the Gaussian process is not counted, as the
training of the predictor is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from designlib.benchmarks.methods.base import (
    EVALUATIONS_PER_PASS,
    BudgetError,
    Method,
    Outcome,
    Setting,
    best_measured,
)
from designlib.benchmarks.methods.evolution import made_feasible
from designlib.constraints import AllOf, nearest_points
from designlib.randomness import derive_seed, torch_generator
from designlib.spaces import BoxSpace, SimplexSpace
from designlib.types import InputError, Points, Scores

_LEAST = 8
_CHUNK = 32
_RATE = 0.02
"""Step of the ascent, as a part of the widest variable's range."""

_FIT_STEPS = 100

Paths = Callable[[Float[Tensor, "designs points columns"]], Float[Tensor, "designs points"]]
"""One function per design: the points of row i go to function i alone; one row goes to all."""


@dataclass(frozen=True)
class BoTorch(Method):
    """Parallel Thompson sampling on a Gaussian process (BoTorch's SingleTaskGP).

    Half of the budget looks for a start: the best measured designs and random ones, as many of
    each; the other half climbs from there, every step moved back into the feasible set.

    Attributes
    ----------
    rows
        Largest number of measured designs that the Gaussian process is fitted to, since its cost
        grows with their third power.
    best_share
        Share of these that are the best by their values; the rest are drawn from the others.
    """

    name: str = field(default="BoTorch", init=False, repr=False)
    spaces = (BoxSpace, SimplexSpace)
    package = "botorch"
    rows: int = 400
    best_share: float = 0.5

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return a maximum of one posterior draw for each design.

        The evaluations are those of the draws; ``value`` is the trained predictor's, as ever.
        """
        self.require(setting)
        if setting.measured is None:
            raise InputError(f"{self.name} needs measured designs with their values")
        if budget < _LEAST:
            raise BudgetError(self.name, _LEAST, budget)
        measured, values = setting.measured()
        measured, values = measured.double(), values.double()
        kept = self._kept(values, torch_generator(seed, self.name, "rows"))
        paths = _posterior_draws(
            measured[kept], values[kept], setting, designs, derive_seed(seed, self.name, "draws")
        )
        tried = budget // 2
        pool = torch.cat(
            [
                best_measured(measured, values, setting.constraint, tried // 2),
                setting.start(tried - tried // 2, torch_generator(seed, "starts")).double(),
            ]
        )
        # One evaluation is kept for what the climb ends in, once it is on the grid.
        steps = (budget - len(pool) - 1) // EVALUATIONS_PER_PASS
        starts, height = _best_of(paths, pool)
        reach = float((measured.amax(0) - measured.amin(0)).max())
        ends = made_feasible(setting, _climbed(paths, starts, setting, reach, steps), starts)
        with torch.no_grad():
            higher = paths(ends[:, None])[:, 0] > height
        found = torch.where(higher[:, None], ends, starts)
        spent = designs * (len(pool) + EVALUATIONS_PER_PASS * steps + 1)
        return Outcome(found, setting.score(found), float(spent))

    def _kept(self, values: Scores, generator: torch.Generator) -> Tensor:
        """Return the rows that the Gaussian process sees."""
        order = values.argsort(descending=True, stable=True)
        best = min(len(order), round(self.rows * self.best_share))
        others = order[best:][torch.randperm(len(order) - best, generator=generator)]
        return torch.cat([order[:best], others[: self.rows - best]])


def _posterior_draws(
    designs: Points, values: Scores, setting: Setting, draws: int, seed: int
) -> Paths:
    """Return functions drawn from the posterior of a Gaussian process fitted to the designs."""
    # BoTorch takes seconds to import, and is not installed everywhere.
    from botorch.fit import fit_gpytorch_mll  # pyright: ignore[reportMissingImports] - an extra
    from botorch.models import SingleTaskGP  # pyright: ignore[reportMissingImports] - an extra
    from botorch.models.transforms import Normalize  # pyright: ignore[reportMissingImports] - an extra
    from botorch.optim.fit import fit_gpytorch_mll_torch  # pyright: ignore[reportMissingImports] - an extra
    from botorch.sampling.pathwise import draw_matheron_paths  # pyright: ignore[reportMissingImports] - an extra
    from botorch.utils.sampling import manual_seed  # pyright: ignore[reportMissingImports] - an extra
    from gpytorch.mlls import ExactMarginalLogLikelihood  # pyright: ignore[reportMissingImports] - an extra

    # Shares are on one scale already, and some are 0 in all rows.
    scaling = Normalize(designs.shape[1]) if isinstance(setting.space, BoxSpace) else None
    # It draws from torch's global generator, which is put back.
    with manual_seed(seed):
        model = SingleTaskGP(designs, values[:, None], input_transform=scaling)
        likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
        options: dict[str, int] = {"step_limit": _FIT_STEPS}
        fit_gpytorch_mll(likelihood, optimizer=fit_gpytorch_mll_torch, optimizer_kwargs=options)
        model.requires_grad_(requires_grad=False)
        return draw_matheron_paths(model, torch.Size([draws]))


def _best_of(paths: Paths, pool: Float[Tensor, "pool variables"]) -> tuple[Points, Scores]:
    """Return for each function the best point of a pool, and its value."""
    with torch.no_grad():
        values = torch.cat([paths(part[None]) for part in pool.split(_CHUNK)], 1)
    best = values.max(1)
    return pool[best.indices], best.values


def _climbed(paths: Paths, starts: Points, setting: Setting, reach: float, steps: int) -> Points:
    """Return where projected gradient ascent (Adam) ends, one point on each function."""
    constraint = setting.constraint or AllOf(setting.space, [])
    points = starts.clone().requires_grad_()
    optimiser = torch.optim.Adam([points], lr=_RATE * reach, maximize=True)
    for _ in range(steps):
        optimiser.zero_grad()
        paths(points[:, None]).sum().backward()
        optimiser.step()
        with torch.no_grad():
            points.copy_(nearest_points(setting.space, constraint, points))
    return points.detach()
