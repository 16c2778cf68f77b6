"""MLflow: runs found or made by a content tag, so that logging again changes nothing.

Every call names its run: MLflow's notion of an active run belongs to a thread
and tasks run in several.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from designlib.errors import InputError
from tasks.installation.settings import Settings

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

KEY_TAG = "content_key"
FLOW_RUN_TAG = "prefect_flow_run"
_OWNER_TAG = "owner"
_OPEN: set[str] = set()
"""Runs that blocks of this process have open."""


def prepare_tracking(settings: Settings) -> None:
    """Create the local database once, before several processes use it."""
    database = _local_database()
    if database is None:
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(database.parent / ".lock"):
        if not database.exists():
            _create_database(database)
        ready = settings.home / "mlflow" / "ready"
        ready.parent.mkdir(parents=True, exist_ok=True)
        ready.touch()


def _create_database(database: Path) -> None:
    """Create the database aside and rename it: MLflow cannot go on with half of one."""
    from mlflow.tracking import MlflowClient

    draft = database.with_name(f".{database.name}.tmp")
    for leftover in draft.parent.glob(f"{draft.name}*"):
        leftover.unlink()
    # MLflow creates and migrates its tables on the first query.
    MlflowClient(tracking_uri=f"sqlite:///{draft}").search_experiments(max_results=1)
    draft.rename(database)


def client() -> MlflowClient:
    """Return a client of the tracking server that the environment names."""
    import mlflow
    from mlflow.tracking import MlflowClient

    # The fluent parts (log_table, data sets, models) read this global.
    mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
    return MlflowClient()


def client_of(address: str) -> MlflowClient:
    """Return a client of another tracking server than the environment's."""
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=address)


def download_artifacts(run_id: str, path: str, folder: Path) -> Path:
    """Fetch artifacts of a run into a folder and return where they lie there.

    Raises InputError where MLflow cannot give them.
    """
    from mlflow.exceptions import MlflowException

    try:
        return Path(client().download_artifacts(run_id, path, str(folder)))
    except (MlflowException, OSError) as error:
        raise InputError(f"runs:/{run_id}/{path}: cannot be read from MLflow ({error})") from None


def experiment_id(settings: Settings, campaign: str) -> str:
    """Return the experiment of a campaign, created where it does not exist."""
    from mlflow.exceptions import MlflowException

    tracking = client()
    found = tracking.get_experiment_by_name(campaign)
    if found is None:
        place = None
        if _local_database() is not None:
            place = (settings.home / "mlflow" / "artifacts" / campaign).as_uri()
        try:
            return tracking.create_experiment(
                campaign,
                artifact_location=place,
                # Without it the page hides the runs behind a chooser.
                tags={"mlflow.experimentKind": "custom_model_development"},
            )
        except MlflowException:
            found = tracking.get_experiment_by_name(campaign)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        tracking.restore_experiment(found.experiment_id)
    return found.experiment_id


def find_run(experiment: str, key: str) -> Run | None:
    """Return the newest run with this content key, finished ones first."""
    runs = client().search_runs([experiment], filter_string=f"tags.{KEY_TAG} = '{key}'")
    return next((run for run in runs if run.info.status == "FINISHED"), next(iter(runs), None))


@contextmanager
def run_for(
    experiment: str,
    key: str,
    name: str,
    parent: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Give the id of the run with this key, made or taken up again, and end it as the block ends.

    A block that returns ends it FINISHED, an error FAILED, an interruption KILLED.
    """
    tracking = client()
    labels = {KEY_TAG: key, "mlflow.runName": name, **(tags or {})}
    if parent is not None:
        labels["mlflow.parentRunId"] = parent
    with _alone():
        found = find_run(experiment, key) or tracking.create_run(experiment, tags=labels)
    run_id = found.info.run_id
    tracking.set_tag(run_id, _OWNER_TAG, _owner())
    for label, value in flow_run_tags().items():
        tracking.set_tag(run_id, label, value)
    if found.info.status != "RUNNING":
        tracking.update_run(run_id, status="RUNNING")
    _OPEN.add(run_id)
    try:
        yield run_id
    except Exception:
        tracking.set_terminated(run_id, "FAILED")
        raise
    except BaseException:
        tracking.set_terminated(run_id, "KILLED")
        raise
    else:
        tracking.set_terminated(run_id, "FINISHED")
    finally:
        _OPEN.discard(run_id)


def end_open_runs() -> None:
    """End the runs of this process that are still open as KILLED, since it ends."""
    for run_id in tuple(_OPEN):
        client().set_terminated(run_id, "KILLED")


def end_abandoned_runs(experiment: str) -> int:
    """End the RUNNING runs whose process on this machine is gone as KILLED; return their number."""
    tracking = client()
    ended = 0
    for run in tracking.search_runs([experiment], "attributes.status = 'RUNNING'"):
        host, _, process = run.data.tags.get(_OWNER_TAG, "").partition(":")
        if host == socket.gethostname() and not _alive(process):
            tracking.set_terminated(run.info.run_id, "KILLED")
            ended += 1
    return ended


def log_metrics(run_id: str, metrics: Mapping[str, float], step: int = 0) -> None:
    """Log numbers at one step in a single call."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    client().log_batch(
        run_id, metrics=[Metric(name, value, now, step) for name, value in metrics.items()]
    )


