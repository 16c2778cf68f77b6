"""What the predictors of a campaign learned when: a page with a verdict."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from prefect import task

from designlib.diagnostics.order import (
    effect_maps,
    judge_order,
    map_agreement,
    motif_match,
    order_of_learning,
)
from designlib.ladders.plan import mean_score
from designlib.problems.position_weights import Motif, read_motifs
from designlib.randomness import torch_generator
from designlib.reporting.learning import learning_figure, render_learning
from designlib.spaces import SequenceSpace
from designlib.trajectory import Trajectory
from designlib.types import InputError
from tasks.counterfactual import recorded_stages
from tasks.device import use_device
from tasks.files import copy_atomically, read_input, sha256_of
from tasks.record import campaign_folder, load_record
from tasks.results import LearningReport
from tasks.settings import Settings
from tasks.stages import run_stage
from tasks.tables import json_bytes
from tasks.tracking import experiment_id, log_bytes, log_params, run_for
from tasks.train import load_trajectory

__all__ = ["report_learning"]

_FILES = ("learning.html", "learning.csv")
_DESIGNS = 16


@task(name="report-learning")
def report_learning(campaign: str, motifs: str = "") -> LearningReport:
    """Write what the ensemble of the last round learned at which checkpoint, and a verdict.

    ``motifs`` is a file in the JASPAR format. Raises InputError for a campaign without predictors
    of sequences, or with a single checkpoint.
    """
    use_device("cpu")
    proposals = load_record(campaign).proposals
    if not proposals:
        raise InputError(f"campaign {campaign!r} has proposed nothing; run it first")
    stages = recorded_stages(proposals[-1].about, "members")
    if not stages:
        raise InputError(f"the predictors of campaign {campaign!r} are not here any more")
    designs = sorted(proposals[-1].rows["design"].tolist())[:_DESIGNS]
    known = read_motifs(read_input(Path(motifs)).decode()) if motifs else {}

    def make() -> dict[str, bytes]:
        members = [load_trajectory(stage) for stage in stages]
        members = [member for member in members if not member.spec.column]
        return _report(campaign, members, designs, list(known.values()))

    inputs = {
        "members": [stage.files for stage in stages], "designs": designs,
        "motifs": sha256_of(Path(motifs)) if motifs else "",
    }  # fmt: skip
    stage = run_stage(Settings(), "learning", inputs, make)
    folder = campaign_folder(campaign) / f"learning-{stage.key[:8]}"
    for name in _FILES:
        copy_atomically(stage.path(name), folder / name)
    told = json.loads(stage.path("verdict.json").read_bytes())
    experiment = experiment_id(Settings(), campaign)
    with run_for(experiment, stage.key, "learning order", tags={"role": "explanation"}) as run_id:
        log_params(run_id, {"holds": told["holds"], "reason": told["reason"]})
        for name in _FILES:
            log_bytes(run_id, name, stage.path(name).read_bytes())
    return LearningReport(page=folder / _FILES[0], **told)


def _report(
    campaign: str, members: Sequence[Trajectory], designs: Sequence[str], motifs: Sequence[Motif]
) -> dict[str, bytes]:
    space, steps = members[0].spec.space, members[0].steps
    if not isinstance(space, SequenceSpace):
        raise InputError("the order of learning is told by degree for predictors of sequences")
    scores = [mean_score(members, index, "cpu") for index in range(len(steps))]
    order = order_of_learning(scores, steps, space, torch_generator(0, "learning order"))
    verdict = judge_order(order)
    letters = space.encode(list(designs))
    maps = [effect_maps(score, space, letters) for score in scores]
    best = max(motifs, key=lambda motif: motif_match(maps[-1], motif.log_odds), default=None)
    rows: list[dict[str, Any]] = []
    for number, step in enumerate(steps):
        row: dict[str, Any] = {"step": step}
        row |= {f"degree {d}": v for d, v in enumerate(order.learned[number].tolist(), start=1)}
        row["mutagenesis"] = map_agreement(maps[number], maps[-1])
        if best is not None:
            row["motif"] = motif_match(maps[number], best.log_odds)
        rows.append(row)
    table = pd.DataFrame(rows)
    page = render_learning(
        campaign, verdict, table, [learning_figure(order, steps)], best.name if best else "no motif"
    )
    return {
        "learning.html": page.encode(),
        "learning.csv": table.to_csv(index=False, lineterminator="\n").encode(),
        "verdict.json": json_bytes({**verdict._asdict(), "motif": best.name if best else ""}),
    }
