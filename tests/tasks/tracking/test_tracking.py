"""MLflow runs by content key: made once, taken up again, ended as they should be."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from mlflow.artifacts import load_dict
from mlflow.entities import Run

from tasks.installation.environment import tracking_uri
from tasks.installation.settings import REPOSITORY, Settings
from tasks.tracking import tracking
from tasks.tracking.tracking import (
    artifact_names,
    client,
    end_abandoned_runs,
    end_open_runs,
    experiment_id,
    find_run,
    flatten,
    log_bytes,
    log_checkpoint,
    log_dataset,
    log_metrics,
    log_params,
    log_table,
    logged_steps,
    prepare_tracking,
    run_for,
    run_link,
)


@pytest.fixture
def experiment(home: Path) -> str:
    return experiment_id(Settings(), "campaign")


def status_of(run_id: str) -> str:
    return client().get_run(run_id).info.status


# ---- the database


def test_what_a_killed_process_left_of_a_database_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "new home")
    folder = settings.home / "mlflow"
    folder.mkdir(parents=True)
    (folder / ".mlflow.db.tmp").write_bytes(b"half a database")
    (folder / ".mlflow.db.tmp-journal").write_bytes(b"half a journal")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(settings))
    prepare_tracking(settings)
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "mlflow.db", "ready"]
    before = (folder / "mlflow.db").stat().st_mtime_ns
    prepare_tracking(settings)
    assert (folder / "mlflow.db").stat().st_mtime_ns == before
    assert experiment_id(settings, "campaign") == "1"


_SIX = """
import os, sys
from tasks.installation.environment import prepare_environment
from tasks.installation.settings import Settings
prepare_environment(Settings())
import mlflow.store.tracking.sqlalchemy_store
from tasks.tracking.tracking import experiment_id, log_metrics, prepare_tracking, run_for
for number in range(6):
    if os.fork() == 0:
        prepare_tracking(Settings())
        with run_for(experiment_id(Settings(), "shared"), str(number), str(number)) as run_id:
            log_metrics(run_id, {"loss": float(number)})
        os._exit(0)
