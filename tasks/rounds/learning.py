"""In which order predictors learn: computed once, with each checkpoint, and read from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import torch

from designlib.analysis import interaction_shares
from designlib.predictors import PredictorSpec, TrainingState, network_at
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace
from tasks.stages.ensemble import Ensemble, recorded_predictors

__all__ = ["learning_curves", "with_learned_shares"]

_SHARES = ("variance_of_single_sites", "variance_of_pairs")


def with_learned_shares(
    state: TrainingState, spec: PredictorSpec, device: torch.device
) -> TrainingState:
    """Add the shares of a checkpoint's variance that single sites and pairs of sites explain.

    Nothing is added where they are known, nor for designs that are no sequences.
    """
    space = spec.space
    if not isinstance(space, SequenceSpace) or _SHARES[0] in state.metrics:
        return state
    network = network_at(spec, state, device)
    # The same sub-cubes for all checkpoints and members.
    generator = torch_generator(0, "learning order")
    shares = interaction_shares(lambda x: network(x.to(device)).cpu(), space, generator)
    return state._replace(metrics={**state.metrics, **dict(zip(_SHARES, shares, strict=True))})


def learning_curves(about: Mapping[str, Any]) -> pd.DataFrame:
    """Return step, rank correlation and shares for each checkpoint of a round's recorded members.

    Those of the first objective, as stored with the checkpoints: no predictor is evaluated. No rows
    if files are missing; no shares of checkpoints of release 0.1, which stored none.
    """
    names = {
        "rank_correlation": "validation_rank_correlation",
        **{share: share for share in _SHARES},
    }
    return pd.DataFrame(
        [
            {"step": state.step}
            | {name: state.metrics[key] for name, key in names.items() if key in state.metrics}
            for member in Ensemble(recorded_predictors(about, "members")).of("").trajectories
            for state in member.states
        ]
    )
