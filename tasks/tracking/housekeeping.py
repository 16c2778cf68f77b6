"""Ending the MLflow runs of flow runs that are over: killed, cancelled or lost ones too."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import httpx

from tasks.tracking.tracking import FLOW_RUN_TAG, client_of


def end_orphaned_runs(
    prefect_api: str, mlflow: str, login: tuple[str, str] | None = None
) -> list[str]:
    """End as KILLED the MLflow runs that say RUNNING while their flow run is over.

    Returns their names. A server that does not answer is asked again the next time.
    """
    from mlflow.exceptions import MlflowException

    tracking = client_of(mlflow)
    try:
        experiments = [found.experiment_id for found in tracking.search_experiments()]
        running = tracking.search_runs(experiments, "attributes.status = 'RUNNING'")
        tagged = {run: run.data.tags.get(FLOW_RUN_TAG, "") for run in running}
        over = _over(prefect_api, tagged.values(), login)
        ended = [run for run, flow_run in tagged.items() if flow_run in over]
        for run in ended:
            # It may have ended properly, or been taken up again, since it was listed.
            now = tracking.get_run(run.info.run_id)
            if now.info.status == "RUNNING" and now.data.tags[FLOW_RUN_TAG] == tagged[run]:
                tracking.set_terminated(run.info.run_id, "KILLED")
    except (MlflowException, httpx.HTTPError):
        return []
    return [str(run.info.run_name) for run in ended]


def _over(prefect_api: str, flow_runs: Iterable[str], login: tuple[str, str] | None) -> set[str]:
    """Return which of these flow runs have ended; one that the server does not know has not."""
    known = {str(UUID(flow_run)) for flow_run in flow_runs if flow_run}
    if not known:
        return set()
    answer = httpx.post(
        f"{prefect_api}/flow_runs/filter",
        json={"flow_runs": {"id": {"any_": sorted(known)}}},
        timeout=10,
        auth=login,
        trust_env=False,
    )
    answer.raise_for_status()
    ends = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}
    return {run["id"] for run in answer.json() if run["state_type"] in ends}
