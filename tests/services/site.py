"""A set-up as an operator has it: servers and workers, started by the operator's commands."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from mlflow.tracking import MlflowClient

from tasks.installation.settings import REPOSITORY, Settings
from tasks.servers.prefect_server import Announcement, free_port, running_server
from tasks.servers.services import stop
from tests import preloaded

CAMPAIGN = "design-campaign/cpu"
NIGHTLY = "design-campaign/nightly-dna"
TRAINING = "train-predictor/gpu"
ENDS = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}
TAKEN = {"PENDING", "RUNNING"}
GOING_ON = {"SCHEDULED", "PENDING", "RUNNING", "CANCELLING", "PAUSED"}


@dataclass
class Site:
    """An installation with servers and workers of its own."""

    home: Path
    settings: dict[str, str] = field(default_factory=dict)
    """Further variables of the environment of everything that is started."""
    host: str = "127.0.0.1"
    """The address of the servers."""
    prefix: tuple[str, ...] = ()
    """What a command is run by, such as a program that puts it on another host."""
    flow_command: tuple[str, ...] = ()
    """By what workers start their flow runs, if not as usual."""

    def __post_init__(self) -> None:
        self.ports = {"PREFECT_UI_PORT": free_port(), "MLFLOW_UI_PORT": free_port()}

    @property
    def environment(self) -> dict[str, str]:
        """What is told to the commands: nothing of our own environment but the data's place."""
        ours = ("DESIGN_HOME", "PREFECT_", "MLFLOW_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        ports = {name: str(port) for name, port in self.ports.items()}
        plain = {**ports, "DESIGN_HOME": str(self.home), "DESIGN_LOGIN": "off"}
        return {**kept, **plain, **self.settings}

    @property
    def login(self) -> tuple[str, str] | None:
        """Name and password that the servers were told to ask for."""
        name, _, password = self.settings.get("DESIGN_LOGIN", "").partition(":")
        return (name, password) if password else None

    def operate(self, what: str, **changed: str) -> str:
        """Run one of the operator's commands and return what it prints."""
        printed = self.command("tasks.servers.operate", what, **changed)
        if what == "deploy" and self.flow_command:
            self._set_flow_command()
        return printed

    def command(self, *command: str, **changed: str) -> str:
        """Run a Python module against the servers and return what it prints."""
        finished = subprocess.run(
            [*self.prefix, sys.executable, "-m", *command],
            env={**self.environment, **changed},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    # ---- Prefect, asked as its page asks it

    @property
    def servers(self) -> Announcement:
        """Where the servers answer."""
        servers = running_server(Settings(home=self.home))
        assert servers is not None
        return servers

    def api(self, method: str, path: str, content: Any = None) -> Any:
        """Return what the Prefect server answers; it may be away for a while."""
        address = f"http://{self.host}:{self.ports['PREFECT_UI_PORT']}/api{path}"
        deadline = time.monotonic() + 300
        while True:
            try:
                answer = httpx.request(
                    method, address, json=content, auth=self.login, timeout=30, trust_env=False
                )
                if answer.status_code < 500:
                    break
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, f"{address} does not answer"
            time.sleep(1)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def stop_only(self, service: str) -> None:
        """Stop one service and leave the others."""
        assert stop(Settings(home=self.home), service)

    def deployment(self, name: str = CAMPAIGN) -> dict[str, Any]:
        """Return a deployment as the server knows it."""
        return self.api("GET", f"/deployments/name/{name}")

    def _set_flow_command(self) -> None:
        for pool in ("cpu", "gpu"):
            template = self.api("GET", f"/work_pools/{pool}")["base_job_template"]
            template["job_configuration"]["command"] = shlex.join(self.flow_command)
            self.api("PATCH", f"/work_pools/{pool}", {"base_job_template": template})

    def submit(self, config: dict[str, Any], **others: Any) -> str:
        """Start a campaign as the form of the page does and return its id."""
        run = self.api(
            "POST",
            f"/deployments/{self.deployment()['id']}/create_flow_run",
            {"parameters": {"config": config}, "state": {"type": "SCHEDULED"}, **others},
        )
        return run["id"]

    def refused(self, parameters: dict[str, Any]) -> str:
        """Return what the server says to parameters that it must refuse."""
        address = f"{self.servers.address}/deployments/{self.deployment()['id']}/create_flow_run"
        answer = httpx.post(address, json={"parameters": parameters}, trust_env=False)
        assert 400 <= answer.status_code < 500, answer.text
        return answer.text

    def retry(self, run: str) -> None:
        """Resume a run as an operator does, until a worker has taken it.

        The worker of a run that was killed reports that too, after the process that ran it. On a
        busy machine that may come after the retry, and ends the run again.
        """
        address = f"http://{self.host}:{self.ports['PREFECT_UI_PORT']}/api"
        for _ in range(3):
            self.command("prefect", "flow-run", "retry", run, PREFECT_API_URL=address)
            if self.wait_for_state(run, *ENDS, *TAKEN)["state_type"] in {*TAKEN, "COMPLETED"}:
                return

    def cancel(self, run: str) -> None:
        """Cancel a run as the page does."""
        state = {"type": "CANCELLING", "name": "Cancelling"}
        self.api("POST", f"/flow_runs/{run}/set_state", {"state": state})

    def run(self, run: str) -> dict[str, Any]:
        """Return a flow run as the server knows it."""
        return self.api("GET", f"/flow_runs/{run}")

    def runs(self, *states: str) -> list[dict[str, Any]]:
        """Return the flow runs in these states, or all, the oldest first."""
        given = {"flow_runs": {"state": {"type": {"any_": list(states)}}}} if states else {}
        found = self.api("POST", "/flow_runs/filter", {**given, "sort": "START_TIME_ASC"})
        return list(found)

    def children(self, run: str) -> list[dict[str, Any]]:
        """Return the flow runs that a campaign has handed over, the oldest first."""
        mine = {"flow_runs": {"parent_flow_run_id": {"any_": [run]}}}
        found = self.api("POST", "/flow_runs/filter", {**mine, "sort": "START_TIME_ASC"})
        return list(found)

    def wait_for_state(self, run: str, *states: str, seconds: float = 600) -> dict[str, Any]:
        """Return a run when it is in one of these states."""
        wanted = set(states) or ENDS
        return until(
            lambda: (found := self.run(run))["state_type"] in wanted and found,
            seconds,
            lambda: f"{run} is {self.run(run)['state']}, not in {wanted}",
        )

    def wait_for_files(self, pattern: str, number: int = 1, seconds: float = 600) -> None:
        """Return when so many files of that name are in the installation."""
        until(
            lambda: len(list(self.home.glob(pattern))) >= number,
            seconds,
            lambda: f"{pattern} never came: {[r['state'] for r in self.runs()]}",
            pause=0.01,
        )

    # ---- faults

    def kill_run(self, run: str) -> None:
        """SIGKILL every process of a flow run."""
        found = _processes(f"PREFECT__FLOW_RUN_ID={run}", f"PREFECT__FLOW_RUN_ID={UUID(run).hex}")
        assert found, f"{run} has no process"
        for pid in found:
            _kill(pid)

    def kill_command(self, *words: str) -> None:
        """SIGKILL the processes of this installation whose command has all these words."""
        mine = _processes(f"DESIGN_HOME={self.home}")
        found = [pid for pid in mine if all(w in _command(pid) for w in words)]
        assert found, f"nothing runs {words}"
        for pid in found:
            _kill(pid)

    # ---- what is left

    @property
    def tracking(self) -> MlflowClient:
        """A client of the MLflow server."""
        address = f"http://{self.host}:{self.ports['MLFLOW_UI_PORT']}"
        return MlflowClient(tracking_uri=address, registry_uri=address)

    def mlflow_runs(self, status: str | None = None, campaign: str | None = None) -> list[Any]:
        """Return the runs in MLflow that have this status, or all; those of a campaign, or all."""
        tracking = self.tracking
        experiments = [
            found.experiment_id
            for found in tracking.search_experiments()
            if campaign in (None, found.name)
        ]
        chosen = f"attributes.status = '{status}'" if status else ""
        return list(tracking.search_runs(experiments, chosen))

    def published(self, campaign: str) -> Path:
        """Return the folder of a campaign's only round."""
        (folder,) = (self.home / "campaigns" / campaign).glob("round-*")
        return folder

    def _pools(self) -> dict[str, str]:
        """Return the status of the pools of both kinds of workers."""
        pools = ("cpu", "gpu")
        return {name: self.api("GET", f"/work_pools/{name}")["status"] for name in pools}

    def assert_quiet(self) -> None:
        """Check that nothing is left running, taken or half written."""
        until(
            lambda: not self.runs(*GOING_ON),
            60,
            lambda: f"still going on: {[(r['name'], r['state']) for r in self.runs(*GOING_ON)]}",
        )
        until(
            lambda: not self.mlflow_runs("RUNNING"),
            40,
            lambda: f"still RUNNING: {[r.info.run_name for r in self.mlflow_runs('RUNNING')]}",
        )
        assert list((self.home / "stages").rglob("*.tmp")) == []
        assert list((self.home / "campaigns").rglob("*.tmp")) == []
        # Workers report every half minute, after a restart of the server too.
        until(
            lambda: all(status == "READY" for status in self._pools().values()),
            60,
            lambda: f"work pools: {self._pools()}",
        )

    def forget(self, campaign: str) -> None:
        """Drop a campaign's stages, results and pages, so that the next one does all the work.

        What an earlier test has left running is cancelled first.
        """
        for run in self.runs(*GOING_ON):
            self.cancel(run["id"])
        self.assert_quiet()
        for name in ("stages", "campaigns"):
            shutil.rmtree(self.home / name, ignore_errors=True)
        tracking = self.tracking
        if found := tracking.get_experiment_by_name(campaign):
            tracking.rename_experiment(found.experiment_id, f"{campaign} until {time.time()}")
        name = f"{campaign}-predictor"
        if any(found.name == name for found in tracking.search_registered_models()):
            # Its aliases would outlive it.
            for alias in ("candidate", "champion"):
                tracking.delete_registered_model_alias(name, alias)
            tracking.delete_registered_model(name)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, preloaded_process: Path) -> Iterator[Site]:
    """Servers with everything registered and a worker for each pool, for all tests of a site.

    Flow runs are forks of a preloaded process, which spares their imports.
    """
    windows = {"DESIGN_RESTART_SECONDS": "10", "DESIGN_SILENT_SECONDS": "90"}
    forked = preloaded.command(preloaded_process, "-m", "prefect.engine")
    set_up = Site(tmp_path_factory.mktemp("site"), windows, flow_command=tuple(forked))
    try:
        set_up.operate("server")
        set_up.operate("deploy")
        set_up.operate("worker-cpu")
        set_up.operate("worker-gpu")
        yield set_up
    finally:
        set_up.operate("down")


def until(
    ready: Callable[[], Any], seconds: float, told: Callable[[], str], pause: float = 0.5
) -> Any:
    """Return what ``ready`` returns as soon as that is true."""
    deadline = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < deadline, told()
        time.sleep(pause)
    return found


def _processes(*variables: str) -> list[int]:
    """Return the processes whose environment holds one of these."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                held = (entry / "environ").read_bytes().split(b"\0")
                if any(variable.encode() in held for variable in variables):
                    found.append(int(entry.name))
    return found


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
