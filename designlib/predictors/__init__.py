"""Small predictors of a measured value and their training with a checkpoint schedule."""

from designlib.predictors.checkpoints import (
    SUFFIXES,
    RawCheckpoint,
    fitted,
    in_order,
    read_tensors,
    step_in_name,
)
from designlib.predictors.distillation import distil
from designlib.predictors.external import build_model, factory_source
from designlib.predictors.matching import check_examples
from designlib.predictors.networks import build_network, evaluate
from designlib.predictors.point_networks import FACTOR, PointNetwork
from designlib.predictors.ranking import enrichment, ndcg
from designlib.predictors.recording import Recorder
from designlib.predictors.training import (
    Examples,
    RelaxedRows,
    TrainingState,
    checkpoint_metrics,
    emphasise,
    log_spaced_steps,
    noise_weights,
    rank_correlation,
    repeated_rows,
    train,
)
from designlib.predictors.trajectory import (
    PROGRAM,
    PredictorSpec,
    Trajectory,
    learning_errors,
    learning_scale,
    network_at,
    spec_from_file,
    state_from_bytes,
    state_to_bytes,
    thinned,
)

__all__ = [
    "FACTOR",
    "PROGRAM",
    "SUFFIXES",
    "Examples",
    "PointNetwork",
    "PredictorSpec",
    "RawCheckpoint",
    "Recorder",
    "RelaxedRows",
    "TrainingState",
    "Trajectory",
    "build_model",
    "build_network",
    "check_examples",
    "checkpoint_metrics",
    "distil",
    "emphasise",
    "enrichment",
    "evaluate",
    "factory_source",
    "fitted",
    "in_order",
    "learning_errors",
    "learning_scale",
    "log_spaced_steps",
    "ndcg",
    "network_at",
    "noise_weights",
    "rank_correlation",
    "read_tensors",
    "repeated_rows",
    "spec_from_file",
    "state_from_bytes",
    "state_to_bytes",
    "step_in_name",
    "thinned",
    "train",
]
