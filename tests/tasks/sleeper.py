"""A service that starts two processes which do nothing, for the tests that start and stop it."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from pathlib import Path

from tasks.installation.faults import exit_code
from tasks.installation.settings import Settings
from tasks.servers.services import claim


def _serve(settings: Settings) -> None:
    with suppress(KeyboardInterrupt), claim(settings, "sleeper") as service:
        for number in (1, 2):
            child = service.run(["tests.tasks.sleeper"])
            (settings.home / f"child-{number}").write_text(str(child.pid))
        (settings.home / "ready").touch()
        time.sleep(600)
    (settings.home / "tidy").touch()


if __name__ == "__main__":
    if len(sys.argv) == 1:
        time.sleep(600)
    sys.exit(exit_code(lambda: _serve(Settings(home=Path(sys.argv[1])))))
