"""Registered models: versions told apart by the content hash of their ensemble, and aliases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from tasks.tracking.tracking import client, run_for

__all__ = [
    "aliased_version",
    "log_ensemble",
    "mean_absolute_error",
    "version_of",
]

HASH_TAG = "predictor_hash"


def version_of(name: str, digest: str) -> str | None:
    """Return the version of a registered model whose ensemble has this hash."""
    versions = client().search_model_versions(f"name = '{name}'")
    return next((str(v.version) for v in versions if v.tags.get(HASH_TAG) == digest), None)


def aliased_version(name: str, alias: str) -> str | None:
    """Return the version that an alias of a registered model stands for; None for none."""
    from mlflow.exceptions import MlflowException

    try:
        return str(client().get_model_version_by_alias(name, alias).version)
    except MlflowException:
        return None


def log_ensemble(
    name: str,
    digest: str,
    members: Mapping[str, Path],
    outputs: Sequence[str],
    *,
    experiment: str,
    key: str,
    parent: str,
) -> str:
    """Log an ensemble as a new version of a registered model and return the version.

    ``members`` are the final checkpoints by name, ``outputs`` the columns that it predicts.
    """
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    with (
        run_for(experiment, key, "ensemble", parent) as run_id,
        mlflow.start_run(run_id=run_id),
    ):
        logged = mlflow.pyfunc.log_model(
            name="predictor",
            python_model=str(Path(__file__).with_name("predictor_model.py")),
            artifacts={member: str(path) for member, path in members.items()},
            pip_requirements=["torch", "safetensors", "trajectory-design"],
            signature=ModelSignature(
                Schema([ColSpec("string", "design")]),
                Schema([ColSpec("double", column) for column in outputs]),
            ),
            registered_model_name=name,
        )
    version = str(logged.registered_model_version)
    client().set_model_version_tag(name, version, HASH_TAG, digest)
    return version


def mean_absolute_error(name: str, version: str, measured: pd.DataFrame) -> float:
    """Return the mean absolute error of a registered version on measured candidates."""
    import mlflow

    model = mlflow.pyfunc.load_model(f"models:/{name}/{version}")
    predicted = model.predict(measured[["design"]].reset_index(drop=True))["predicted"].to_numpy()
    return float(abs(predicted - measured["measured_value"].to_numpy()).mean())
