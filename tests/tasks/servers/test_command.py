"""A command's flow runs against a server that its child processes know as well."""

import os

from tasks.servers.command import _inherited


def test_children_are_told_the_server_and_nobody_else(monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("PREFECT_API_AUTH_STRING", raising=False)
    ours = {"PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_API_AUTH_STRING": "a:b"}
    with _inherited(ours):
        assert ours.items() <= os.environ.items()
    assert not ours.keys() & os.environ.keys()
    monkeypatch.setenv("PREFECT_API_URL", "http://theirs/api")
    with _inherited(ours):
        pass
    assert os.environ["PREFECT_API_URL"] == "http://theirs/api"
