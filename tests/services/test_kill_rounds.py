"""A campaign of several rounds that is killed and started again loses and doubles nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from tasks.installation.settings import REPOSITORY
from tests.services.test_kill import Moment, _wait_for

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

TINY: dict[str, Any] = {
    "name": "loop",
    "rounds": 2,
    "training": {"members": 1, "steps": 10, "checkpoints": 2, "network": {"width": 16}},
    "sampling": {"chains": 64, "steps_per_rung": 2, "final_steps": 1},
    "selection": {"batch_size": 6, "min_distance": 1, "heldout_quantile": 0},
    "execution": {"device": "cpu", "shards": 1},
}

MOMENTS = [
    Moment("campaigns/loop/record/000001-*"),  # proposed, not yet published
    Moment("stages/recall/*/measured.parquet"),  # measured, the second round has just begun
]
"""Two, as each costs ten seconds. Any moment will do: stages, the record and the pages are each
written whole or not at all."""


def test_kills_between_and_within_rounds_lose_and_double_nothing(
    installation: Callable[..., Any], prefect_server: str
) -> None:
    killed = installation("killed", prefect_server)
    for moment in MOMENTS:
        with killed.start(TINY) as command:
            _wait_for(killed.home, moment, command)
            command.kill()
            command.communicate()
    killed.run(TINY)

    # A round that came out otherwise the second time would have another key, and so another
    # folder, another run and another entry.
    folder = killed.home / "campaigns" / "loop"
    rounds = sorted(folder.glob("round-*"))
    assert [path.name[:8] for path in rounds] == ["round-01", "round-02"]
    entries = sorted((folder / "record").glob("*.parquet"))
    assert [path.name[:15] for path in entries] == [
        "000001-proposed", "000002-measured", "000003-proposed", "000004-measured",
    ]  # fmt: skip
    state = pd.read_parquet(folder / "all_rounds.parquet")
    assert state["candidate_id"].is_unique
    assert (state["status"] == "measured").all()
    for published, entry in zip(rounds, entries[::2], strict=True):
        batch = pd.read_parquet(published / "candidates.parquet")
        pd.testing.assert_frame_equal(batch, pd.read_parquet(entry))
        assert (published / "summary.json").exists()
    assert list(killed.home.rglob("*.tmp")) == []
    runs = sorted((run.info.run_name, run.info.status) for run in killed.runs())
    assert runs == [
        *[("ensemble", "FINISHED")] * 2,
        *[("generation", "FINISHED")] * 2,
        *[("predictor 1", "FINISHED")] * 2,
        ("round 01", "FINISHED"),
        ("round 02", "FINISHED"),
        *[("scorer 1", "FINISHED")] * 2,
    ]


LAB: dict[str, Any] = {
    **{name: value for name, value in TINY.items() if name != "rounds"},
    "name": "lab",
    "data": {"source": {"path": "start.csv"}},
}

LAB_MOMENTS = [
    Moment("campaigns/lab/record/000002-*"),  # results recorded, nothing else of the import done
    Moment("stages/recall/*/measured.parquet"),  # the second round has just begun
]


def _measure(killed: Any, moment: Moment | None) -> None:
    """Import the results; where there is a moment, kill the command at it."""
    ours = ("DESIGN_", "PREFECT_", "MLFLOW_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    environment |= {"DESIGN_HOME": str(killed.home), "PREFECT_API_URL": killed.server}
    command = [sys.executable, "-m", "flows.measure", "lab", str(killed.home / "results.csv")]
    with subprocess.Popen(
        command, env=environment, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        if moment is not None:
            _wait_for(killed.home, moment, process)
            process.kill()
        said = process.communicate(timeout=300)
        assert moment is not None or process.returncode == 0, said


def test_kills_of_an_import_and_of_the_round_after_it_lose_and_double_nothing(
    installation: Callable[..., Any], prefect_server: str
) -> None:
    killed = installation("killed-lab", prefect_server)
    table = pd.read_parquet(REPOSITORY / "data" / "tfbind8_six6.parquet")
    table.iloc[::300].to_csv(killed.home.parent / "start.csv", index=False)
    killed.run(LAB)
    folder = killed.home / "campaigns" / "lab"
    (first,) = folder.glob("round-*")
    proposed = pd.read_csv(first / "candidates.csv")["design"]
    truth = table.set_index("design")["e_score"]
    pd.DataFrame({"design": proposed, "value": truth[proposed].to_numpy()}).to_csv(
        killed.home / "results.csv", index=False
    )
    _measure(killed, LAB_MOMENTS[0])
    _measure(killed, None)
    with killed.start(LAB) as command:
        _wait_for(killed.home, LAB_MOMENTS[1], command)
        command.kill()
        command.communicate()
    killed.run(LAB)

    entries = sorted(path.name[:15] for path in (folder / "record").glob("*.parquet"))
    assert entries == ["000001-proposed", "000002-measured", "000003-proposed"]
    assert [path.name[:8] for path in sorted(folder.glob("round-*"))] == ["round-01", "round-02"]
    state = pd.read_parquet(folder / "all_rounds.parquet").set_index("design")
    assert state.index.is_unique
    assert state["status"].value_counts().to_dict() == {"measured": 6, "proposed": 6}
    assert (state.loc[proposed, "measured_value"] == truth[proposed]).all()
    assert (folder / "campaign.html").exists()
    assert list(killed.home.rglob("*.tmp")) == []
    assert all(run.info.status == "FINISHED" for run in killed.runs())
