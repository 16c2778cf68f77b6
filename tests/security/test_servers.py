"""The servers as a stranger finds them: without the login, from another page, by another name."""

from __future__ import annotations

import re
import stat
import warnings
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from prefect.server.api.server import create_app

from tests.services.site import CAMPAIGN, Site, until

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

_PUBLIC = {
    "/api/health",
    "/api/ready",
    "/health",
    "/api/3.0/mlflow/server-info",
    "/ajax-api/3.0/mlflow/server-info",
}
"""What a stranger may ask: whether a server is up, and which kind of store MLflow has."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    """Servers and a CPU worker as `make server` starts them, and what it printed."""
    set_up = Site(tmp_path_factory.mktemp("guarded"), {"DESIGN_LOGIN": ""})
    try:
        printed = set_up.operate("server")
        set_up.operate("deploy")
        set_up.operate("worker-cpu")
        yield set_up, printed
    finally:
        set_up.operate("down")


def login_of(site: Site) -> tuple[str, str]:
    name, _, password = (site.home / "login").read_text().strip().partition(":")
    return name, password


def ask(method: str, address: str, **others: Any) -> httpx.Response:
    return httpx.request(method, address, trust_env=False, timeout=60, **others)


def test_a_login_is_made_once_shown_once_and_kept_private(site: tuple[Site, str]) -> None:
    servers, printed = site
    file = servers.home / "login"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    login = file.read_text().strip()
    assert login in printed
    assert login not in servers.operate("server")
    kept = [path for path in servers.home.rglob("*") if path.is_file() and path != file]
    assert [
        path.name for path in kept if login.partition(":")[2].encode() in path.read_bytes()
    ] == []


@pytest.mark.parametrize("login", [None, ("designer", "wrong-password")])
def test_a_stranger_starts_reads_and_writes_nothing(
    site: tuple[Site, str], login: tuple[str, str] | None
) -> None:
    servers, _ = site
    prefect, mlflow = servers.servers
    for method, address, content in (
        ("POST", f"{prefect}/flow_runs/filter", {}),
        ("POST", f"{prefect}/deployments/filter", {}),
        ("POST", f"{prefect}/flow_runs/", {"flow_id": "0" * 32, "state": {"type": "SCHEDULED"}}),
        ("GET", f"{prefect}/admin/settings", None),
        ("GET", f"{mlflow}/api/2.0/mlflow/experiments/search?max_results=1", None),
        ("POST", f"{mlflow}/api/2.0/mlflow/experiments/create", {"name": "stranger"}),
        ("PUT", f"{mlflow}/api/2.0/mlflow-artifacts/artifacts/0/x/artifacts/x.txt", {}),
        ("GET", f"{mlflow}/get-artifact?run_uuid=x&path=x", None),
    ):
        assert ask(method, address, json=content, auth=login).status_code == 401, address


def test_no_route_of_either_server_answers_a_stranger(site: tuple[Site, str]) -> None:
    servers, _ = site
    prefect, mlflow = servers.servers
    asked = [(method, prefect + path) for method, path in _operations(create_app(final=True))]
    asked += [(method, mlflow + path) for method, path in _routes_of_mlflow()]
    assert len(asked) > 600
    answered = set()
    with httpx.Client(trust_env=False, timeout=60) as stranger:
        for method, address in asked:
            filled = re.sub(r"\{[^}]*\}|<[^>]*>", str(UUID(int=0)), address)
            if stranger.request(method, filled).status_code != 401:
                answered.add(urlsplit(filled).path)
    assert {path for path in answered if not path.startswith("/static-files/")} <= _PUBLIC


def _operations(app: FastAPI) -> Iterator[tuple[str, str]]:
    for path, methods in app.openapi()["paths"].items():
        yield from ((method.upper(), path) for method in methods)


def _routes_of_mlflow() -> Iterator[tuple[str, str]]:
    """Yield what the server takes: by Flask, with the users' routes, and by FastAPI beside it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.server import app
        from mlflow.server.auth import routes
        from mlflow.server.fastapi_app import create_fastapi_app

        yield from _operations(create_fastapi_app(app))
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            yield method, rule.rule
    for name, path in vars(routes).items():
        if name.isupper() and isinstance(path, str) and path.startswith("/"):
            yield "POST", path
            yield "GET", path


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://elsewhere.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Host": "elsewhere.example"},
        {"Host": "elsewhere.example", "Origin": "http://elsewhere.example"},
    ],
)
def test_another_page_or_name_is_refused_even_with_the_login(
    site: tuple[Site, str], headers: dict[str, str]
) -> None:
    servers, _ = site
    prefect, mlflow = servers.servers
    own = {"auth": login_of(servers), "headers": headers, "json": {}}
    answer = ask("POST", f"{prefect}/deployments/filter", **own)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert ask("OPTIONS", f"{prefect}/flow_runs/", **own).status_code == 403
    if headers != {"Origin": "http://127.0.0.1:1"}:  # MLflow takes any port of this machine
        address = f"{mlflow}/api/2.0/mlflow/experiments/create"
        assert ask("POST", address, **own | {"json": {"name": "other"}}).status_code == 403


@pytest.mark.parametrize("chosen", ["command", "env", "working_dir", "image"])
def test_a_run_cannot_choose_what_runs(site: tuple[Site, str], chosen: str) -> None:
    servers, _ = site
    prefect, _ = servers.servers
    login = login_of(servers)
    mark = servers.home / f"mark-{chosen}"
    values: dict[str, Any] = {
        "command": f"touch {mark}",
        "env": {"X": "1"},
        "working_dir": "/",
        "image": "other",
    }
    deployment = ask("GET", f"{prefect}/deployments/name/{CAMPAIGN}", auth=login).json()
    answer = ask(
        "POST",
        f"{prefect}/deployments/{deployment['id']}/create_flow_run",
        auth=login,
        json={"job_variables": {chosen: values[chosen]}, "state": {"type": "SCHEDULED"}},
    )
    assert answer.status_code == 422, answer.text
    runs = ask("POST", f"{prefect}/flow_runs/filter", auth=login, json={}).json()
    assert [run["name"] for run in runs if run["state_type"] != "SCHEDULED"] == []
    assert not mark.exists()


def test_workers_and_commands_use_the_login_by_themselves(site: tuple[Site, str]) -> None:
    servers, _ = site
    prefect, mlflow = servers.servers
    login = login_of(servers)
    until(
        lambda: ask("GET", f"{prefect}/work_pools/cpu", auth=login).json()["status"] == "READY",
        60,
        lambda: "the worker never reached the server",
    )
    answer = ask("GET", f"{mlflow}/api/2.0/mlflow/experiments/search?max_results=1", auth=login)
    assert answer.status_code == 200


def test_the_pages_own_origin_is_accepted(site: tuple[Site, str]) -> None:
    servers, _ = site
    prefect, _ = servers.servers
    page = prefect.removesuffix("/api")
    for origin in (page, page.replace("127.0.0.1", "localhost")):
        own = {"auth": login_of(servers), "headers": {"Origin": origin}, "json": {}}
        assert ask("POST", f"{prefect}/deployments/filter", **own).status_code == 200
