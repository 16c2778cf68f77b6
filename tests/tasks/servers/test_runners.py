"""What runs the shards of a walk."""

from __future__ import annotations

import sys

import pytest
from prefect.task_runners import ThreadPoolTaskRunner
from prefect_dask.task_runners import DaskTaskRunner
from pydantic import ValidationError

from designlib.types import InputError
from tasks.inputs.config import ExecutionConfig
from tasks.servers.runners import runner_of


def test_threads_are_the_default() -> None:
    assert isinstance(runner_of(ExecutionConfig()), ThreadPoolTaskRunner)


def test_a_cluster_is_made_here_or_elsewhere() -> None:
    here = runner_of(ExecutionConfig(runner="dask"))
    assert isinstance(here, DaskTaskRunner)
    assert here.cluster_kwargs["threads_per_worker"] == 1
    there = runner_of(ExecutionConfig(runner="dask tcp://scheduler:8786"))
    assert isinstance(there, DaskTaskRunner)
    assert there.address == "tcp://scheduler:8786"


def test_an_engine_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prefect_ray", None)
    with pytest.raises(InputError, match=r"pip install 'trajectory-design\[ray\]'"):
        runner_of(ExecutionConfig(runner="ray"))


def test_threads_have_no_address() -> None:
    with pytest.raises(ValidationError, match="should match pattern"):
        ExecutionConfig(runner="threads tcp://scheduler:8786")
