"""Where a candidate is from: what led to it, and its chain replayed.

Stages are found by the hashes in their manifests: the selection of a round names the designs that
it chose from, these the samples, the samples their plan and the predictors, each by the content of
its files. So a chain is replayed from the files that the design was made from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from designlib.candidates import Event
from designlib.config import DesignRules
from designlib.sampling.run import SamplingRun
from designlib.types import InputError
from tasks.installation.device import use_device
from tasks.installation.settings import Settings
from tasks.record.ledger import campaign_folder, campaigns, load_ledger
from tasks.rounds.generate import load_sampling_run
from tasks.rounds.rounds import ROUND_MAKERS
from tasks.stages.code import code_fingerprint
from tasks.stages.stages import StageResult, recorded_stage

_SHOWN = (
    "design",
    "campaign",
    "round",
    "rank",
    "role",
    "predicted_mean",
    "predicted_std",
    "validation_score",
    "acquisition",
    "parent_id",
    "parent_design",
    "edits",
    "nearest_measured",
    "distance_to_measured",
    "start",
    "chain",
    "rung",
    "step",
    "sampler",
    "seed",
    "predictor_hash",
    "dataset_hash",
    "config_hash",
    "round_key",
)


class Lineage(NamedTuple):
    """A candidate as it was proposed."""

    event: Event
    row: Mapping[str, Any]
    state: Mapping[str, Any]
    """Status and measured value as they are now."""


class _Stages:
    """All finished stages of this installation, found by what they hold or were made from."""

    def __init__(self) -> None:
        paths = sorted(Settings().stages.glob("*/*/manifest.json"))
        self._manifests = [json.loads(path.read_bytes()) for path in paths]

    def first(self, what: str, matches: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first manifest that matches; raises InputError where none does."""
        found = next(filter(matches, self._manifests), None)
        if found is None:
            raise _missing(what)
        return found

    def made_of(self, files: dict[str, str], what: str) -> dict[str, Any]:
        """Return the manifest of the stage that made exactly these files."""
        return self.first(what, lambda manifest: manifest["files"] == files)

    def holding(self, files: dict[str, str], what: str) -> StageResult:
        """Return an intact stage with exactly these files."""
        manifest = self.made_of(files, what)
        stage = recorded_stage(manifest["stage"], manifest)
        if not stage.is_intact():
            raise _missing(what)
        return stage


def _missing(what: str) -> InputError:
    return InputError(
        f"the {what} of this candidate is no longer in {Settings().stages}; run the campaign with "
        "its settings to make it again"
    )


def find_candidate(candidate: str) -> Lineage:
    """Return the latest proposal of a candidate id in any campaign.

    Raises InputError for an id that no campaign has proposed.
    """
    proposals: list[tuple[str, Event]] = []
    for name in campaigns():
        events = [one for one in load_ledger(name).entries if one.kind == "proposed"]
        with_it = [one for one in events if (one.rows["candidate_id"] == candidate).any()]
        proposals += [(name, event) for event in with_it]
    if not proposals:
        raise InputError(f"no campaign in {Settings().campaigns} has proposed {candidate!r}")
    campaign, event = proposals[-1]
    row = _row_of(event.rows, candidate)
    return Lineage(event, row, _row_of(load_ledger(campaign).candidates(), candidate) or row)


def _row_of(rows: pd.DataFrame, candidate: str) -> dict[str, Any]:
    first = rows[rows["candidate_id"] == candidate].head(1).to_dict("records")
    return {str(name): value for one in first for name, value in one.items()}


def replay_chain(lineage: Lineage, rules: Callable[[Mapping[str, Any]], DesignRules]) -> str:
    """Return what replaying the candidate's chain up to its rung gives, as one sentence.

    Where files of the samples are gone or other code made them, the sentence says what can replay
    them. ``rules`` reads the rules of design from the settings in the ledger.
    """
    try:
        return _replayed(lineage, rules)
    except InputError as error:
        return f"not replayed: {error}"


def _replayed(lineage: Lineage, rules: Callable[[Mapping[str, Any]], DesignRules]) -> str:
    stages, row, about = _Stages(), lineage.row, lineage.event.about
    key = str(row["round_key"])
    selection = stages.first(
        "selection", lambda made: made["stage"] == "select" and made["inputs"]["round"] == key
    )["inputs"]
    scored = stages.made_of(selection["scored"], "scored pool")["inputs"]
    samples = stages.made_of(scored["snapshots"], "set of samples")
    if samples.get("code") != code_fingerprint(load_sampling_run.__module__):
        raise InputError(
            f"other code sampled this design; {_made_by(about)} can replay it in this DESIGN_HOME"
        )
    inputs = samples["inputs"]
    plan = stages.made_of(inputs["plan"], "plan")["inputs"]
    run = load_sampling_run(
        stages.holding(selection["measured"], "measured table"),
        stages.holding(selection["folds"], "folds"),
        stages.holding(inputs["plan"], "plan"),
        [stages.holding(files, "predictor") for files in selection["members"]],
        rules(about["config"]),
        inputs["seed"],
        use_device(plan["device"]),
    )
    design = _design_at(run, int(row["chain"]), int(row["rung"]))
    same = design == row["design"]
    return f"replayed from its checkpoints: {design}, " + (
        "the same design" if same else f"NOT the design that was proposed, {row['design']}"
    )


def _design_at(run: SamplingRun, chain: int, rung: int) -> str:
    block = next(block for block in run.blocks if chain in block.chains)
    for frame in run.sample(block):
        at = frame[(frame["chain"] == chain) & (frame["rung"] == rung)]
        if len(at):
            return str(at["design"].iloc[0])
    raise InputError(f"chain {chain} does not come to rung {rung}")


def _made_by(about: Mapping[str, Any]) -> str:
    """Return the commit or release that proposed a round; 0.1 recorded none outside git."""
    version = str(about.get("commit") or "release 0.1.0")
    return version if version.startswith("release") else f"commit {version}"


def lineage_text(lineage: Lineage, replayed: str) -> str:
    """Return what led to a candidate, as a page of text that ends with the replay of its chain."""
    about, row = lineage.event.about, lineage.row
    lines = [f"{row['candidate_id']}: {lineage.state['status']}"]
    if not pd.isna(lineage.state["measured_value"]):
        lines[0] += f", {lineage.state['measured_value']:.6g} {about['units']}".rstrip()
    same_code = about.get("code") == code_fingerprint(*ROUND_MAKERS)
    folder = campaign_folder(str(row["campaign"]))
    described = {
        **{
            name.replace("_", " "): _cell(row[name])
            for name in _SHOWN
            if name in row and not pd.isna(row[name]) and row[name] != ""
        },
        "data": json.dumps(about.get("config", {}).get("data", {})),
        "code": about.get("code", "") + (" (as now)" if same_code else ""),
        "commit": about.get("commit"),
        "settings": json.dumps(about.get("config", {}), sort_keys=True),
        "ledger": f"event {lineage.event.number} in {folder / 'record'}",
    }
    lines += [f"  {name:22}{text}" for name, text in described.items() if text]
    return "\n".join([*lines, replayed])


def _cell(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
