"""The registered predictor of a campaign: one version per ensemble, loaded without pickle.

A new version is the ``candidate``. That of a first round becomes the ``champion`` when its ensemble
ranks the test designs at least as well as the champion ranked its own. That of a later round does
when the candidates that it proposed have been measured and it had predicted them better than the
champion does, neither having seen them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from filelock import FileLock
from prefect import task

from designlib.types import InputError
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.record.record import load_record
from tasks.rounds.train import load_trajectory
from tasks.stages.results import RegisteredPredictor, Round
from tasks.stages.stages import StageResult, content_key
from tasks.tracking.tracking import client, run_for

if TYPE_CHECKING:
    from mlflow.types.schema import ColSpec, TensorSpec

__all__ = [
    "check_version",
    "predictor_hash",
    "promote",
    "promote_on_results",
    "register_predictor",
]

GATE = "ensemble_rank_correlation"
"""The figure of the predictor that decides on promotion: Spearman's, on the test designs."""

NEWEST_ERROR = "newest_mean_absolute_error"
"""The figure that decides in later rounds: the error on the measured candidates of the round."""

_HASH_TAG = "predictor_hash"


@task(name="register-predictor")
def register_predictor(members: Sequence[StageResult], round_: Round) -> RegisteredPredictor:
    """Register the ensemble with the alias ``candidate`` and return its version.

    An ensemble that has a version keeps it. The model takes sequences and gives predicted values
    in the units of the measurement: ``mlflow.pyfunc.load_model("models:/NAME@candidate")``.
    """
    tracking = client()
    name = f"{round_.campaign}-predictor"
    digest = predictor_hash(members)
    # Two runs of one round at once would both find no version and make one each.
    lock = Settings().home / "register.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        known = _version_of(name, digest)
        version = known or _log_ensemble(name, digest, members, round_)
        tracking.set_registered_model_alias(name, "candidate", version)
    run_logger().info("predictor %s, version %s", name, version)
    return RegisteredPredictor(name=name, version=version, predictor_hash=digest)


def check_version(version: RegisteredPredictor, members: Sequence[StageResult]) -> None:
    """Raise InputError where the registered version is not the ensemble of these members."""
    tags = client().get_model_version(version.name, version.version).tags
    if not tags.get(_HASH_TAG) == version.predictor_hash == predictor_hash(members):
        raise InputError(
            f"{version.name} version {version.version} is another ensemble than the one given"
        )


@task(name="promote")
def promote(version: RegisteredPredictor, figures: Mapping[str, float], round_: Round) -> bool:
    """Write the figure of the gate to the version and make it champion where it passes.

    After the first round that waits for the results, see `promote_on_results`.
    """
    from mlflow.exceptions import MlflowException

    tracking = client()
    own = figures[GATE]
    tracking.set_model_version_tag(version.name, version.version, GATE, repr(float(own)))
    if round_.number > 1:
        return False
    try:
        champion = tracking.get_model_version_by_alias(version.name, "champion")
    except MlflowException:
        passed, against = True, "there was none"
    else:
        bar = float(champion.tags[GATE])
        passed, against = own >= bar, f"version {champion.version} has {bar:.3f}"
    if passed:
        tracking.set_registered_model_alias(version.name, "champion", version.version)
    run_logger().info(
        "predictor version %s %s champion: rank correlation %.3f, %s",
        version.version, "is" if passed else "is not", own, against,
    )  # fmt: skip
    return passed


@task(name="promote-on-results")
def promote_on_results(campaign: str) -> bool:
    """Make the predictor of the newest measured round champion if it predicted that round better.

    Better is a smaller mean absolute error on the measured candidates of the round.
    """
    from mlflow.exceptions import MlflowException

    candidates = load_record(campaign).candidates()
    known = candidates[candidates["measured_value"].notna()]
    if known.empty:
        return False
    newest = known[known["round"] == known["round"].max()]
    tracking, name = client(), f"{campaign}-predictor"
    version = _version_of(name, newest["predictor_hash"].iloc[0])
    try:
        champion = str(tracking.get_model_version_by_alias(name, "champion").version)
    except MlflowException:
        champion = None
    if version is None or version == champion:
        return False
    own = _error(name, version, newest)
    tracking.set_model_version_tag(name, version, NEWEST_ERROR, repr(own))
    bar = _error(name, champion, newest) if champion else float("inf")
    if own < bar:
        tracking.set_registered_model_alias(name, "champion", version)
    run_logger().info(
        "predictor version %s %s champion: mean error %.4g on the %d newest measurements, %.4g "
        "for version %s",
        version, "is" if own < bar else "is not", own, len(newest), bar, champion,
    )  # fmt: skip
    return own < bar


def _error(name: str, version: str, measured: pd.DataFrame) -> float:
    """Return the mean absolute error of a registered version on measured candidates."""
    import mlflow

    model = mlflow.pyfunc.load_model(f"models:/{name}/{version}")
    predicted = model.predict(measured[["design"]].reset_index(drop=True))["predicted"].to_numpy()
    return float(abs(predicted - measured["measured_value"].to_numpy()).mean())


def predictor_hash(members: Sequence[StageResult]) -> str:
    """Return the content hash of an ensemble: of all checkpoints of all its members."""
    text = json.dumps([member.files for member in members], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _outputs(members: Sequence[StageResult]) -> list[ColSpec | TensorSpec]:
    from mlflow.types.schema import ColSpec

    columns = {load_trajectory(member).spec.column for member in members}
    return [
        ColSpec("double", f"predicted_{column}" if column else "predicted")
        for column in sorted(columns)
    ]


def _version_of(name: str, digest: str) -> str | None:
    versions = client().search_model_versions(f"name = '{name}'")
    return next((str(v.version) for v in versions if v.tags.get(_HASH_TAG) == digest), None)


def _log_ensemble(name: str, digest: str, members: Sequence[StageResult], round_: Round) -> str:
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    finals = {
        f"member_{number}": str(member.path(sorted(member.files)[-1]))
        for number, member in enumerate(members, start=1)
    }
    key = content_key({"ensemble": digest, "round": round_.key})
    with (
        run_for(round_.experiment_id, key, "ensemble", round_.run_id) as run_id,
        mlflow.start_run(run_id=run_id),
    ):
        logged = mlflow.pyfunc.log_model(
            name="predictor",
            python_model=str(Path(__file__).with_name("predictor_model.py")),
            artifacts=finals,
            pip_requirements=["torch", "safetensors", "trajectory-design"],
            signature=ModelSignature(
                Schema([ColSpec("string", "design")]), Schema(_outputs(members))
            ),
            registered_model_name=name,
        )
    version = str(logged.registered_model_version)
    client().set_model_version_tag(name, version, _HASH_TAG, digest)
    return version
