"""A whole campaign in the process of a test: flows and tasks of Prefect are plain functions."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from prefect import Flow, Task
from prefect.artifacts import Artifact
from prefect.task_runners import ThreadPoolTaskRunner

from flows.campaign import design_campaign
from tasks.inputs.campaign_config import CampaignConfig
from tasks.installation.settings import Settings
from tasks.stages.results import Published
from tasks.tracking.tracking import prepare_tracking

__all__ = ["run_campaign", "without_prefect"]


class _Done(NamedTuple):
    """What a submitted task has returned already."""

    value: Any

    def result(self) -> Any:
        return self.value


class _Stored(NamedTuple):
    """An artifact that no server keeps."""

    id: None = None


def without_prefect(patch: pytest.MonkeyPatch) -> None:
    """Run flows and tasks where they are called, one after the other, and ask no Prefect server.

    MLflow stays what it is.
    """
    for kind in (Flow, Task):
        patch.setattr(kind, "__call__", lambda self, *args, **kwargs: self.fn(*args, **kwargs))
    patch.setattr(Task, "submit", lambda self, *args, **kwargs: _Done(self.fn(*args, **kwargs)))
    patch.setattr(
        ThreadPoolTaskRunner,
        "submit",
        lambda self, task, parameters, **others: _Done(task.fn(**parameters)),
    )
    patch.setattr(Artifact, "create", lambda self, **others: _Stored())


def run_campaign(config: CampaignConfig) -> Published:
    """Return the last round of a campaign; see `without_prefect`."""
    prepare_tracking(Settings())
    return design_campaign(config)
