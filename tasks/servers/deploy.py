"""Telling the Prefect server what there is to run: pools, queues, an automation, deployments."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectAlreadyExists
from prefect.workers.process import ProcessWorker

from designlib.types import InputError
from tasks.installation.settings import REPOSITORY, Settings

URGENT = "urgent"
"""The queue of each pool whose runs go before all others."""

_POOLS = {
    "cpu": "Campaigns and everything else that needs no GPU.",
    "gpu": "Training and sampling; as many runs at once as there are GPUs.",
}
_CAMPAIGNS_AT_ONCE = 4
_ENDS = ("Completed", "Failed", "Cancelled", "Crashed", "AwaitingRetry", "Scheduled")


class _Watch(NamedTuple):
    """An event after which others have to come, or the run is lost."""

    name: str
    after: str
    expect: tuple[str, ...]
    within: timedelta
    message: str


def _watches(silent_seconds: int) -> tuple[_Watch, ...]:
    """Return what finds runs whose worker and process are both gone.

    Without this each would hold its slot for ever.
    """
    return (
        _Watch(
            name="crash runs that have gone silent",
            after="heartbeat",
            expect=("heartbeat", *_ENDS),
            within=timedelta(seconds=silent_seconds),
            message=f"No sign of life for {silent_seconds} s. Go on with: prefect flow-run retry",
        ),
        _Watch(
            name="crash runs that never began",
            after="Pending",
            expect=("Running", "Cancelling", *_ENDS),
            within=timedelta(minutes=10),
            message="A worker took this run and never began it. Go on with: prefect flow-run retry",
        ),
    )


def deploy(gpus: int) -> list[str]:
    """Create what the server lacks, register all deployments, and return what was done.

    Doing it again changes nothing that a person has set in the page: limits of pools, and which
    schedules are paused.
    """
    with get_client(sync_client=True) as client:
        limits = {"cpu": _CAMPAIGNS_AT_ONCE, "gpu": max(1, gpus)}
        done = [
            line
            for name, about in _POOLS.items()
            for line in _create_pool(client, name, about, limits[name])
        ]
        for watch in _watches(Settings().silent_seconds):
            done += _create_automation(client, watch)
        done += _register(client)
    return done


def _create_pool(client: SyncPrefectClient, name: str, about: str, limit: int) -> list[str]:
    try:
        client.create_work_pool(
            WorkPoolCreate(
                name=name,
                type="process",
                description=about,
                concurrency_limit=limit,
                base_job_template=_job_template(),
            )
        )
    except ObjectAlreadyExists:
        # That of an earlier release let a run choose its command.
        client.update_work_pool(name, WorkPoolUpdate(base_job_template=_job_template()))
        done = []
    else:
        done = [f"pool {name}: {limit} runs at once"]
    try:
        client.create_work_queue(name=URGENT, priority=1, work_pool_name=name)
    except ObjectAlreadyExists:
        return done
    return [*done, f"queue {name}/{URGENT}, which goes first"]


def _job_template() -> dict[str, Any]:
    """Return what a run may choose of its process: its name and its labels, not what it runs."""
    template = ProcessWorker.get_default_base_job_template()
    for chosen in ("command", "env", "working_dir"):
        del template["job_configuration"][chosen], template["variables"]["properties"][chosen]
    template["variables"]["additionalProperties"] = False
    return template


def _create_automation(client: SyncPrefectClient, watch: _Watch) -> list[str]:
    if client.read_automations_by_name(watch.name):
        return []
    client.create_automation(
        AutomationCore(
            name=watch.name,
            trigger=EventTrigger(
                match={"prefect.resource.id": "prefect.flow-run.*"},
                after={f"prefect.flow-run.{watch.after}"},
                expect={f"prefect.flow-run.{event}" for event in watch.expect},
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=watch.within,
            ),
            actions=[
                ChangeFlowRunState(
                    name=None, force=False, state=StateType.CRASHED, message=watch.message
                )
            ],
        )
    )
    return [f"automation: {watch.name}"]


def _register(client: SyncPrefectClient) -> list[str]:
    """Register the deployments of prefect.yaml; schedules that are new to the server paused."""
    content = yaml.safe_load((Settings().embedded / "prefect.yaml").read_text(encoding="utf-8"))
    known = {
        (deployment.entrypoint, schedule.slug)
        for deployment in client.read_deployments()
        for schedule in deployment.schedules
    }
    done = []
    for deployment in content["deployments"]:
        pool = deployment["work_pool"]["name"]
        done.append(f"deployment {deployment['name']} of {deployment['entrypoint']} in pool {pool}")
        for schedule in deployment.get("schedules", []):
            if (deployment["entrypoint"], schedule["slug"]) not in known:
                schedule["active"] = False
                done.append(f"schedule {schedule['slug']}, paused")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "prefect.yaml"
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        command = ["prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
        finished = subprocess.run(  # noqa: S603 - a fixed command
            [sys.executable, "-m", *command],
            capture_output=True, text=True, check=False, cwd=REPOSITORY,
        )  # fmt: skip
    if finished.returncode or "failed" in finished.stdout.lower():
        raise InputError(f"prefect deploy failed:\n{finished.stdout}{finished.stderr}")
    return done
