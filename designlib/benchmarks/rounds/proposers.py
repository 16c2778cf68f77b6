"""Ways to propose the next batch of a campaign: this project's, and those it is compared with."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd
import torch
from torch import Tensor

from designlib.benchmarks.methods import Method, Setting
from designlib.benchmarks.rounds.campaign import (
    Proposer,
    Round,
    RoundTraining,
    keys_of,
    sequences_of,
)
from designlib.config import SamplingConfig, SelectionConfig
from designlib.constraints import AllOf, feasible_starts
from designlib.randomness import derive_seed, torch_generator
from designlib.sampling import plan_sampling
from designlib.sampling.drivers import EliteArchive
from designlib.sampling.ladders import mean_score
from designlib.sampling.run import SamplingRun
from designlib.selection import Predictors, acquisition, select_batch, standard_deviation
from designlib.types import Designs, Scores

_PREDICTORS = RoundTraining()
_REFERENCE = 128
_SEARCHES = 8
"""Most searches for one batch."""


@dataclass(frozen=True)
class Campaign(Proposer):
    """The rounds of `design-campaign`: a planned sampling run, and a batch of what it visits.

    Chains take the plan again, with other starts, where most of what they visit is measured
    already.
    """

    predictors: RoundTraining | None = _PREDICTORS
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    selection: SelectionConfig = field(default_factory=SelectionConfig)

    @property
    def name(self) -> str:
        """What tables call it."""
        return "this project"

    def propose(self, round_: Round) -> Designs:
        """Return a diverse batch of what the chains have visited."""
        problem, measured, members, batch, seed = round_
        space, best = sequences_of(problem), measured.best(len(measured.own))
        config = self.selection.model_copy(update={"batch_size": batch})
        constraint, score = problem.constraint or AllOf(space, []), [mean_score]
        pool = measured.designs[:0]
        for search in range(_SEARCHES):
            now = derive_seed(seed, "walk", search)
            plan, starts = plan_sampling(
                members, score, space, constraint, best, self.sampling, now
            )
            run = SamplingRun.of(plan, starts, members, score, constraint, space, now)
            rungs = range(len(plan.rungs))[-self.sampling.pool_rungs :]
            visited = [
                space.encode(frame["design"].tolist())
                for block in run.blocks
                for frame in run.sample(block)
                if frame["rung"].iloc[0] in rungs
            ]
            pool = measured.new(torch.cat([pool, *visited]))
            if len(pool) >= config.shortlist:
                break
        (scores,) = Predictors(members).predict(space, pool).values()
        ranked = acquisition(
            scores.mean(0),
            standard_deviation(scores),
            std_weight=config.std_weight,
            maximise=True,
            kind=config.acquisition,
        )
        frame = pd.DataFrame({"design": space.decode(pool), "acquisition": ranked})
        chosen = select_batch(
            frame.assign(rejected_because=""), space, config, both_strands=False
        ).frame
        return space.encode(chosen["design"].tolist())


@dataclass(frozen=True)
class GuidedSearch(Proposer):
    """A method searches the mean of an ensemble from the best designs known.

    The best by prediction of what it finds are proposed; it searches again where most of that is
    measured already. So AdaLead is published, with a model that is trained anew in each round.
    """

    method: Method
    predictors: RoundTraining | None = _PREDICTORS
    budget: int = 12
    found: int = 1000
    """Designs that the search returns; those that are measured already are left out."""

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"{self.method.name}, guided by a predictor"

    def propose(self, round_: Round) -> Designs:
        """Return the best by prediction of what the search has found."""
        problem, measured, members, batch, seed = round_
        best, generator = measured.best(self.found), torch_generator(seed, "reference")
        setting = Setting(
            problem.space,
            problem.constraint,
            [mean_score(members, -1, "cpu")],
            problem.space.random(_REFERENCE, generator)
            if problem.constraint is None
            else feasible_starts(problem.space, problem.constraint, _REFERENCE, generator),
            lambda n, _: best[torch.arange(n) % len(best)],
        )
        archive = EliteArchive(max(self.found, batch))
        for search in range(_SEARCHES):
            seed_of_search = derive_seed(seed, "search", search)
            outcome = self.method.run(setting, self.found, self.budget, seed_of_search)
            new = measured.new(outcome.designs)
            if len(new):
                archive = archive.add(new, setting.score(new))
            if len(archive) >= batch:
                break
        return archive.designs[:batch] if len(archive) else measured.designs[:0]


@dataclass(frozen=True)
class MeasuredSearch(Proposer):
    """A method evolves designs by their measurements alone, one generation a round.

    Nothing is predicted: the population are the best measured designs, and what is measured are
    their children.
    """

    method: Method
    predictors: RoundTraining | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.method.name

    def propose(self, round_: Round) -> Designs:
        """Return the children of a generation, of several where most are measured already."""
        problem, measured, _, batch, seed = round_
        best = measured.best(batch)
        values = dict(zip(keys_of(measured.designs), measured.values, strict=True))
        children: list[Tensor] = []

        def look_up(relaxed: Tensor) -> Scores:
            """Return measured values; a child has none."""
            designs = relaxed.argmax(-1)
            children.append(designs)
            return torch.stack([values.get(key, _UNKNOWN) for key in keys_of(designs)])

        fresh = best[:0]
        for generation in range(_GENERATIONS):
            setting = Setting(
                problem.space, problem.constraint, [look_up], best[:2], lambda n, _: best[:n]
            )
            self.method.run(setting, len(best), 2, derive_seed(seed, "generation", generation))
            fresh = measured.new(torch.cat(children))
            if len(fresh) >= batch:
                break
        return fresh[:batch]


_GENERATIONS = 20
_UNKNOWN = torch.tensor(-1e9, dtype=torch.float64)
