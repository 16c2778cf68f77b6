"""Ways to propose the next batch of a simulated campaign: this project's, and what it is beside."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd
import torch
from jaxtyping import Shaped
from torch import Tensor

from designlib.benchmarks.loops.ensembles import Ensemble, EnsembleConfig
from designlib.benchmarks.loops.known import Known, keys_of
from designlib.benchmarks.loops.loops import Loop
from designlib.benchmarks.methods import Method, Setting
from designlib.benchmarks.problems import Problem
from designlib.config import SelectionConfig
from designlib.constraints import feasible_starts
from designlib.randomness import derive_seed, torch_generator
from designlib.sampling.drivers import EliteArchive, anneal
from designlib.sampling.kernels import Crossover, GibbsWithGradients, Kernel
from designlib.sampling.ladders import elite_entry_rung, trajectory_ladder
from designlib.selection import acquisition, select_batch
from designlib.spaces import SequenceSpace
from designlib.types import Designs, Scores

__all__ = ["GuidedSearch", "MeasuredSearch", "TrajectoryLoop"]

_PREDICTORS = EnsembleConfig()
_REFERENCE = 128
_SEARCHES = 8
"""Most searches for one batch."""


@dataclass(frozen=True)
class TrajectoryLoop(Loop):
    """Chains walk along the training of an ensemble, as in a campaign.

    Most of them begin at the best designs known, where these stand out on the ladder, the others
    at random ones; in groups of ``crossover`` chains, into which both must divide, they exchange
    segments where that is not 0.
    They walk again where most of what they visit is known already. The batch is chosen from where
    they were at the end of any rung: by mean less some spreads of
    the members, designs at least ``min_distance`` sites apart as far as there are enough of them.
    """

    predictors: EnsembleConfig | None = _PREDICTORS
    chains: int = 128
    elite_share: float = 0.75
    elites: int = 64
    steps_per_rung: int = 2
    final_steps: int = 10
    sharpness: float = 6.0
    crossover: int = 16
    std_weight: float = 0.1
    min_distance: int = 2
    shortlist_batches: float = 2.5

    @property
    def name(self) -> str:
        """What tables call it."""
        return "this project"

    def propose(
        self, problem: Problem, known: Known, ensemble: Ensemble | None, batch: int, seed: int
    ) -> Designs:
        """Return a diverse batch of what the chains have visited."""
        assert ensemble is not None  # noqa: S101 - it has predictors
        reference = _starts(problem, _REFERENCE, seed, "reference")
        ladder = trajectory_ladder(
            ensemble.checkpoints(), problem.space, reference, steps=self.steps_per_rung,
            final_steps=self.final_steps, sharpness=self.sharpness, constraint=problem.constraint,
        )  # fmt: skip
        elites = known.best(self.elites)
        entry = elite_entry_rung(ladder, elites, reference)
        at_elites = round(self.elite_share * self.chains)
        groups = [
            (0, elites[torch.arange(at_elites) % len(elites)], entry),
            (at_elites, _starts(problem, self.chains - at_elites, seed, "starts"), 0),
        ]
        pool = known.designs[:0]
        for walk in range(_SEARCHES):
            visited = [
                snapshot.designs
                for first, starts, rung in groups
                if len(starts)
                for snapshot in anneal(
                    ladder, self._kernel(), starts, derive_seed(seed, "walk", walk),
                    range(first, first + len(starts)), rung,
                )
            ]  # fmt: skip
            pool = known.new(torch.cat([pool, *visited]))
            if len(pool) >= self.shortlist_batches * batch:
                break
        return self._choose(problem, pool, ensemble, batch)

    def _kernel(self) -> Kernel:
        local = GibbsWithGradients()
        return Crossover(local, self.crossover) if self.crossover else local

    def _choose(
        self, problem: Problem, pool: Designs, ensemble: Ensemble, batch: int
    ) -> Shaped[Tensor, "chosen columns"]:
        scores = ensemble.predict(pool).numpy()
        spread = scores.std(0, ddof=1) if len(scores) > 1 else 0 * scores[0]
        ranked = acquisition(scores.mean(0), spread, std_weight=self.std_weight, maximise=True)
        space = problem.space
        assert isinstance(space, SequenceSpace)  # noqa: S101 - checked at the start
        frame = pd.DataFrame(
            {"design": space.decode(pool), "acquisition": ranked, "rejected_because": ""}
        )
        config = SelectionConfig(
            batch_size=batch,
            min_distance=self.min_distance,
            shortlist_batches=self.shortlist_batches,
        )
        chosen = select_batch(frame, space, config, both_strands=False)
        return space.encode(chosen.frame["design"].tolist())


@dataclass(frozen=True)
class GuidedSearch(Loop):
    """A method searches the mean of an ensemble from the best designs known.

    The best by prediction of what it finds are proposed; it searches again where most of that is
    known already. So AdaLead is published, with a model that
    is trained anew in each round.
    """

    method: Method
    predictors: EnsembleConfig | None = _PREDICTORS
    budget: int = 12
    found: int = 1000
    """Designs that the search returns; those that are known already are left out."""

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"{self.method.name}, guided by a predictor"

    def propose(
        self, problem: Problem, known: Known, ensemble: Ensemble | None, batch: int, seed: int
    ) -> Designs:
        """Return the best by prediction of what the search has found."""
        assert ensemble is not None  # noqa: S101 - it has predictors
        best = known.best(self.found)
        setting = Setting(
            problem.space, problem.constraint, [ensemble.trained()],
            _starts(problem, _REFERENCE, seed, "reference"),
            lambda n, _: best[torch.arange(n) % len(best)],
        )  # fmt: skip
        found = EliteArchive(max(self.found, batch))
        for search in range(_SEARCHES):
            seed_of_search = derive_seed(seed, "search", search)
            outcome = self.method.run(setting, self.found, self.budget, seed_of_search)
            new = known.new(outcome.designs)
            if len(new):
                found = found.add(new, setting.score(new))
            if len(found) >= batch:
                break
        return found.designs[:batch] if len(found) else known.designs[:0]


@dataclass(frozen=True)
class MeasuredSearch(Loop):
    """A method evolves designs by their measurements alone, one generation a round.

    Nothing is predicted: the population are the best designs known, and what is measured are
    their children.
    """

    method: Method
    predictors: EnsembleConfig | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.method.name

    def propose(
        self,
        problem: Problem,
        known: Known,
        ensemble: Ensemble | None,  # noqa: ARG002 - nothing is predicted
        batch: int,
        seed: int,
    ) -> Designs:
        """Return the children of a generation, of several where most are known already."""
        best = known.best(batch)
        values = dict(zip(keys_of(known.designs), known.values, strict=True))
        children: list[Tensor] = []

        def told(relaxed: Tensor) -> Scores:
            """Return what is known; of a child nothing is."""
            designs = relaxed.argmax(-1)
            children.append(designs)
            return torch.stack([values.get(key, _UNKNOWN) for key in keys_of(designs)])

        fresh = best[:0]
        for generation in range(_GENERATIONS):
            setting = Setting(
                problem.space, problem.constraint, [told], best[:2], lambda n, _: best[:n]
            )
            self.method.run(setting, len(best), 2, derive_seed(seed, "generation", generation))
            fresh = known.new(torch.cat(children))
            if len(fresh) >= batch:
                break
        return fresh[:batch]


_GENERATIONS = 20
_UNKNOWN = torch.tensor(-1e9, dtype=torch.float64)


def _starts(problem: Problem, n: int, seed: int, purpose: str) -> Designs:
    generator = torch_generator(seed, purpose)
    if problem.constraint is None or n == 0:
        return problem.space.random(n, generator)
    return feasible_starts(problem.space, problem.constraint, n, generator)
