"""The registered predictor of a campaign: one version per ensemble, loaded without pickle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tasks.rounds import Round
from tasks.score import predictor_hash
from tasks.stages import StageResult
from tasks.tracking import client

__all__ = ["register_predictor"]

_HASH_TAG = "predictor_hash"


def register_predictor(members: Sequence[StageResult], round_: Round) -> str:
    """Register the ensemble with the alias ``candidate`` and return its version.

    An ensemble that has a version keeps it. The model takes sequences and gives predicted values
    in the units of the measurement: ``mlflow.pyfunc.load_model("models:/NAME@candidate")``.
    """
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    tracking = client()
    name = f"{round_.campaign}-predictor"
    digest = predictor_hash(members)
    for version in tracking.search_model_versions(f"name = '{name}'"):
        if version.tags.get(_HASH_TAG) == digest:
            tracking.set_registered_model_alias(name, "candidate", version.version)
            return str(version.version)
    finals = {
        f"member_{number}": str(member.path(sorted(member.files)[-1]))
        for number, member in enumerate(members, start=1)
    }
    with mlflow.start_run(run_id=round_.run_id):
        logged = mlflow.pyfunc.log_model(
            name="predictor",
            python_model=str(Path(__file__).with_name("predictor_model.py")),
            artifacts=finals,
            pip_requirements=["torch", "safetensors", "trajectory-design"],
            signature=ModelSignature(
                Schema([ColSpec("string", "design")]), Schema([ColSpec("double", "predicted")])
            ),
            registered_model_name=name,
        )
    version = str(logged.registered_model_version)
    tracking.set_model_version_tag(name, version, _HASH_TAG, digest)
    tracking.set_registered_model_alias(name, "candidate", version)
    return version
