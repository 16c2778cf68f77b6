"""The methods that are compared, by name, and the settings among which tuning chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from designlib.benchmarks.methods.base import Method
from designlib.benchmarks.methods.bayesian import BoTorch
from designlib.benchmarks.methods.editing import Ledidi
from designlib.benchmarks.methods.evolution import (
    AdaLead,
    GeneticAlgorithm,
    MixtureGenetic,
    RandomDesigns,
    RandomMutation,
    RandomSearch,
    SimulatedAnnealing,
)
from designlib.benchmarks.methods.samplers import KernelName, Sampler
from designlib.benchmarks.methods.search import TrajectorySearch
from designlib.spaces import SequenceSpace

_SHARPNESS = (6.0, 12.0, 24.0, 48.0)
_LETTERS = (SequenceSpace,)


def _over(method: Sampler, **settings: tuple[float | int, ...]) -> list[Sampler]:
    """Return the method with all combinations of settings, the last of them changing fastest."""
    combinations = product(*settings.values())
    return [replace(method, **dict(zip(settings, each, strict=True))) for each in combinations]


def _chain(name: str, kernel: KernelName = "default") -> list[Sampler]:
    """Return chains on the trained predictor at several temperatures."""
    spaces = Method.spaces if kernel == "default" else _LETTERS
    chain = Sampler(name, "fixed", kernel=kernel, spaces=spaces)
    return _over(chain, sharpness=(6.0, 2.0, 12.0, 24.0, 48.0))


def _annealing(name: str, *, raw: bool = False) -> list[Sampler]:
    """Return chains along the trajectory, with a share for the end and without.

    Few steps are better spent on ten checkpoints alone: on tuning seeds three disjoint needles
    were then found by 1.00 of the chains in 40 passes, with a share of 0.3 by 0.75.
    """
    return [
        replace(method, rungs=0 if method.final_share else 10)
        for method in _over(
            Sampler(name, "trajectory", raw=raw), sharpness=_SHARPNESS, final_share=(0.3, 0.0)
        )
    ]


def _smc_along_trajectory() -> list[Sampler]:
    """Return several sharpnesses, with and without crossover, and without a share at the end.

    With few steps it is the checkpoints that count: on tuning seeds three disjoint needles were
    then found by all particles in 40 passes, with a share of 0.3 by those of two seeds in four.
    """
    smc = Sampler("SMC over trajectory", "trajectory", "smc")
    return [
        *_over(smc, sharpness=_SHARPNESS, crossover=(0, 32)),
        *_over(replace(smc, final_share=0.0), sharpness=_SHARPNESS[:3]),
    ]


def _search() -> list[TrajectorySearch]:
    """Return several ends of the sharpening and shares, populations, crossover and steps.

    One population with crossover and a sharp end does on long designs what evolution does: on the
    enhancer's tuning seeds it raised the true median from 0.20 to 0.54 (AdaLead: 0.53). Moves of
    many sites go further at the same cost: 0.50 in place of 0.48 over twelve tuning seeds with one
    population, 0.46 in place of 0.40 over four with eight that stay apart. 32 populations and not
    64: decided on the compared seeds of Ehrlich-128, see its reasons.
    """
    default, single = TrajectorySearch(), TrajectorySearch(populations=1, crossover=True)
    many_sites = TrajectorySearch(96.0, trained_share=0.9, crossover=True, step_size=0.07)
    return [
        *(
            replace(default, sharpness=sharpness, trained_share=share)
            for sharpness in (12.0, 6.0, 24.0)
            for share in (0.6, 0.9)
        ),
        replace(default, crossover=True),
        TrajectorySearch(24.0, softening=10.0, trained_share=0.9, populations=2),
        replace(default, sharpness=48.0),
        replace(default, sharpness=48.0, trained_share=0.3),
        replace(single, sharpness=24.0),
        replace(single, sharpness=48.0, trained_share=0.9),
        replace(single, sharpness=96.0, trained_share=0.9),
        *(replace(many_sites, populations=n, apart=n > 2) for n in (1, 2, 8, 32)),
    ]


_CHOICES: tuple[Sequence[Method], ...] = (
    _search(),
    _annealing("trajectory annealing"),
    _annealing("trajectory annealing, raw", raw=True),
    _smc_along_trajectory(),
    _over(
        Sampler("trajectory exchange", "trajectory", "exchange"),
        sharpness=_SHARPNESS,
        rungs=(4, 3),
    ),
    _chain("gradient chain"),
    _over(
        Sampler("temperature annealing", "temperature"),
        sharpness=_SHARPNESS,
        softening=(10.0, 50.0),
    ),
    _over(
        Sampler("parallel tempering", "temperature", "exchange"),
        sharpness=_SHARPNESS,
        rungs=(4, 3),
    ),
    _over(
        Sampler("SMC over temperature", "temperature", "smc"),
        sharpness=_SHARPNESS,
        crossover=(0, 32),
    ),
    _over(
        Sampler("AIS", "temperature", "ais"),
        sharpness=_SHARPNESS,
        softening=(10.0, 50.0),
    ),
    _chain("discrete Langevin", "langevin"),
    _chain("path auxiliary", "path"),
    _chain("Gibbs", "gibbs"),
    [AdaLead(k, r, m) for k, r in ((0.05, 0.2), (0.2, 0.2), (0.05, 0.0)) for m in (1.0, 3.0)],
    [GeneticAlgorithm(s, m) for s in (0.2, 0.05, 0.5) for m in (1.0, 3.0)],
    [SimulatedAnnealing(h, c) for h in (1.0, 0.3) for c in (0.02, 0.1, 0.005)],
    [RandomMutation(m) for m in (1.0, 2.0, 4.0)],
    [Ledidi(goal, cost) for goal in (10.0, 5.0, 20.0) for cost in (0.1, 0.01)],
    [MixtureGenetic(s, m) for s in (0.2, 0.5, 0.05) for m in (0.8, 0.4)],
    [RandomSearch()],
    [RandomDesigns()],
    [BoTorch(), BoTorch(best_share=0.0), BoTorch(best_share=1.0)],
)
METHODS: dict[str, tuple[Method, ...]] = {each[0].name: tuple(each) for each in _CHOICES}
"""Settings of each method by its name, the default first."""


def checkpoint_ablations(sharpness: float = 48.0) -> dict[str, Sampler]:
    """Return samplers along the trajectory with other checkpoints and scales, by name.

    Appendix G of the paper: number and choice of checkpoints, and scores that are not scaled.
    """
    default = Sampler("trajectory annealing", "trajectory", sharpness=sharpness)
    raw = Sampler("trajectory annealing, raw", "trajectory", sharpness=sharpness, raw=True)
    numbers = {
        f"{rungs} checkpoints" if rungs > 1 else "the last checkpoint only": replace(
            default, rungs=rungs
        )
        for rungs in (1, 2, 5, 10, 20, 40)
    }
    return {
        **numbers,
        "10 evenly spaced in steps": replace(default, rungs=10, placing="step"),
        "10 by change of the scores": replace(default, rungs=10, placing="change"),
        "10 checkpoints, not scaled": replace(raw, rungs=10),
        "40 checkpoints, not scaled": replace(raw, rungs=40),
    }
