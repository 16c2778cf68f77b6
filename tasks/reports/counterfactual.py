"""Counterfactuals of designs by the predictors of a campaign's last round."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch
from prefect import task

from designlib.analysis.counterfactuals import (
    Found,
    counterfactual_rows,
    edit_shares,
    find_counterfactuals,
)
from designlib.config import CompositionConstraints, CounterfactualConfig, DesignRules
from designlib.constraints import AllOf
from designlib.constraints.synthesis import build_rules
from designlib.predictors import Trajectory, evaluate
from designlib.reports import counterfactual_lines, render_counterfactuals, with_explained
from designlib.sampling import reference_designs
from designlib.sampling.ladders import RungPlan, plan_trajectory
from designlib.types import InputError
from tasks.installation.device import use_device
from tasks.installation.files import (
    copy_atomically,
    json_bytes,
    parquet_bytes,
    read_input,
    write_atomically,
)
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.record.ledger import campaign_folder, load_ledger, round_folder
from tasks.reports.report import asked_counterfactuals
from tasks.stages.ensemble import Ensemble
from tasks.stages.results import Counterfactuals
from tasks.stages.stages import StageResult, noted_stage, run_stage
from tasks.tracking.tracking import experiment_id, find_run, flatten, log_bytes, log_params, run_for

__all__ = ["explain_designs", "named_designs", "recorded_stages"]

_FILES = ("counterfactuals.parquet", "edited.csv", "counterfactuals.html", "figures.json")


class _Ground(NamedTuple):
    """What the last round of a campaign leaves to explain designs with."""

    members: list[Trajectory]
    validation_models: list[Trajectory]
    constraint: AllOf
    plan: list[RungPlan]


def named_designs(campaign: str, named: Sequence[str]) -> list[str]:
    """Return designs that are given as text, as ids of candidates, or as a file with one a line.

    Raises InputError for a file that cannot be read, and where nothing is named.
    """
    known = load_ledger(campaign).candidates()
    by_id = {} if known.empty else dict(zip(known["candidate_id"], known["design"], strict=True))
    designs: list[str] = []
    for name in named:
        if name in by_id:
            designs.append(by_id[name])
        elif Path(name).suffix in (".txt", ".csv"):
            lines = read_input(Path(name)).decode().splitlines()
            designs += [line.strip() for line in lines if line.strip()]
        else:
            designs.append(name)
    if not designs:
        raise InputError("name designs, candidates or a .txt file with a design in each line")
    return list(dict.fromkeys(designs))


@task(name="explain-designs")
def explain_designs(
    campaign: str, designs: Sequence[str], config: CounterfactualConfig
) -> Counterfactuals:
    """Sample counterfactuals of each design, and write table and page.

    Raises InputError for a campaign without a round, whose predictors are not here any more, or
    for a design that is not of its space or breaks its constraints.
    """
    use_device("cpu")
    proposals = load_ledger(campaign).proposals
    if not proposals:
        raise InputError(f"campaign {campaign!r} has proposed nothing; run it first")
    about, round_number = proposals[-1].about, proposals[-1].round
    members = recorded_stages(about, "members")
    validation_models = recorded_stages(about, "validation_models")
    if not members:
        raise InputError(f"the predictors of campaign {campaign!r} are not here any more")
    settings = about["config"]
    rules = {name: settings[name] for name in ("constraints", "synthesis") if name in settings}
    goal = _goal(config, about)

    def make() -> dict[str, bytes]:
        ground = _ground(members, validation_models, rules, config)
        found = {}
        for number, design in enumerate(designs, start=1):
            found[design] = find_counterfactuals(
                design, ground.members, ground.plan, ground.constraint, config
            )
            run_logger().info(
                "design %d of %d: %d counterfactuals", number, len(designs),
                len(found[design].designs),
            )  # fmt: skip
        rows = _rows(ground, found)
        shares = edit_shares(ground.members[0].spec.space, found)
        unreached = [design for design, sample in found.items() if not len(sample.designs)]
        page = render_counterfactuals(campaign, goal, rows, shares, unreached)
        return {
            "counterfactuals.parquet": parquet_bytes(rows),
            "edited.csv": shares.to_csv(index=False, lineterminator="\n").encode(),
            "counterfactuals.html": page.encode(),
            "figures.json": json_bytes(
                {"round": round_number, "goal": goal, **_figures(rows, shares, len(designs))}
            ),
        }

    inputs = {
        "members": [member.files for member in members],
        "validation_models": [model.files for model in validation_models],
        "rules": rules, "designs": list(designs), "asked": config, "goal": goal,
        "round": round_number,
    }  # fmt: skip
    stage = run_stage(Settings(), "counterfactuals", inputs, make)
    folder = campaign_folder(campaign) / f"counterfactuals-{stage.key[:8]}"
    for name in _FILES:
        copy_atomically(stage.path(name), folder / name)
    figures = json.loads(stage.path("figures.json").read_bytes())
    _log(campaign, stage, config)
    _name_in_report(campaign, round_number, about["round_key"])
    return Counterfactuals(folder=folder, page=folder / _FILES[2], figures=figures)


def _log(campaign: str, stage: StageResult, config: CounterfactualConfig) -> None:
    experiment = experiment_id(Settings(), campaign)
    with run_for(experiment, stage.key, "counterfactuals", tags={"role": "explanation"}) as run_id:
        log_params(run_id, flatten(config.model_dump(mode="json")))
        for name in _FILES:
            log_bytes(run_id, name, stage.path(name).read_bytes())


def _name_in_report(campaign: str, number: int, key: str) -> None:
    """Name the counterfactuals in the report of their round, here and in MLflow."""
    path = round_folder(campaign, number, key) / "report.html"
    run = find_run(experiment_id(Settings(), campaign), key)
    if not path.exists() or run is None:
        return
    lines = counterfactual_lines(asked_counterfactuals(campaign, number))
    page = with_explained(path.read_text(encoding="utf-8"), lines).encode()
    log_bytes(run.info.run_id, path.name, page)
    write_atomically(path, page)


def recorded_stages(about: Mapping[str, Any], what: str) -> list[StageResult]:
    """Return the training stages of a round that are still here; none where one is not."""
    stages = [noted_stage("train", told) for told in about.get(what, ())]
    return stages if all(stage.is_intact() for stage in stages) else []


def _ground(
    members: Sequence[StageResult],
    validation_models: Sequence[StageResult],
    rules: dict[str, Any],
    config: CounterfactualConfig,
) -> _Ground:
    ensemble = Ensemble(members).of("").trajectories
    checks = Ensemble(validation_models).of("").trained
    asked = DesignRules.model_validate(rules)
    if isinstance(asked.constraints, CompositionConstraints):
        # How far a design may be from measured ones is the radius's matter here.
        alone = asked.constraints.model_copy(update={"near_measured": None})
        asked = asked.model_copy(update={"constraints": alone})
    space = ensemble[0].spec.space
    constraint = build_rules(asked, space)
    plan = plan_trajectory(
        ensemble, reference_designs(space, constraint, config.seed), sharpness=1.0,
        steps_per_rung=1, choice="log_step", rungs=_RUNGS,
    )  # fmt: skip
    return _Ground(ensemble, checks, constraint, plan)


_RUNGS = 8
"""Checkpoints, evenly spaced in log(1 + step), that the chains are led along."""


def _rows(ground: _Ground, found: dict[str, Found]) -> pd.DataFrame:
    space = ground.members[0].spec.space
    designs = list(found)
    for sample in found.values():
        designs += space.decode(sample.designs)
    every = list(dict.fromkeys(designs))
    relaxed = space.relax(space.encode(every))

    def said(predictors: Sequence[Trajectory]) -> dict[str, float]:
        values = [
            one.spec.in_units(evaluate(one.network(-1), relaxed).double()) for one in predictors
        ]
        return dict(zip(every, torch.stack(values).mean(0).tolist(), strict=True))

    validation = said(ground.validation_models) if ground.validation_models else None
    return counterfactual_rows(space, found, said(ground.members), validation)


def _figures(rows: pd.DataFrame, shares: pd.DataFrame, designs: int) -> dict[str, Any]:
    most = shares[shares["edited"] > 0].head(6)
    told = len(rows) > 0
    return {
        "designs": designs,
        "reached": int(rows["design"].nunique()) if told else 0,
        "counterfactuals": len(rows),
        "fewest_edits": int(rows["n_edits"].min()) if told else None,
        "most_edited": [
            list(pair) for pair in zip(most["what"].tolist(), most["edited"].tolist(), strict=True)
        ],
        "validation_agrees": float(rows["validation_agrees"].mean())
        if told and "validation_agrees" in rows
        else None,
    }


def _goal(config: CounterfactualConfig, about: Mapping[str, Any]) -> str:
    parts = []
    if config.above is not None:
        parts.append(f"at least {config.above:g}")
    if config.below is not None:
        parts.append(f"at most {config.below:g}")
    return f"{' and '.join(parts)} {about['units']}".strip()
