"""Two rounds of a campaign with a results file in between, by the commands that people run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from mlflow.tracking import MlflowClient

from tasks.installation.environment import tracking_uri
from tasks.installation.settings import REPOSITORY, Settings

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

SETTINGS: dict[str, Any] = {
    "name": "lab",
    "data": {"source": {"path": "start.csv", "units": "a.u.", "both_strands": True, "highest": 1}},
    "training": {"members": 2, "steps": 20, "checkpoints": 3, "network": {"width": 16}},
    "sampling": {"chains": 128, "steps_per_rung": 2, "final_steps": 2},
    "selection": {"batch_size": 8, "min_distance": 1},
    "plate": {"replicates": 2, "controls": ["ACGTACGT"], "references": 3, "avoid_edges": True},
    "synthesis": {
        "rules": {"gc": {"low": 0.2, "high": 0.8}, "max_run": 4, "max_repeat": None},
        "forbidden_sites": ["GGTCTC"],
        "adapters": {"left": "TTGGTCTCA", "right": "TGAGACCTT"},
    },
    "execution": {"device": "cpu"},
}

_COMMANDS = """
import io, json, sys
from contextlib import redirect_stdout, redirect_stderr
from pathlib import Path
import pandas as pd
from flows.campaign import main as campaign
from flows.measure import main as measure

def said(command, *arguments):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = command([str(a) for a in arguments])
    told.append([code, out.getvalue(), err.getvalue()])

told = []
home = Path(sys.argv[1])
truth = pd.read_parquet(sys.argv[2]).set_index("design")["e_score"]
said(measure, "lab", home / "none.csv")
said(campaign, "--config", home / "lab.yaml")
plate = next(home.glob("campaigns/lab/round-01-*")) / "plate.csv"
rows = pd.read_csv(plate)
rows = rows.assign(value=truth[rows["design"]].to_numpy(), qc="ok").sort_values("label")
failed, waiting = rows[rows["role"] == "exploit"]["candidate_id"].iloc[[0, 1]]
rows.loc[rows["candidate_id"] == failed, ["value", "qc"]] = [None, "fail"]
results = rows.loc[rows["candidate_id"] != waiting, ["plate", "well", "value", "qc"]]
results.to_csv(home / "results.csv", index=False)
good = results[results["qc"] == "ok"]
good.iloc[:2].assign(value=[0.9, 5.0]).to_csv(home / "wrong.csv", index=False)
said(measure, "lab", home / "results.csv")
said(measure, "lab", home / "results.csv")
said(measure, "lab", home / "wrong.csv")
said(campaign, "--config", home / "lab.yaml")
said(campaign, "--config", home / "lab.yaml")
said(campaign, "status", "lab")
rows = pd.read_csv(home / "campaigns/lab/all_rounds.csv")
said(campaign, "explain", rows[rows["round"] == 2]["candidate_id"].iloc[-1])
said(campaign, "explain", "c-000000000000")
Path(sys.argv[3]).write_text(json.dumps(told))
"""


@dataclass(frozen=True)
class Told:
    """What a command has answered."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def lab(installation: Callable[..., Any]) -> Any:
    return installation("lab")


@pytest.fixture(scope="module")
def home(lab: Any) -> Path:
    return lab.home


@pytest.fixture(scope="module")
def told(lab: Any, home: Path) -> dict[str, Told]:
    data = REPOSITORY / "data" / "tfbind8_six6.parquet"
    pd.read_parquet(data).iloc[::300].to_csv(home / "start.csv", index=False)
    (home / "lab.yaml").write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
    answers = home / "told.json"
    lab.script(_COMMANDS, home, data, answers)
    names = [
        "early",
        "first",
        "imported",
        "again",
        "wrong",
        "second",
        "waiting",
        "status",
        "explain",
        "unknown",
    ]
    answered = json.loads(answers.read_bytes())
    return {name: Told(*one) for name, one in zip(names, answered, strict=True)}


def entries(home: Path) -> list[str]:
    return sorted(
        path.name.rsplit("-", 1)[0] for path in home.glob("campaigns/lab/record/*.parquet")
    )


def test_results_come_after_a_proposal(told: dict[str, Told]) -> None:
    assert told["early"].code == 2
    assert "'lab' has proposed nothing" in told["early"].err


def test_a_file_is_imported_and_importing_it_again_changes_nothing(
    told: dict[str, Told], home: Path
) -> None:
    assert told["imported"].code == told["again"].code == 0
    assert "19 measurements imported (2 failed, 0 corrected, 0 for designs outside any" in (
        told["imported"].out
    )
    assert "nothing new; all 19 measurements are already recorded" in told["again"].out
    assert entries(home) == ["000001-proposed", "000002-measured", "000003-proposed"]


