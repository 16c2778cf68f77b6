"""Where a candidate is from: what led to it, and the same walk once more.

Stages are found by the hashes in their manifests: the selection of a round names the designs that
it chose from, these the walk, the walk its plan and the predictors, each by the content of its
files. So a design is made again from the files that it was made from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from designlib.candidates import Event
from designlib.config import DesignRules
from designlib.constraints.synthesis import build_rules
from designlib.randomness import derive_seed
from designlib.sampling.run import cut_blocks, sample_block
from designlib.types import InputError
from tasks.installation.device import use_device
from tasks.installation.settings import Settings
from tasks.record.ledger import campaign_folder, load_ledger
from tasks.rounds.generate import load_ladders
from tasks.rounds.rounds import ROUND_MAKERS
from tasks.stages.code import code_fingerprint
from tasks.stages.stages import StageResult
from tasks.stages.table_facts import best_measured, load_facts, load_folds
from tasks.stages.walk_plan import load_plan, load_sampler

__all__ = ["Lineage", "find_candidate", "lineage_text", "replay_chain"]

_SHOWN = (
    "design", "campaign", "round", "rank", "role", "predicted_mean", "predicted_std",
    "validation_score", "acquisition", "parent_id", "parent_design", "edits", "nearest_measured",
    "distance_to_measured", "start", "chain", "rung", "step", "sampler", "seed", "predictor_hash",
    "dataset_hash", "config_hash", "round_key",
)  # fmt: skip


class Lineage(NamedTuple):
    """A candidate as it was proposed."""

    entry: Event
    row: Mapping[str, Any]
    state: Mapping[str, Any]
    """Status and measured value as they are now."""


class _Stages:
    """All finished stages of this installation, found by what they hold or were made from."""

    @cached_property
    def _manifests(self) -> list[tuple[Path, dict[str, Any]]]:
        found = sorted(Settings().stages.glob("*/*/manifest.json"))
        return [(path.parent, json.loads(path.read_bytes())) for path in found]

    def holding(self, files: dict[str, str], what: str) -> tuple[StageResult, dict[str, Any]]:
        """Return the stage with exactly these files, and what it was made from."""
        for folder, manifest in self._manifests:
            if manifest["files"] == files:
                stage = StageResult(
                    name=manifest["stage"], key=manifest["key"], folder=folder, files=files,
                    reused=True,
                )  # fmt: skip
                if stage.is_intact():
                    return stage, manifest["inputs"]
        raise InputError(
            f"the {what} of this candidate is not in {Settings().stages} any more, so the design "
            "cannot be made again; run the campaign with its settings to make the stage again"
        )

    def selection_of(self, round_key: str) -> dict[str, Any]:
        """Return what the selection of a round was made from."""
        for _, manifest in self._manifests:
            if manifest["stage"] == "select" and manifest["inputs"]["round"] == round_key:
                return manifest["inputs"]
        raise InputError(f"the selection of round {round_key} is not in {Settings().stages}")


def find_candidate(candidate: str) -> Lineage:
    """Return the latest proposal of a candidate id in any campaign.

    Raises InputError for an id that no campaign has proposed.
    """
    found: list[tuple[str, Event]] = []
    for folder in sorted(Settings().campaigns.glob("*")):
        entries = load_ledger(folder.name).entries
        proposed = [entry for entry in entries if entry.kind == "proposed"]
        with_it = [e for e in proposed if (e.rows["candidate_id"] == candidate).any()]
        found += [(folder.name, entry) for entry in with_it]
    if not found:
        raise InputError(f"no campaign in {Settings().campaigns} has proposed {candidate!r}")
    campaign, entry = found[-1]
    row = _row_of(entry.rows, candidate)
    return Lineage(entry, row, _row_of(load_ledger(campaign).candidates(), candidate) or row)


def _row_of(rows: pd.DataFrame, candidate: str) -> dict[str, Any]:
    found = rows[rows["candidate_id"] == candidate].to_dict("records")
    return {str(name): value for name, value in found[0].items()} if found else {}


def replay_chain(lineage: Lineage, rules: DesignRules) -> str:
    """Return the design that the candidate's chain visits at its rung, walked once more.

    Raises InputError where the files of the walk are gone, and where the design is another one.
    """
    stages, row = _Stages(), lineage.row
    selection = stages.selection_of(str(row["round_key"]))
    measured, _ = stages.holding(selection["measured"], "measured table")
    _, scored = stages.holding(selection["scored"], "scored pool")
    _, walk = stages.holding(scored["snapshots"], "walk")
    plan_stage, plan_inputs = stages.holding(walk["plan"], "plan of the walk")
    members = [stages.holding(files, "predictor")[0] for files in selection["members"]]
    where = use_device(plan_inputs["device"])
    folds, _ = stages.holding(selection["folds"], "folds")
    facts = load_facts(measured)
    space, known = facts.space, best_measured(load_folds(folds), facts)
    plan, entry = load_plan(plan_stage)
    sampler = load_sampler(plan_stage)
    constraint = build_rules(rules, sampler.walked(space), known)
    ladders = load_ladders(plan_stage, members, facts, folds, constraint, where)
    starts = pd.read_parquet(plan_stage.path("starts.parquet"))
    designs = space.encode(starts["design"].tolist()).to(where)
    seed = derive_seed(walk["seed"], "walk")
    chain, rung = int(row["chain"]), int(row["rung"])
    block = next(b for b in cut_blocks(starts["elite"].tolist()) if chain in b.chains)
    ladder = ladders[block.turn % len(ladders)]
    for frame in sample_block(ladder, plan, designs, block, entry, seed, sampler, space):
        at = frame[(frame["chain"] == chain) & (frame["rung"] == rung)]
        if len(at):
            return str(at["design"].iloc[0])
    raise InputError(f"chain {chain} does not come to rung {rung}")


def lineage_text(lineage: Lineage, again: str) -> str:
    """Return what led to a candidate, as a page of text; ``again`` is the design made again."""
    about, row = lineage.entry.about, lineage.row
    lines = [f"{row['candidate_id']}: {lineage.state['status']}"]
    if not pd.isna(lineage.state["measured_value"]):
        lines[0] += f", {lineage.state['measured_value']:.6g} {about['units']}".rstrip()
    lines += [
        f"  {name.replace('_', ' '):22}{_cell(row[name])}"
        for name in _SHOWN
        if not pd.isna(row[name]) and row[name] != ""
    ]
    lines.append(f"  {'data':22}{json.dumps(about.get('config', {}).get('data', {}))}")
    made_by = about.get("code", "")
    lines.append(
        f"  {'code':22}{made_by}"
        + (" (as now)" if made_by == code_fingerprint(*ROUND_MAKERS) else "")
    )
    if commit := about.get("commit"):
        lines.append(f"  {'commit':22}{commit}")
    lines.append(f"  {'settings':22}{json.dumps(about.get('config', {}), sort_keys=True)}")
    folder = campaign_folder(str(row["campaign"]))
    lines.append(f"  {'record':22}entry {lineage.entry.number} in {folder / 'record'}")
    same = again == row["design"]
    lines.append(
        f"walked again from its checkpoints: {again}, "
        + ("the same design" if same else f"NOT the design that was proposed, {row['design']}")
    )
    return "\n".join(lines)


def _cell(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) and not value.is_integer() else (
        f"{value:.0f}" if isinstance(value, float) else str(value)
    )  # fmt: skip
