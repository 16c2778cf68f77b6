"""In which order predictors learn: computed once, with each checkpoint, and read from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch

from designlib.analysis import interaction_shares
from designlib.predictors import PredictorSpec, TrainingState, network_at, state_from_bytes
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace
from tasks.stages.stages import noted_stage

__all__ = ["learning_curves", "with_learned_shares"]

_SHARES = ("variance_of_single_sites", "variance_of_pairs")


def with_learned_shares(
    state: TrainingState, spec: PredictorSpec, device: torch.device
) -> TrainingState:
    """Return a checkpoint that says which shares of its variance single sites and pairs explain.

    As it was for designs that are no sequences, and where its metrics have them.
    """
    space = spec.space
    if not isinstance(space, SequenceSpace) or _SHARES[0] in state.metrics:
        return state
    network = network_at(spec, state, device)
    # The same sub-cubes for all checkpoints and members.
    generator = torch_generator(0, "learning order")
    shares = interaction_shares(lambda x: network(x.to(device)).cpu(), space, generator)
    return state._replace(metrics={**state.metrics, **dict(zip(_SHARES, shares, strict=True))})


def learning_curves(members: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return step, rank correlation and shares for each checkpoint of the recorded members.

    Those of the first objective, as they are stored with the checkpoints: no predictor is
    evaluated. Nothing if their files are missing; no shares of checkpoints of release 0.1, which
    stored none.
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
            learned = {"rank_correlation": state.metrics["validation_rank_correlation"]}
            learned |= {share: state.metrics[share] for share in _SHARES if share in state.metrics}
            rows.append({"step": state.step, **learned})
    return pd.DataFrame(rows)
