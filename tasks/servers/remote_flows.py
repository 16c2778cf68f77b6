"""Running a flow in the work pool that it belongs to, and returning its result."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any, ParamSpec, TypeVar, get_type_hints
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterType,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import ArtifactSort
from prefect.deployments import run_deployment
from prefect.runtime import deployment, flow_run
from prefect.utilities.callables import get_call_parameters
from pydantic import BaseModel, TypeAdapter

from tasks.installation.log import run_logger
from tasks.stages.code import code_fingerprint
from tasks.stages.stages import StageResult, content_key

P = ParamSpec("P")
R = TypeVar("R", bound=BaseModel)
_POLL_SECONDS = 1.0
_RESULT = "result"
_OF_THIS_RUN_ONLY = {"reused", "compute"}


class HandedOverError(RuntimeError):
    """A flow that was submitted to a pool did not complete."""


def run_in_pool(stage: Flow[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a flow by its deployment ``gpu`` and return its result.

    A run without a deployment, such as a command, runs it in its own process. A resumed run
    continues with the submissions of its earlier attempt: a result is used, a running flow is
    awaited, a failed one is submitted again.

    Raises HandedOverError with the reason if the flow fails, crashes or is cancelled.
    """
    if deployment.id is None:
        return stage(*args, **kwargs)
    parameters = get_call_parameters(stage.fn, args, kwargs)
    given = {name: TypeAdapter(Any).dump_python(v, mode="json") for name, v in parameters.items()}
    with get_client(sync_client=True) as client:
        for attempt in count(1):
            run = _submit(client, stage, given, attempt)
            if run.state is None or not run.state.is_final():
                run_logger().info("submitted to pool gpu: %s", run.name)
                return _result(client, _wait(client, run.id), stage)
            # It ended before this attempt: a failed or lost run is repeated.
            with suppress(HandedOverError):
                return _result(client, run, stage)
    raise AssertionError("counting never ends")


def return_result(result: R) -> R:
    """Store the result on the server for the run that submitted this flow, and return it.

    The result holds references and hashes, no data. Prefect's own results would need a folder or
    object store that both runs can reach.
    """
    if deployment.id is not None:
        artifact = ArtifactCreate(
            type=_RESULT,
            data=result.model_dump_json(),
            description="Where the stages of this run are.",
            flow_run_id=UUID(str(flow_run.id)),
        )
        with get_client(sync_client=True) as client:
            client.create_artifact(artifact)
    return result


def _submit(
    client: SyncPrefectClient, flow: Flow[P, R], parameters: dict[str, Any], attempt: int
) -> FlowRun:
    """Return the flow run of this attempt, created if there is none."""
    code = code_fingerprint(flow.fn.__module__)
    key = content_key({"flow": flow.name, "parameters": _lasting(parameters), "code": code})
    own = client.read_flow_run(UUID(str(flow_run.id)))
    return run_deployment(
        f"{flow.name}/gpu",
        parameters=parameters,
        timeout=0,
        idempotency_key=f"{own.id}:{key}:{attempt}",
        # What is urgent is urgent in every pool.
        work_queue_name=own.work_queue_name,
    )  # pyright: ignore[reportReturnType] - the synchronous form returns no coroutine


def _wait(client: SyncPrefectClient, run_id: UUID) -> FlowRun:
    while True:
        run = client.read_flow_run(run_id)
        if run.state is not None and run.state.is_final():
            return run
        time.sleep(_POLL_SECONDS)


def _result(client: SyncPrefectClient, run: FlowRun, flow: Flow[P, R]) -> R:
    """Return the result of a finished run, its files verified."""
    state = run.state
    if state is None or not state.is_completed():
        ended = f"{state.name}: {state.message}" if state else "in no state"
        raise HandedOverError(f"{flow.name} ended {ended}")
    model: type[R] = get_type_hints(flow.fn)["return"]
    result = model.model_validate(_returned(client, run.id))
    for stage in _stages(result):
        if not stage.is_intact():
            raise HandedOverError(
                f"{flow.name} completed, but {stage.folder} is missing or was changed; workers "
                "of one server share DESIGN_HOME, or DESIGN_STORE on different hosts"
            )
    return result


def _returned(client: SyncPrefectClient, run_id: UUID) -> object:
    mine = ArtifactFilter(
        flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]), type=ArtifactFilterType(any_=[_RESULT])
    )
    found = client.read_artifacts(artifact_filter=mine, sort=ArtifactSort.CREATED_DESC, limit=1)
    if not found:
        raise HandedOverError(f"flow run {run_id} completed without a result")
    return json.loads(str(found[0].data))


def _stages(value: object) -> Iterator[StageResult]:
    if isinstance(value, StageResult):
        yield value
    elif isinstance(value, BaseModel):
        yield from _stages(list(value.__dict__.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _stages(item)


def _lasting(value: Any) -> Any:
    """Return parameters without what differs between two attempts at the same work."""
    if isinstance(value, dict):
        return {k: _lasting(v) for k, v in value.items() if k not in _OF_THIS_RUN_ONLY}
    return [_lasting(item) for item in value] if isinstance(value, list) else value
