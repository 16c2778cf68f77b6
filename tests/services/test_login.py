"""Servers that ask for a password: nobody gets in without, workers do, and it is not told."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tasks.services import stop
from tasks.settings import Settings
from tests.services.site import Site

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

_PASSWORD = "correct-horse-battery"


def test_both_servers_ask_for_the_login(tmp_path: Path) -> None:
    site = Site(tmp_path / "home", {"DESIGN_LOGIN": f"ada:{_PASSWORD}"})
    try:
        site.operate("server")
        prefect, mlflow = site.servers
        assert prefect.startswith("http://127.0.0.1:")
        assert mlflow.startswith("http://127.0.0.1:")
        addresses = {
            "POST": f"{prefect}/deployments/filter",
            "GET": f"{mlflow}/api/2.0/mlflow/experiments/get?experiment_id=0",
        }
        for method, address in addresses.items():
            for login in (None, ("ada", "wrong"), ("bob", _PASSWORD)):
                answer = httpx.request(method, address, json={}, auth=login, trust_env=False)
                assert answer.status_code == 401, (address, login)
            answer = httpx.request(
                method, address, json={}, auth=("ada", _PASSWORD), trust_env=False
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
