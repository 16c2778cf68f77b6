"""Creating the databases of this installation ahead of the first run."""

from __future__ import annotations

import subprocess
import sys

from tasks.installation.environment import prepare_environment
from tasks.installation.settings import Settings


def main() -> int:
    """Create the Prefect and the MLflow database where they are not there; return the exit code."""
    settings = Settings()
    prepare_environment(settings)
    (settings.home / "prefect").mkdir(parents=True, exist_ok=True)
    migration = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"],
        stdout=subprocess.DEVNULL,
    )
    from tasks.tracking.tracking import prepare_tracking

    prepare_tracking(settings)
    return migration.wait()


if __name__ == "__main__":
    sys.exit(main())