sys.exit(sum(os.wait()[1] for _ in range(6)))
"""
"""Six processes, forked after the imports, so that they meet the database at one moment."""


def test_six_processes_on_a_new_database_do_not_collide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "new home")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(settings))
    monkeypatch.setenv("DESIGN_HOME", str(settings.home))
    six = subprocess.run(
        [sys.executable, "-c", _SIX],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert six.returncode == 0, six.stderr
    (experiment,) = [e for e in client().search_experiments() if e.name == "shared"]
    runs = client().search_runs([experiment.experiment_id])
    assert {run.info.run_name: run.data.metrics["loss"] for run in runs} == {
        str(number): float(number) for number in range(6)
    }
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_a_tracking_server_needs_no_preparation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    prepare_tracking(Settings(home=tmp_path / "home"))
    assert not (tmp_path / "home").exists()


# ---- experiments


def test_an_experiment_is_made_once_and_keeps_its_files_at_home(home: Path) -> None:
    made = experiment_id(Settings(), "campaign")
    assert experiment_id(Settings(), "campaign") == made
    entity = client().get_experiment(made)
    assert entity.artifact_location == (home / "mlflow/artifacts/campaign").as_uri()
    assert entity.tags["mlflow.experimentKind"] == "custom_model_development"


def test_a_deleted_experiment_is_taken_back(experiment: str) -> None:
    client().delete_experiment(experiment)
    assert experiment_id(Settings(), "campaign") == experiment
    assert client().get_experiment(experiment).lifecycle_stage == "active"


# ---- runs


def test_a_run_that_returns_is_finished(experiment: str) -> None:
    with run_for(experiment, "key", "round 01", tags={"campaign": "c"}) as run_id:
        assert status_of(run_id) == "RUNNING"
    run = client().get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.info.end_time is not None
    assert run.info.run_name == "round 01"
    assert run.data.tags["campaign"] == "c"
    assert run.data.tags["content_key"] == "key"


@pytest.mark.parametrize(
    ("error", "status"),
    [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED"), (SystemExit, "KILLED")],
)
def test_a_run_that_raises_is_ended_and_the_error_goes_on(
    experiment: str, error: type[BaseException], status: str
) -> None:
    with pytest.raises(error, match="stop"), run_for(experiment, "key", "round") as run_id:
        raise error("stop")
    assert status_of(run_id) == status
    # It is taken up again, and may finish.
    with run_for(experiment, "key", "round") as again:
        assert again == run_id
        assert status_of(run_id) == "RUNNING"
    assert status_of(run_id) == "FINISHED"
    assert len(client().search_runs([experiment])) == 1


# MLflow has two names for a local source, and calls pandas in a way that pandas 4 will not know.
@pytest.mark.filterwarnings("ignore:The specified dataset source can be:UserWarning")
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
def test_two_at_once_share_the_run_and_its_data_set(
    experiment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "measured.parquet"
    pd.DataFrame({"value": [1.0, 2.0]}).to_parquet(table)
    meeting = threading.Barrier(2)

    def slow(experiment: str, key: str) -> Run | None:
        # Both have looked before either writes, unless one waits for the other.
        found = find_run(experiment, key)
        with suppress(threading.BrokenBarrierError):
            meeting.wait(timeout=1)
        return found

    def open_one(_: int) -> str:
        with run_for(experiment, "key", "round") as run_id:
            log_dataset(run_id, table, "shared")
            return run_id

    monkeypatch.setattr(tracking, "find_run", slow)
    with ThreadPoolExecutor(2) as pool:
        (run_id,) = set(pool.map(open_one, range(2)))
    (run,) = client().search_runs([experiment])
    assert run.info.run_id == run_id
    assert run.inputs
    assert len(run.inputs.dataset_inputs) == 1


def test_runs_that_a_process_leaves_open_are_ended_with_it(experiment: str) -> None:
    with run_for(experiment, "done", "round"):
        pass
    with run_for(experiment, "open", "round") as run_id:
        end_open_runs()
        assert status_of(run_id) == "KILLED"
    assert {run.info.status for run in client().search_runs([experiment])} == {"FINISHED"}
    end_open_runs()
    assert status_of(run_id) == "FINISHED"


def test_a_nested_run_names_its_parent(experiment: str) -> None:
    with (
        run_for(experiment, "parent", "round") as parent,
        run_for(experiment, "child", "member 1", parent) as child,
    ):
        pass
    assert client().get_run(child).data.tags["mlflow.parentRunId"] == parent


def test_a_finished_run_is_found_before_a_newer_one(experiment: str) -> None:
    tags = {"content_key": "key"}
    finished = client().create_run(experiment, tags=tags).info.run_id
    client().set_terminated(finished, "FINISHED")
    client().create_run(experiment, tags=tags)
    assert _id(find_run(experiment, "key")) == finished
    assert find_run(experiment, "other") is None


def test_only_runs_of_dead_processes_of_this_machine_are_ended(experiment: str) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here = socket.gethostname()
    owners = {
        "dead": f"{here}:{gone.pid}",
        "alive": f"{here}:{os.getpid()}",
        "elsewhere": f"another-{here}:{gone.pid}",
        "unclear": f"{here}:",
        "unknown": "",
    }
    runs = {
        name: client().create_run(experiment, tags={"owner": owner}).info.run_id
        for name, owner in owners.items()
    }
    assert end_abandoned_runs(experiment) == 2
    assert {name: status_of(run) for name, run in runs.items()} == {
        "dead": "KILLED",
        "alive": "RUNNING",
        "elsewhere": "RUNNING",
        "unclear": "KILLED",
        "unknown": "RUNNING",
    }
    assert end_abandoned_runs(experiment) == 0


def test_a_run_that_is_open_belongs_to_this_process(experiment: str) -> None:
    with run_for(experiment, "key", "round") as run_id:
        assert end_abandoned_runs(experiment) == 0
        assert status_of(run_id) == "RUNNING"


# ---- what is logged


@pytest.fixture
def run_id(experiment: str) -> str:
    return client().create_run(experiment).info.run_id


def test_parameters_may_be_logged_again(run_id: str) -> None:
    for _ in range(2):
        log_params(run_id, {"steps": 60, "network.width": 32, "long": "x" * 9000})
    params = client().get_run(run_id).data.params
    assert params["steps"] == "60"
    assert len(params["long"]) == 6000


def test_a_checkpoint_is_a_file_and_metrics_at_its_step(run_id: str, tmp_path: Path) -> None:
    for step in (0, 5):
        file = tmp_path / f"checkpoint-{step}"
        file.write_bytes(bytes([step]))
        log_checkpoint(run_id, file, step, {"loss": 1.0 / (step + 1), "spread": 0.5})
    assert logged_steps(run_id, "loss") == logged_steps(run_id, "spread") == {0, 5}
    assert logged_steps(run_id, "other") == set()
    files = client().list_artifacts(run_id, "checkpoints")
    assert [file.path for file in files] == ["checkpoints/checkpoint-0", "checkpoints/checkpoint-5"]


def test_metrics_of_one_step_are_one_entry(run_id: str) -> None:
    log_metrics(run_id, {"a": 1.0}, step=3)
    log_metrics(run_id, {"a": 2.0}, step=4)
    history = client().get_metric_history(run_id, "a")
    assert [(entry.step, entry.value) for entry in history] == [(3, 1.0), (4, 2.0)]


def test_a_table_takes_the_place_of_half_a_table(run_id: str, experiment: str) -> None:
    table = pd.DataFrame({"design": ["ACGT", "GGGG"], "value": [0.5, float("nan")]})
    log_bytes(run_id, "candidates.json", b'{"columns": ["des')
    for _ in range(2):
        log_table(run_id, table, "candidates.json")
    assert artifact_names(run_id) == {"candidates.json"}
    read = client().load_table(experiment, "candidates.json", [run_id])
    pd.testing.assert_frame_equal(read, table, check_dtype=False)
    shown = client().get_run(run_id).data.tags["mlflow.loggedArtifacts"]
    assert json.loads(shown) == [{"path": "candidates.json", "type": "table"}]


def test_bytes_are_logged_under_their_name(run_id: str) -> None:
    log_bytes(run_id, "summary.json", b"{}")
    log_bytes(run_id, "summary.json", b'{"a": 1}')
    log_bytes(run_id, "note.txt", b"", folder="notes")
    assert artifact_names(run_id) == {"summary.json", "notes"}
    address = f"{client().get_run(run_id).info.artifact_uri}/summary.json"
    assert load_dict(address) == {"a": 1}


def test_settings_are_flattened_and_empty_ones_kept() -> None:
    assert flatten({"a": {"b": {"c": 1}, "d": {}}, "e": [1, {"f": 2}]}) == {
        "a.b.c": 1,
        "a.d": {},
        "e": [1, {"f": 2}],
    }
    assert run_link("1", "abc") == "/#/experiments/1/runs/abc"


def _id(run: Run | None) -> str:
    assert run is not None
    return run.info.run_id
