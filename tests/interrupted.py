"""Campaigns that are killed at whatever leaves a trace: a rename, a copy, a lock, a call of MLflow.

``python -m tests.interrupted CAMPAIGN.yaml SEEN`` runs a campaign without Prefect and sends itself
SIGKILL before the first such moment that the file SEEN does not list, which it adds. Run again and
again, it is killed once at each and in the end completes. Where results lie beside the settings it
does so in their import, and then runs the next round.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import BaseFileLock
from matplotlib.figure import Figure
from mlflow.tracking import MlflowClient
from mlflow.utils import environment as mlflow_environment

from tasks.installation.settings import Settings
from tests.in_process import run_campaign, without_prefect

__all__ = ["interrupt"]

_CHANGES = ("create", "delete", "log", "rename", "set", "update")
"""How methods of MLflow's client begin that change what it keeps."""
_ARBITRARY = re.compile(r"/tmp/[^/']+|\b[0-9a-f]{16,32}\b|\w+(?=\.png)")
"""What differs between attempts or stages of one kind in paths: temporary names, ids, keys, and
which of the pictures it is."""
_NUMBER = re.compile(r"[0-9]+")
"""Versions, times and values in calls of MLflow. A kill in a registration leaves a version, so that
the next attempt makes another; with numbers it would be killed there for ever."""


def interrupt(patch: pytest.MonkeyPatch, at: Callable[[str], None]) -> None:
    """Call ``at`` with a name of the moment before every change of a file, a lock or MLflow."""

    def before(place: Any, name: str, describe: Callable[..., str]) -> None:
        original = getattr(place, name)

        @functools.wraps(original)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            at(f"{name} {describe(*args, **kwargs)}")
            return original(*args, **kwargs)

        patch.setattr(place, name, wrapped)

    for place, name in ((os, "replace"), (os, "rename"), (shutil, "copyfile")):
        before(place, name, lambda source, target, **others: os.fspath(target))
    before(BaseFileLock, "release", lambda lock, *args, **kwargs: lock.lock_file)
    for name in vars(MlflowClient):
        if name.split("_")[0] in _CHANGES:
            before(MlflowClient, name, lambda client, *args, **kwargs: _call(args, kwargs))


def _call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    return _NUMBER.sub("*", _ARBITRARY.sub("*", f"{args} {kwargs}"))[:200]


def _kill_once(seen: Path, moment: str) -> None:
    """Kill this process where the moment is new."""
    moment = _ARBITRARY.sub("*", moment.replace(str(Settings().home), "").replace("\n", " "))
    if seen != Path(os.devnull) and moment not in seen.read_text().splitlines():
        with seen.open("a") as file:
            file.write(moment + "\n")
        os.kill(os.getpid(), signal.SIGKILL)


def main(settings: Path, seen: Path) -> None:
    """Run a campaign and import its results, killed as described above."""
    from flows.measure import import_measurements
    from tasks.inputs.campaign_config import CampaignConfig

    config = CampaignConfig.model_validate(yaml.safe_load(settings.read_text()))
    results = settings.with_suffix(".csv")
    with pytest.MonkeyPatch.context() as patch:
        without_prefect(patch)
        # Waiting for a disk, pictures and a list of packages are most of the time.
        patch.setattr(os, "fsync", lambda handle: None)
        patch.setattr(Figure, "savefig", lambda figure, file, **others: file.write(b"a picture"))
        unchecked = "warn_dependency_requirement_mismatches"
        patch.setattr(mlflow_environment, unchecked, lambda requirements: None, raising=False)
        with pytest.MonkeyPatch.context() as interrupting:
            interrupt(interrupting, functools.partial(_kill_once, seen))
            if results.exists():
                import_measurements(config.name, str(results))
            else:
                run_campaign(config)
        if results.exists():
            run_campaign(config)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
