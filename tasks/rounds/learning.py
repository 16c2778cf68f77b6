"""In which order predictors learn, by checkpoint: for MLflow and for the campaign's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from designlib.analysis import interaction_shares
from designlib.predictors import network_at, state_from_bytes
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace
from tasks.stages.stages import noted_stage

__all__ = ["learned_shares", "learning_curves"]


def learned_shares(checkpoint: Path) -> dict[str, float]:
    """Return which shares of a checkpoint's variance single sites and pairs explain.

    Nothing for designs that are no sequences.
    """
    state, spec = state_from_bytes(checkpoint.read_bytes())
    space = spec.space
    if not isinstance(space, SequenceSpace):
        return {}
    # The same sub-cubes for all checkpoints and members.
    generator = torch_generator(0, "learning order")
    shares = interaction_shares(network_at(spec, state), space, generator)
    return {"variance_of_single_sites": shares.single_sites, "variance_of_pairs": shares.pairs}


def learning_curves(members: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return step, rank correlation and shares for each checkpoint of the recorded members.

    Those of the first objective; nothing where their files are not here any more.
    """
    rows = []
    for told in members:
        stage = noted_stage("train", told)
        if not stage.folder.exists() or not stage.is_intact():
            continue
        for name in sorted(stage.files):
            state, spec = state_from_bytes(stage.path(name).read_bytes())
            if spec.column:
                break
            learned = state.metrics["validation_rank_correlation"]
            told_of = {"step": state.step, "rank_correlation": learned}
            rows.append({**told_of, **learned_shares(stage.path(name))})
    return pd.DataFrame(rows)