def log_params(run_id: str, params: Mapping[str, Any]) -> None:
    """Log parameters in a single call; logging the same again changes nothing."""
    from mlflow.entities import Param

    client().log_batch(
        run_id, params=[Param(name, str(value)[:6000]) for name, value in params.items()]
    )


def log_checkpoint(run_id: str, file: Path, step: int, metrics: Mapping[str, float]) -> None:
    """Log one checkpoint: its file first, so that a step with metrics has its file."""
    client().log_artifact(run_id, str(file), "checkpoints")
    log_metrics(run_id, metrics, step)


def log_dataset(run_id: str, table: Path, name: str) -> None:
    """Log a Parquet table as the data set that a run has read; once per run."""
    import pandas as pd
    from mlflow.data.pandas_dataset import from_pandas
    from mlflow.entities import DatasetInput, InputTag

    tracking = client()
    with _alone():
        inputs = tracking.get_run(run_id).inputs
        if inputs and inputs.dataset_inputs:
            return
        dataset = from_pandas(pd.read_parquet(table), source=table.as_uri(), name=name)
        tags = [InputTag("mlflow.data.context", "training")]
        entity = dataset._to_mlflow_entity()
        tracking.log_inputs(run_id, [DatasetInput(entity, tags)])


def log_bytes(run_id: str, name: str, content: bytes, folder: str | None = None) -> None:
    """Log one artifact from memory."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / name
        path.write_bytes(content)
        client().log_artifact(run_id, str(path), folder)


def log_table(run_id: str, table: pd.DataFrame, name: str) -> None:
    """Log a table as the page shows it, in place of one that is there; MLflow's own appends."""
    log_bytes(run_id, name, table.to_json(orient="split", index=False).encode())
    shown = json.dumps([{"path": name, "type": "table"}])
    client().set_tag(run_id, "mlflow.loggedArtifacts", shown)


def artifact_names(run_id: str) -> set[str]:
    """Return the names of a run's artifacts at the top level."""
    return {artifact.path for artifact in client().list_artifacts(run_id)}


def logged_steps(run_id: str, metric: str) -> set[int]:
    """Return the steps at which a metric has been logged."""
    return {entry.step for entry in client().get_metric_history(run_id, metric)}


def run_link(experiment: str, run_id: str) -> str:
    """Return the path of a run's page below the address of the MLflow server."""
    return f"/#/experiments/{experiment}/runs/{run_id}"


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings as one level with dotted names.

    >>> flatten({"a": {"b": 1}, "c": 2})
    {'a.b': 1, 'c': 2}
    """
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def flow_run_tags() -> dict[str, str]:
    """Return the tags that lead from an MLflow run to the flow run that writes it."""
    from prefect.runtime import flow_run
    from prefect.utilities.urls import url_for

    if flow_run.id is None:
        return {}
    page = url_for("flow-run", flow_run.id) or ""
    return {FLOW_RUN_TAG: str(flow_run.id), "prefect_page": page, "prefect_name": flow_run.name}


def mlflow_page(path: str) -> str:
    """Return the address of a page of the MLflow server, or its path where no server is named."""
    address = os.environ["MLFLOW_TRACKING_URI"]
    return address.rstrip("/") + path if address.startswith("http") else path


def _local_database() -> Path | None:
    # SQLAlchemy takes what follows for the path as it is, with % and # in it.
    _, local, path = os.environ["MLFLOW_TRACKING_URI"].partition("sqlite:///")
    return Path(path.partition("?")[0]) if local else None


@contextmanager
def _alone() -> Iterator[None]:
    """Look and then write while no other process of this home does: MLflow knows no unique tags.

    Two runs of the same campaign at once would both find nothing and both write.
    """
    lock = Settings().home / "mlflow" / "look-and-write.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        yield


def _owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
