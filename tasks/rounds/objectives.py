"""What chains follow and where elites are from, for one or several objectives."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch

from designlib.predictors import Trajectory
from designlib.sampling.ladders import ScoreAt, combined_scores
from designlib.selection import Objectives
from designlib.types import Designs
from tasks.stages.table_facts import TableFacts, best_measured


def walk_scores(
    trajectories: Sequence[Trajectory], facts: TableFacts, folds: pd.DataFrame
) -> list[ScoreAt]:
    """Return the scores that chains follow: one, or one for each trade-off of a front."""
    if facts.goals is None:
        return combined_scores(trajectories, None, torch.zeros(1))
    objectives = Objectives(facts.goals, [one.spec for one in trajectories], folds)
    return combined_scores(trajectories, facts.goals, objectives.ideal)


def best_by_goals(
    folds: pd.DataFrame, facts: TableFacts, trajectories: Sequence[Trajectory]
) -> Designs:
    """Return the measured designs that may be learned from, best first by what is wanted."""
    if facts.goals is None:
        return best_measured(folds, facts)
    objectives = Objectives(facts.goals, [one.spec for one in trajectories], folds)
    return facts.space.encode(objectives.best_measured())
