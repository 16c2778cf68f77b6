"""MLflow runs whose flow run is over are ended, and no others."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from uuid import uuid4

import pytest

from tasks.installation.environment import tracking_uri
from tasks.installation.settings import Settings
from tasks.tracking.housekeeping import end_orphaned_runs
from tasks.tracking.tracking import FLOW_RUN_TAG, client, experiment_id

STATES = {
    str(uuid4()): state
    for state in ("RUNNING", "PENDING", "CANCELLING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED")
}


class _Prefect(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        ids = asked["flow_runs"]["id"]["any_"]
        known = [{"id": run, "state_type": STATES[run]} for run in ids if run in STATES]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(known).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def prefect() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Prefect) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()
        thread.join()


def test_only_runs_of_flow_runs_that_are_over_are_ended(home: Path, prefect: str) -> None:
    experiment = experiment_id(Settings(), "campaign")
    tracking = client()
    elsewhere = str(uuid4())  # written by a flow run of another server
    for flow_run in [*STATES, elsewhere]:
        tags = {FLOW_RUN_TAG: flow_run, "mlflow.runName": STATES.get(flow_run, "elsewhere")}
        tracking.create_run(experiment, tags=tags)
    tracking.create_run(experiment, tags={"mlflow.runName": "by hand"})
    ended = end_orphaned_runs(prefect, tracking_uri(Settings()))
    over = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}
    assert set(ended) == over
    statuses = {str(r.info.run_name): r.info.status for r in tracking.search_runs([experiment])}
    assert {name for name, status in statuses.items() if status == "KILLED"} == over
    assert {name for name, status in statuses.items() if status == "RUNNING"} == (
        set(STATES.values()) - over | {"elsewhere", "by hand"}
    )
    assert end_orphaned_runs(prefect, tracking_uri(Settings())) == []


def test_a_server_that_is_away_is_asked_again_later(home: Path) -> None:
    experiment = experiment_id(Settings(), "campaign")
    client().create_run(experiment, tags={FLOW_RUN_TAG: str(uuid4())})
    assert end_orphaned_runs("http://127.0.0.1:9/api", tracking_uri(Settings())) == []
