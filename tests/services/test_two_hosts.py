"""Servers and workers on hosts of their own: two addresses, no shared folder, an object store."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.services.site import Site

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

_HERE, _FRONT = "10.213.1.1", "10.213.1.2"
_SERVER, _GPU = "10.213.2.1", "10.213.2.2"
_STORE_PORT = 5123
_KEYS = {
    "AWS_ACCESS_KEY_ID": "ada",
    "AWS_SECRET_ACCESS_KEY": "correct-horse-battery",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[str, str]]:
    """Two network namespaces that reach each other; this process reaches the first."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    first, second = f"design-a-{os.getpid()}", f"design-b-{os.getpid()}"
    mine, link = f"dsa{os.getpid()}", f"dsb{os.getpid()}"
    set_up = [
        f"netns add {first}",
        f"netns add {second}",
        f"link add {mine} type veth peer name front netns {first}",
        f"link add {link} netns {first} type veth peer name back netns {second}",
        f"addr add {_HERE}/24 dev {mine}",
        f"link set {mine} up",
        f"-n {first} addr add {_FRONT}/24 dev front",
        f"-n {first} addr add {_SERVER}/24 dev {link}",
        f"-n {second} addr add {_GPU}/24 dev back",
        *(f"-n {first} link set {device} up" for device in ("lo", "front", link)),
        *(f"-n {second} link set {device} up" for device in ("lo", "back")),
        f"route add {_SERVER} via {_FRONT}",
    ]
    try:
        for command in set_up:
            done = subprocess.run(
                ["ip", *command.split()], check=False, capture_output=True, text=True
            )
            if done.returncode != 0:
                pytest.skip(f"no network namespaces here: ip {command}: {done.stderr.strip()}")
        yield first, second
    finally:
        for name in (first, second):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@pytest.fixture
def store(hosts: tuple[str, str], tmp_path: Path) -> Iterator[str]:
    """An S3 server on the first host, with an empty bucket."""
    command = ["ip", "netns", "exec", hosts[0], sys.executable, "-W", "ignore", "-m", "moto.server"]
    with (tmp_path / "store.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "-H", _SERVER, "-p", str(_STORE_PORT)], stdout=log, stderr=log
        )
    address = f"http://{_SERVER}:{_STORE_PORT}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.put(f"{address}/designs", trust_env=False).raise_for_status()
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline, (tmp_path / "store.log").read_text()
                time.sleep(0.2)
        yield f"s3://designs/results?scheme=http&endpoint_override={_SERVER}:{_STORE_PORT}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def test_a_campaign_over_two_hosts(
    hosts: tuple[str, str], store: str, tmp_path: Path, small: dict[str, Any], undisturbed: Any
) -> None:
    homes = tmp_path / "a", tmp_path / "b"
    for home in homes:
        home.mkdir()
    settings = {"DESIGN_HOST": _SERVER, "DESIGN_STORE": store, **_KEYS}
    front = Site(homes[0], settings, _SERVER, _on(hosts[0], hidden=homes[1]))
    addresses = {
        "PREFECT_API_URL": f"http://{_SERVER}:{front.ports['PREFECT_UI_PORT']}/api",
        "MLFLOW_TRACKING_URI": f"http://{_SERVER}:{front.ports['MLFLOW_UI_PORT']}",
    }
    back = replace(
        front,
        home=homes[1],
        settings={**settings, **addresses},
        prefix=_on(hosts[1], hidden=homes[0]),
    )
    try:
        for what in ("server", "deploy", "worker-cpu"):
            front.operate(what)
        back.operate("worker-gpu")
        run = front.submit(small)
        front.wait_for_state(run, "COMPLETED", seconds=400)
        folder = front.published("small")
        for name in ("candidates.parquet", "candidates.csv", "rejected.parquet"):
            assert (folder / name).read_bytes() == (undisturbed.folder / name).read_bytes(), name
        front.assert_quiet()
        # Trained and walked on the one, scored and chosen on the other, which fetched the rest.
        there = {path.parts[-3] for path in homes[1].glob("stages/*/*/manifest.json")}
        assert {"train", "plan", "sample-shard", "samples"} <= there
        assert not there & {"score", "select", "report"}
        here = homes[0].glob("stages/sample*/*/manifest.json")
        for path in here:
            twin = homes[1] / path.relative_to(homes[0])
            assert path.stat().st_mtime_ns > twin.stat().st_mtime_ns
        assert not list(homes[1].glob("campaigns/*"))
        # The checkpoints went through the MLflow server.
        members = [r for r in front.mlflow_runs() if r.info.run_name.startswith("predictor")]
        assert len(members) == 2
        for member in members:
            found = front.tracking.list_artifacts(member.info.run_id, "checkpoints")
            assert len(found) == small["training"]["checkpoints"]
    finally:
        back.operate("down")
        front.operate("down")


def _on(host: str, hidden: Path) -> tuple[str, ...]:
    """Return what runs a command on a host that cannot see the other one's folder."""
    script = f'mount -t tmpfs none "{hidden}" && exec "$@"'
    return ("ip", "netns", "exec", host, "sh", "-c", script, "sh")
