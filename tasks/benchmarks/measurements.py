"""What measurements of cost share: where their results are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.installation.files import json_bytes, write_atomically
from tasks.installation.machine import describe_machine
from tasks.installation.settings import Settings


def store_measurement(name: str, **content: Any) -> Path:
    """Store a measurement with the machine that it was made on, and return the file."""
    path = Settings().home / "benchmarks" / f"{name}.json"
    write_atomically(path, json_bytes({"machine": describe_machine(), **content}))
    return path
