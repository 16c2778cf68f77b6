"""Servers that ask for a password, on the address they are told to bind to.

Nobody gets in without, workers do, and it is not told.
"""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tasks.installation.settings import Settings
from tasks.servers.prefect_server import free_port
from tasks.servers.services import stop
from tests.services.site import Site

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

_HOST = "127.0.0.2"  # loopback too, yet another address than the usual one
_PASSWORD = "correct-horse-battery"


def test_both_servers_ask_for_the_login(tmp_path: Path) -> None:
    site = Site(tmp_path / "home", {"DESIGN_LOGIN": f"ada:{_PASSWORD}", "DESIGN_HOST": _HOST})
    # Not of the range that other tests draw theirs from: they may take the same on 127.0.0.1.
    site.ports = {"PREFECT_UI_PORT": free_port(24_200), "MLFLOW_UI_PORT": free_port(25_000)}
    try:
        site.operate("server")
        prefect, mlflow = site.servers
        assert prefect.startswith(f"http://{_HOST}:")
        assert mlflow.startswith(f"http://{_HOST}:")
        for address in (prefect, mlflow):
            with pytest.raises(httpx.ConnectError):
                httpx.get(address.replace(_HOST, "127.0.0.1"), trust_env=False)
        addresses = {
            "POST": f"{prefect}/deployments/filter",
            "GET": f"{mlflow}/api/2.0/mlflow/experiments/get?experiment_id=0",
        }
        for method, address in addresses.items():
            for login in (None, ("ada", "wrong"), ("bob", _PASSWORD)):
                answer = httpx.request(
                    method, address, json={}, auth=login, trust_env=False, timeout=60
                )
                assert answer.status_code == 401, (address, login)
            answer = httpx.request(
                method, address, json={}, auth=("ada", _PASSWORD), trust_env=False, timeout=60
            )
            assert answer.status_code == 200, address
        # Commands and workers bring it.
        site.operate("deploy")
        site.operate("worker-cpu")
        told = site.operate("down")
        assert told.split() == ["stopped", "worker-cpu", "stopped", "server"]
    finally:
        for name in ("worker-cpu", "server"):
            stop(Settings(home=site.home), name)
    kept = [path for path in site.home.rglob("*") if path.is_file()]
    assert [path.name for path in kept if _PASSWORD.encode() in path.read_bytes()] == []
