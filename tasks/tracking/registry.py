"""Registered models: versions told apart by the content hash of their ensemble, and aliases."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from designlib.errors import InputError
from designlib.predictors import Trajectory, state_from_bytes
from designlib.selection import Predictors
from tasks.tracking.tracking import client, run_for

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
        versions = client().search_model_versions(f"name = '{name}'")
        # One that a killed process left without its tag is taken.
        version = next((str(v.version) for v in versions if v.run_id == run_id), None)
        if version is None:
            logged = mlflow.pyfunc.log_model(
                name="predictor",
                python_model=str(Path(__file__).with_name("predictor_model.py")),
                artifacts={member: path.as_uri() for member, path in members.items()},
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
    predictors = Predictors(registered_members(name, version))
    space = predictors.specs[0].space
    predicted = predictors.predict(space, space.encode(measured["design"].tolist()))[""].mean(0)
    return float(abs(predicted - measured["measured_value"].to_numpy()).mean())


def registered_members(name: str, version: str) -> list[Trajectory]:
    """Return the trained members of a registered version, read from their safetensors.

    The code that is registered beside them for other users of the model is not run. Raises
    InputError where MLflow has no member.
    """
    from mlflow.artifacts import download_artifacts

    client()
    with tempfile.TemporaryDirectory() as scratch:
        place = download_artifacts(f"models:/{name}/{version}", dst_path=scratch)
        files = sorted(Path(place).rglob("*.safetensors"))
        read = [state_from_bytes(file.read_bytes()) for file in files]
    if not read:
        raise InputError(f"models:/{name}/{version}: no member is registered in this version")
    return [Trajectory(spec, (state,)) for state, spec in read]
