"""Services in the background: found, refused a second time, and stopped with all they started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from designlib.types import InputError
from tasks.installation.faults import MachineError
from tasks.installation.settings import Settings
from tasks.servers import services
from tasks.servers.services import claim, is_running, start, stop, stop_all


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def begin(settings: Settings) -> int:
    """Start the service of these tests and return its process."""
    ready = settings.home / "ready"
    command = ["tests.tasks.sleeper", str(settings.home)]
    start(settings, "sleeper", command, ready.exists, 60)
    return json.loads(record(settings).read_text())["pid"]


def record(settings: Settings) -> Path:
    return settings.home / "services" / "sleeper.json"


def children(settings: Settings) -> list[int]:
    return [int((settings.home / f"child-{number}").read_text()) for number in (1, 2)]


def alive(pid: int) -> bool:
    try:
        # One that has ended but was not waited for is a zombie, which signals still reach.
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_a_service_is_stopped_with_what_it_started_and_may_tidy_up(settings: Settings) -> None:
    begin(settings)
    assert is_running(settings, "sleeper")
    assert all(alive(pid) for pid in children(settings))
    assert stop_all(settings) == ["sleeper"]
    assert (settings.home / "tidy").exists()
    assert not any(alive(pid) for pid in children(settings))
    assert not is_running(settings, "sleeper")
    assert stop_all(settings) == []


def test_what_a_killed_service_leaves_is_found_and_stopped(settings: Settings) -> None:
    main = begin(settings)
    os.kill(main, signal.SIGKILL)
    while alive(main):
        time.sleep(0.05)
    # Its children hold its lock: a second service must not begin beside them.
    assert is_running(settings, "sleeper")
    second = claim(settings, "sleeper")
    with pytest.raises(InputError, match="sleeper is already running here"), second:
        pass
    assert stop(settings, "sleeper")
    assert not any(alive(pid) for pid in children(settings))


def test_a_number_that_was_given_to_somebody_else_is_left_alone(settings: Settings) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        main = begin(settings)
        pids = children(settings)
        # As if the service had been killed and its number been given away.
        record(settings).write_text(
            json.dumps({"pid": stranger.pid, "processes": [stranger.pid, *pids]})
        )
        os.kill(main, signal.SIGKILL)
        assert stop(settings, "sleeper")
        assert stranger.poll() is None
        assert not any(alive(pid) for pid in pids)
    finally:
        stranger.kill()
        stranger.wait()


def test_a_service_that_ends_at_once_is_told_with_its_last_words(settings: Settings) -> None:
    with pytest.raises(MachineError, match=r"broken ended at once: .*No module named no_such"):
        start(settings, "broken", ["no_such_module"], lambda: False, 30)


def test_a_service_that_is_never_ready_is_stopped(settings: Settings) -> None:
    with pytest.raises(MachineError, match="slow was not ready in 1 s"):
        start(settings, "slow", ["tests.tasks.sleeper"], lambda: False, 1)
    assert services._LEFT_RUNNING[-1].poll() is not None