def test_a_conflict_is_told_with_both_values_and_nothing_is_imported(told: dict[str, Told]) -> None:
    assert told["wrong"].code == 2
    assert "2 measurements contradict" in told["wrong"].err
    assert "0.9 here" in told["wrong"].err


def test_the_next_run_proposes_round_two_from_what_has_arrived(
    told: dict[str, Told], home: Path
) -> None:
    assert told["second"].code == 0
    assert "/round-02-" in told["second"].out
    rows = pd.read_csv(home / "campaigns" / "lab" / "all_rounds.csv")
    first, second = (rows[rows["round"] == number] for number in (1, 2))
    assert first["status"].value_counts().to_dict() == {"measured": 6, "failed": 1, "proposed": 1}
    assert len(second) == 8
    # What was measured or still waits is not proposed again; what failed may be.
    gone = set(first.loc[first["status"] != "failed", "design"])
    other = {design[::-1].translate(str.maketrans("ACGT", "TGCA")) for design in gone}
    assert not (gone | other) & set(second["design"])
    facts = json.loads((next(home.glob("campaigns/lab/round-02-*")) / "summary.json").read_bytes())
    start = set(pd.read_csv(home / "start.csv")["design"])
    assert facts["data"]["designs"] == len(start | {"ACGTACGT"}) + 6


def test_the_plate_and_the_order_belong_together(told: dict[str, Told], home: Path) -> None:
    (folder,) = home.glob("campaigns/lab/round-01-*")
    wells, order = (pd.read_csv(folder / name) for name in ("plate.csv", "order.csv"))
    assert wells["role"].value_counts().to_dict() == {
        "exploit": 8,
        "replicate": 8,
        "reference": 3,
        "control": 2,
    }
    assert order["sequence"].tolist() == [f"TTGGTCTCA{d}TGAGACCTT" for d in wells["design"]]
    assert not wells["well"].str.match(r"[AH]|.1$|.12$").any()
    assert (folder / "plate.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "candidates.fasta").read_text().count(">") == 8
    batch = pd.read_parquet(folder / "candidates.parquet")
    assert (batch["constraint_synthesis"] == "ok").all()
    assert not batch["design"].str.contains("AAAAA|CCCCC|GGGGG|TTTTT").any()


def test_without_news_the_waiting_round_is_told(told: dict[str, Told], home: Path) -> None:
    assert told["waiting"].code == 0
    assert "nothing new: round 2 was proposed and no result has arrived since" in (
        told["waiting"].out
    )
    assert "/round-02-" in told["waiting"].out
    assert len(list(home.glob("campaigns/lab/round-*"))) == 2


def test_status_counts_rounds_and_says_what_is_next(told: dict[str, Told]) -> None:
    lines = [line.split() for line in told["status"].out.splitlines()]
    assert ["1", "8", "6", "1", "1"] in [line[:5] for line in lines]
    assert ["2", "8", "0", "0", "8"] in [line[:5] for line in lines]
    assert "next: measure, then python -m flows.measure lab FILE" in told["status"].out


def test_a_candidate_is_explained_and_made_again(told: dict[str, Told], home: Path) -> None:
    assert told["explain"].code == 0, told["explain"].err
    printed = told["explain"].out.splitlines()
    lines = {line[2:24].strip(): line[24:] for line in printed[1:-1]}
    rows = pd.read_csv(home / "campaigns" / "lab" / "all_rounds.csv").set_index("candidate_id")
    candidate = told["explain"].out.split(":")[0]
    assert lines["design"] == rows.loc[candidate, "design"]
    assert lines["round"] == "2"
    assert int(lines["chain"]) == rows.loc[candidate, "chain"]
    assert printed[-1].endswith(f"{lines['design']}, the same design")
    assert told["unknown"].code == 2
    assert "no campaign" in told["unknown"].err


def test_mlflow_has_a_run_per_round_with_what_was_measured(
    told: dict[str, Told], home: Path
) -> None:
    tracking = MlflowClient(tracking_uri=tracking_uri(Settings(home=home)))
    experiment = tracking.get_experiment_by_name("lab")
    assert experiment is not None
    runs = {r.info.run_name: r for r in tracking.search_runs([experiment.experiment_id])}
    assert runs["round 01"].data.metrics["measured.designs"] == 6
    assert "measured.designs" not in runs["round 02"].data.metrics
    assert runs["round 01"].info.status == runs["round 02"].info.status == "FINISHED"
