"""Counterfactuals of designs by the predictors of a campaign's last round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
from designlib.constraints.synthesis import build_rules
from designlib.predictors import Trajectory, evaluate
from designlib.reports import (
    CounterfactualFigures,
    counterfactual_lines,
    render_counterfactuals,
    with_explained,
)
from designlib.sampling import reference_designs
from designlib.sampling.ladders import plan_trajectory
from designlib.tables import csv_bytes
from designlib.types import InputError
from tasks.installation.device import use_device
from tasks.installation.files import (
    parquet_bytes,
    read_input,
    write_atomically,
)
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.record.ledger import load_ledger, round_folder
from tasks.reports.analyses import (
    counterfactual_figures,
    last_proposal,
    publish_analysis,
)
from tasks.stages.ensemble import Ensemble, recorded_predictors
from tasks.stages.results import Counterfactuals
from tasks.stages.stages import run_stage
from tasks.tracking.tracking import experiment_id, find_run, flatten, log_bytes

_RUNGS = 8
"""Checkpoints, evenly spaced in log(1 + step), that the chains are led along."""


def named_designs(campaign: str, named: Sequence[str]) -> list[str]:
    """Return designs given as text, as ids of candidates, or as a file with one per line.

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

    Raises InputError for a campaign without a round or whose predictors are gone, and for a design
    that is not of its space or violates its constraints.
    """
    use_device("cpu")
    proposal = last_proposal(campaign)
    about = proposal.about
    members, models = (recorded_predictors(about, n) for n in ("members", "validation_models"))
    if not members:
        raise InputError(f"the predictors of campaign {campaign!r} are gone; run it again")
    recorded = about["config"]
    rules = {name: recorded[name] for name in ("constraints", "synthesis") if name in recorded}
    goal = _goal(config, about["units"])

    def make() -> dict[str, bytes]:
        ensemble = Ensemble(members).of("").trajectories
        found = _find(designs, ensemble, rules, config)
        rows = _rows(found, ensemble, Ensemble(models).of("").trained)
        shares = edit_shares(ensemble[0].spec.space, found)
        unreached = [design for design, sample in found.items() if not len(sample.designs)]
        page = render_counterfactuals(campaign, goal, rows, shares, unreached)
        figures = CounterfactualFigures.of(proposal.round, goal, len(designs), rows, shares)
        return {
            "counterfactuals.parquet": parquet_bytes(rows),
            "edited.csv": csv_bytes(shares),
            "counterfactuals.html": page.encode(),
            "figures.json": figures.model_dump_json(indent=2).encode(),
        }

    inputs = {
        "members": members,
        "validation_models": models,
        "rules": rules,
        "designs": list(designs),
        "settings": config,
        "goal": goal,
        "round": proposal.round,
    }
    stage = run_stage(Settings(), "counterfactuals", inputs, make)
    files = {name: stage.path(name) for name in stage.files}
    params = flatten(config.model_dump(mode="json"))
    folder = publish_analysis(campaign, "counterfactuals", stage.key, files, params)
    _name_in_report(campaign, proposal.round, about["round_key"])
    return Counterfactuals(folder=folder)


def _name_in_report(campaign: str, number: int, key: str) -> None:
    """Name the counterfactuals in the report of their round, here and in MLflow."""
    path = round_folder(campaign, number, key) / "report.html"
    run = find_run(experiment_id(Settings(), campaign), key)
    if not path.exists() or run is None:
        return
    lines = counterfactual_lines(counterfactual_figures(campaign, number))
    page = with_explained(path.read_text(encoding="utf-8"), lines).encode()
    log_bytes(run.info.run_id, path.name, page)
    write_atomically(path, page)


def _find(
    designs: Sequence[str],
    members: Sequence[Trajectory],
    recorded: Mapping[str, Any],
    config: CounterfactualConfig,
) -> dict[str, Found]:
    """Return the counterfactuals of each design under the recorded rules."""
    rules = DesignRules.model_validate(recorded)
    if isinstance(rules.constraints, CompositionConstraints):
        # The radius, not the distance to measured designs, is what counts here.
        anywhere = rules.constraints.model_copy(update={"near_measured": None})
        rules = rules.model_copy(update={"constraints": anywhere})
    space = members[0].spec.space
    constraint = build_rules(rules, space)
    plan = plan_trajectory(
        members,
        reference_designs(space, constraint, config.seed),
        sharpness=1.0,
        steps_per_rung=1,
        choice="log_step",
        rungs=_RUNGS,
    )
    found = {}
    for number, design in enumerate(designs, start=1):
        found[design] = find_counterfactuals(design, members, plan, constraint, config)
        count = len(found[design].designs)
        run_logger().info("design %d of %d: %d counterfactuals", number, len(designs), count)
    return found


def _rows(
    found: Mapping[str, Found], members: Sequence[Trajectory], models: Sequence[Trajectory]
) -> pd.DataFrame:
    space = members[0].spec.space
    decoded = (space.decode(sample.designs) for sample in found.values())
    designs = list(dict.fromkeys([*found, *(design for some in decoded for design in some)]))
    relaxed = space.relax(space.encode(designs))

    def predicted(by: Sequence[Trajectory]) -> dict[str, float]:
        values = [one.spec.in_units(evaluate(one.network(-1), relaxed).double()) for one in by]
        return dict(zip(designs, torch.stack(values).mean(0).tolist(), strict=True))

    validation = predicted(models) if models else None
    return counterfactual_rows(space, found, predicted(members), validation)


def _goal(config: CounterfactualConfig, units: str) -> str:
    ends = {"at least": config.above, "at most": config.below}
    parts = [f"{end} {value:g}" for end, value in ends.items() if value is not None]
    return f"{' and '.join(parts)} {units}".strip()
