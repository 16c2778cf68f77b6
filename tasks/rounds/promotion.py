"""The registered predictor of a campaign: one version per ensemble, loaded without pickle.

A new version is the ``candidate``. In a first round it becomes the ``champion`` if its ensemble
ranks the test designs at least as well as the champion ranked its own. In a later round it does if
it had predicted the candidates of that round better than the champion does, once these are
measured; neither has seen them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from filelock import FileLock
from prefect import task

from designlib.types import InputError
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.record.ledger import load_ledger
from tasks.stages.ensemble import Ensemble
from tasks.stages.results import RegisteredPredictor, Round
from tasks.stages.stages import StageResult, content_key
from tasks.tracking.registry import (
    HASH_TAG,
    aliased_version,
    log_ensemble,
    mean_absolute_error,
    version_of,
)
from tasks.tracking.tracking import client

if TYPE_CHECKING:
    from designlib.reports import PredictorFigures

GATE = "ensemble_rank_correlation"
"""The tag that decides on promotion: Spearman's rank correlation on the test designs."""

NEWEST_ERROR = "newest_mean_absolute_error"
"""The tag that decides in later rounds: the error on the measured candidates of the round."""


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
        known = version_of(name, digest)
        version = known or _register(name, digest, members, round_)
        tracking.set_registered_model_alias(name, "candidate", version)
    run_logger().info("predictor %s, version %s", name, version)
    return RegisteredPredictor(name=name, version=version, predictor_hash=digest)


def check_version(version: RegisteredPredictor, members: Sequence[StageResult]) -> None:
    """Raise InputError where the registered version is not the ensemble of these members."""
    tags = client().get_model_version(version.name, version.version).tags
    if not tags.get(HASH_TAG) == version.predictor_hash == predictor_hash(members):
        raise InputError(
            f"{version.name} version {version.version} is another ensemble than the one given"
        )


@task(name="promote")
def promote(version: RegisteredPredictor, figures: PredictorFigures, round_: Round) -> bool:
    """Tag the version with its rank correlation and, in the first round, compare it.

    Later rounds wait for their results; see `promote_on_results`.
    """
    tracking = client()
    own = figures.ensemble_rank_correlation
    tracking.set_model_version_tag(version.name, version.version, GATE, repr(own))
    if round_.number > 1:
        return False
    champion = aliased_version(version.name, "champion")
    bar = -1.0
    if champion is not None:
        bar = float(tracking.get_model_version(version.name, champion).tags[GATE])
    return _crown(
        version.name,
        version.version,
        passed=champion is None or own >= bar,
        reason=f"rank correlation {own:.3f}, {bar:.3f} of version {champion}",
    )


@task(name="promote-on-results")
def promote_on_results(campaign: str) -> bool:
    """Make the predictor of the newest measured round champion if it predicted that round better.

    Better is a smaller mean absolute error on the measured candidates of the round.
    """
    candidates = load_ledger(campaign).candidates()
    known = candidates[candidates["measured_value"].notna()]
    if known.empty:
        return False
    newest = known[known["round"] == known["round"].max()]
    tracking, name = client(), f"{campaign}-predictor"
    version = version_of(name, newest["predictor_hash"].iloc[0])
    champion = aliased_version(name, "champion")
    if version is None or version == champion:
        return False
    own = mean_absolute_error(name, version, newest)
    tracking.set_model_version_tag(name, version, NEWEST_ERROR, repr(own))
    bar = mean_absolute_error(name, champion, newest) if champion else float("inf")
    return _crown(
        name,
        version,
        passed=own < bar,
        reason=f"mean error {own:.4g} on the {len(newest)} newest measurements, {bar:.4g} of "
        f"version {champion}",
    )


def _crown(name: str, version: str, *, passed: bool, reason: str) -> bool:
    """Make a version that passed the champion, say so, and return whether it passed."""
    if passed:
        client().set_registered_model_alias(name, "champion", version)
    verb = "is" if passed else "is not"
    run_logger().info("predictor version %s %s champion: %s", version, verb, reason)
    return passed


def predictor_hash(members: Sequence[StageResult]) -> str:
    """Return the content hash of an ensemble: of all checkpoints of all its members."""
    text = json.dumps([member.files for member in members], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _register(name: str, digest: str, members: Sequence[StageResult], round_: Round) -> str:
    columns = {spec.column for spec in Ensemble(members).specs}
    return log_ensemble(
        name,
        digest,
        {
            f"member_{number}": member.path(sorted(member.files)[-1])
            for number, member in enumerate(members, start=1)
        },
        [f"predicted_{column}" if column else "predicted" for column in sorted(columns)],
        experiment=round_.experiment_id,
        key=content_key({"ensemble": digest, "round": round_.key}),
        parent=round_.run_id,
    )
