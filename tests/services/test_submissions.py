"""The form takes a run at the first click, whatever else the server has to write meanwhile.

``python -m tests.services.test_submissions 200`` measures it.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.services.conftest import SMALL
from tests.services.site import Site

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

_SUBMISSIONS = 20


def submissions(home: Path, number: int) -> tuple[Counter[int], list[float]]:
    """Submit runs one after another, as clicks, beside two campaigns; return answers and seconds.

    Nothing is tried again, as the page does not.
    """
    site = Site(home)
    try:
        for what in ("server", "deploy", "worker-cpu", "worker-gpu"):
            site.operate(what)
        for campaign in ("first", "second"):
            site.submit({**SMALL, "name": campaign})
        address = f"{site.servers.address}/deployments/{site.deployment()['id']}/create_flow_run"
        answers: Counter[int] = Counter()
        seconds = []
        while len(site.runs("RUNNING")) < 2:
            time.sleep(0.5)
        for _ in range(number):
            began = time.monotonic()
            answer = httpx.post(
                address,
                json={"parameters": {"config": SMALL}, "state": {"type": "SCHEDULED"}},
                timeout=120,
                trust_env=False,
            )
            seconds.append(time.monotonic() - began)
            answers[answer.status_code] += 1
        return answers, seconds
    finally:
        site.operate("down")


def test_every_submission_is_accepted_while_campaigns_run(tmp_path: Path) -> None:
    answers, _ = submissions(tmp_path / "home", _SUBMISSIONS)
    assert answers == {201: _SUBMISSIONS}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        answers, seconds = submissions(Path(folder), int(sys.argv[1]))
    print(
        f"answers {dict(answers)}; median {statistics.median(seconds):.2f} s, "
        f"longest {max(seconds):.2f} s"
    )
