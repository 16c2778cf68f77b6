"""What machine a figure was measured on."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

from tasks.installation.settings import REPOSITORY


def describe_machine() -> dict[str, Any]:
    """Return processor, number of cores, system, and versions of Python and torch."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def machine_line() -> str:
    """Return the same in one line."""
    told = describe_machine()
    return (
        f"{told['processor']}, {told['cores']} cores, {told['system']}, Python {told['python']}, "
        f"torch {told['torch']}"
    )


def _processor() -> str:
    """Return the name of the CPU, which on Linux only a file knows."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@functools.cache
def code_version() -> str:
    """Return the commit of the code, with a note where files have changed since.

    Outside a repository it is the release.
    """
    if not (REPOSITORY / ".git").exists():
        return f"release {importlib.metadata.version('trajectory-design')}"
    git = ["git", "-C", str(REPOSITORY)]
    try:
        commit = subprocess.run(  # noqa: S603 - a fixed command
            [*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(  # noqa: S603 - a fixed command
            [*git, "status", "--porcelain"], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit} with uncommitted changes" if changed else commit
