"""A command's flow runs against a server that its child processes know as well."""

import os

from tasks.servers.command import _inherited


def test_children_are_told_the_server_and_nobody_else(monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with _inherited("http://127.0.0.1:9/api"):
        assert os.environ["PREFECT_API_URL"] == "http://127.0.0.1:9/api"
    assert "PREFECT_API_URL" not in os.environ
    monkeypatch.setenv("PREFECT_API_URL", "http://theirs/api")
    with _inherited("http://ours/api"):
        pass
    assert os.environ["PREFECT_API_URL"] == "http://theirs/api"
