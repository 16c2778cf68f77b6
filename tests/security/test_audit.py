"""What the audit says: weaknesses fail, and a database that is away is no clean bill."""

from __future__ import annotations

import json
import re

import pytest

from tasks.installation.settings import REPOSITORY
from tests.security.audit import verdict


def answer(*packages: object) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


CLEAN = {"name": "a", "version": "1", "vulns": []}
WEAK = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1"}, {"id": "CVE-2"}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("told", "error", "said", "weak"),
    [
        (answer(CLEAN, UNKNOWN), "", "no known weakness in 1 packages", False),
        (answer(CLEAN, WEAK), "Found 2", "b 2: CVE-1, CVE-2", True),
        (answer(UNKNOWN, UNKNOWN, CLEAN), "", "audit skipped: the database knows 1 of 3", False),
        ("", "Traceback\nConnectionError: no route", "audit skipped: ConnectionError", False),
        ("", "", "audit skipped: no answer", False),
    ],
)
def test_the_verdict(told: str, error: str, said: str, weak: bool) -> None:
    text, failed = verdict(told, error)
    assert text.startswith(said)
    assert failed == weak


def test_every_package_but_pytorch_is_locked_with_hashes() -> None:
    lock = (REPOSITORY / "requirements.lock").read_text()
    packages = re.findall(r"^\S+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})?", lock, re.MULTILINE)
    assert len(packages) > 200
    assert all(packages)
    assert not re.search(r"^torch==", lock, re.MULTILINE)
    torch = re.search(r"^torch==(.*)$", (REPOSITORY / "pytorch.lock").read_text(), re.MULTILINE)
    assert torch is not None
    assert f'"torch=={torch[1]}"' in (REPOSITORY / "pyproject.toml").read_text()
    assert "--require-hashes -r requirements.lock" in (REPOSITORY / "Makefile").read_text()
