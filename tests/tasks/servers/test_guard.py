"""What the guard lets through to the server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tasks.servers.guard import Guard

HOSTS = frozenset({"127.0.0.1:4200", "localhost:4200"})


def answer(kind: str, **headers: str) -> list[dict[str, Any]]:
    """Send one request through the guard; an empty list says that the server got it."""
    sent: list[dict[str, Any]] = []

    async def server(scope: Any, receive: Any, send: Any) -> None:
        del scope, receive, send

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    named = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "method": "GET", "headers": named}
    asyncio.run(Guard(server, HOSTS)(scope, receive, send))
    return sent


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:4200"},
        {"host": "LOCALHOST:4200"},
        {"host": "localhost:4200", "origin": "http://127.0.0.1:4200"},
        {"host": "localhost:4200", "origin": "https://localhost:4200"},
    ],
)
def test_requests_of_the_servers_own_page_pass(kind: str, headers: dict[str, str]) -> None:
    assert answer(kind, **headers) == []


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "127.0.0.1"},
        {"host": "127.0.0.1:4201"},
        {"host": "elsewhere.example:4200"},
        {"host": "localhost:4200", "origin": ""},
        {"host": "localhost:4200", "origin": "null"},
        {"host": "localhost:4200", "origin": "http://localhost:4200.elsewhere.example"},
        {"host": "localhost:4200", "origin": "http://elsewhere.example"},
    ],
)
def test_requests_of_other_hosts_and_origins_are_refused(
    kind: str, headers: dict[str, str]
) -> None:
    first = answer(kind, **headers)[0]
    if kind == "http":
        assert (first["type"], first["status"]) == ("http.response.start", 403)
    else:
        assert first == {"type": "websocket.close", "code": 1008}


def test_the_servers_own_start_and_end_pass() -> None:
    assert answer("lifespan") == []
