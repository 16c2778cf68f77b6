"""What the predictors of a campaign learned when, and from which measurements: a page."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from prefect import task

from designlib.analysis import (
    LARGEST,
    NO_DEGREES,
    LearningOrder,
    Motif,
    Verdict,
    effect_maps,
    judge_order,
    kmer_alignment,
    map_agreement,
    mean_degrees,
    motif_match,
    order_of_learning,
    read_motifs,
)
from designlib.config import LearningConfig, TrainingConfig
from designlib.predictors import Trajectory
from designlib.randomness import torch_generator
from designlib.reports import (
    LearningContent,
    curve_figure,
    learning_order_figure,
    render_learning,
)
from designlib.sampling.ladders import mean_score
from designlib.spaces import SequenceSpace
from designlib.types import InputError
from tasks.installation.device import use_device
from tasks.installation.files import (
    copy_atomically,
    json_bytes,
    parquet_bytes,
    read_input,
    sha256_of,
)
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.record.ledger import campaign_folder, load_ledger
from tasks.reports.counterfactual import recorded_stages
from tasks.reports.data_curve import Grounds, expected_gains, measure_curve
from tasks.reports.example_losses import compare_core, example_losses
from tasks.stages.ensemble import Ensemble
from tasks.stages.results import LearningReport
from tasks.stages.stages import StageResult, noted_stage, run_stage
from tasks.stages.table_facts import load_facts, load_folds
from tasks.tracking.tracking import experiment_id, log_bytes, log_params, run_for

__all__ = ["report_learning"]

_PAGE = "learning.html"
_DESIGNS = 16

_REPEATS = 3
"""Trainings of each size, with other rows and other initial weights."""


class _Found(NamedTuple):
    """The stages that the page is made from."""

    order: StageResult
    examples: StageResult
    curve: StageResult | None
    core: StageResult | None

    @property
    def tables(self) -> dict[str, Path]:
        parts = {"learning.csv": self.order, "examples.parquet": self.examples,
                 "curve.csv": self.curve, "core.csv": self.core}  # fmt: skip
        return {
            name: stage.path(name)
            for name, stage in parts.items()
            if stage is not None and name in stage.files
        }


@task(name="report-learning")
def report_learning(campaign: str, asked: LearningConfig) -> LearningReport:
    """Write what the ensemble of the last round learned when and from what, with a verdict.

    Raises InputError for a campaign whose predictors and measurements are not here, or of a single
    checkpoint.
    """
    use_device("cpu")
    proposals = load_ledger(campaign).proposals
    if not proposals:
        raise InputError(f"campaign {campaign!r} has proposed nothing; run it first")
    about = proposals[-1].about
    stages = recorded_stages(about, "members")
    kinds = {"table": "ingest", "folds": "split"}
    known = {n: noted_stage(kind, about[n]) for n, kind in kinds.items() if n in about}
    if not stages or len(known) < 2 or not all(stage.is_intact() for stage in known.values()):
        raise InputError(
            f"the predictors or the measurements of the last round of campaign {campaign!r} are "
            "not here any more; run it again"
        )
    designs = sorted(proposals[-1].rows["design"].tolist())[:_DESIGNS]
    found = _look(stages, known["table"], known["folds"], designs, asked, about)
    page = run_stage(
        Settings(), "learning", {name: sha256_of(path) for name, path in found.tables.items()}
        | {"campaign": campaign, "order": found.order.files},
        lambda: {_PAGE: _page(campaign, found).encode()},
    )  # fmt: skip
    files = {_PAGE: page.path(_PAGE), **found.tables}
    folder = campaign_folder(campaign) / f"learning-{page.key[:8]}"
    for name, path in files.items():
        copy_atomically(path, folder / name)
    told = json.loads(found.order.path("verdict.json").read_bytes())
    experiment = experiment_id(Settings(), campaign)
    with run_for(experiment, page.key, "learning order", tags={"role": "explanation"}) as run_id:
        log_params(run_id, {"holds": told["holds"], "reason": told["reason"]})
        for name, path in files.items():
            log_bytes(run_id, name, path.read_bytes())
    return LearningReport(page=folder / _PAGE, notes=_notes(found), **told)


def _look(
    stages: Sequence[StageResult],
    table: StageResult,
    folds: StageResult,
    designs: Sequence[str],
    asked: LearningConfig,
    about: Mapping[str, Any],
) -> _Found:
    """Return each part of the answer as a stage of its own, so that none is made twice."""
    inputs = {"members": [stage.files for stage in stages], "folds": folds.files}
    read = load_folds(folds)
    config = TrainingConfig.model_validate(about["config"]["training"])
    # A model of your own was trained in ways that are not known here.
    emphasis = 0.0 if "predictor" in about["config"] else config.emphasis

    def members() -> list[Trajectory]:
        return Ensemble(stages).of("").trajectories

    motifs = read_motifs(read_input(Path(asked.motifs)).decode()) if asked.motifs else {}
    order = run_stage(
        Settings(), "learning-order",
        {**inputs, "designs": designs,
         "motifs": sha256_of(Path(asked.motifs)) if asked.motifs else ""},
        lambda: _order(members(), designs, list(motifs.values())),
    )  # fmt: skip
    examples = run_stage(
        Settings(), "example-losses", inputs,
        lambda: {"examples.parquet": parquet_bytes(example_losses(members(), read, emphasis))},
    )  # fmt: skip
    seed = int(about["config"]["seed"])
    trained = {"table": table.files, "folds": folds.files, "training": config, "seed": seed,
               "repeats": _REPEATS}  # fmt: skip

    def grounds() -> Grounds:
        return Grounds.of(load_facts(table), read, config, seed)

    curve = run_stage(
        Settings(), "learning-curve", trained,
        lambda: {"curve.csv": _csv(measure_curve(grounds(), _REPEATS))},
    ) if asked.curve else None  # fmt: skip
    core = run_stage(
        Settings(), "core-set",
        {**trained, "core": asked.core, "examples": examples.files},
        lambda: {"core.csv": _csv(compare_core(
            pd.read_parquet(examples.path("examples.parquet")), asked.core, grounds(),
            _REPEATS,
        ))},
    ) if asked.core else None  # fmt: skip
    return _Found(order, examples, curve, core)


def _order(
    members: Sequence[Trajectory], designs: Sequence[str], motifs: Sequence[Motif]
) -> dict[str, bytes]:
    """Return the table by checkpoint, its figure, and the verdict."""
    space, steps = members[0].spec.space, members[0].steps
    if not isinstance(space, SequenceSpace):
        return {"verdict.json": json_bytes({**NO_DEGREES._asdict(), "motif": ""})}
    scores = [mean_score(members, index, "cpu") for index in range(len(steps))]
    order = order_of_learning(scores, steps, space, torch_generator(0, "learning order"))
    longest = min(LARGEST, space.length)
    words = kmer_alignment(scores, space, torch_generator(0, "k-mers"), longest)
    centroid = mean_degrees(order)
    letters = space.encode(list(designs))
    maps = [effect_maps(score, space, letters) for score in scores]
    best = max(motifs, key=lambda motif: motif_match(maps[-1], motif.log_odds), default=None)
    rows: list[dict[str, Any]] = []
    for number, step in enumerate(steps):
        row: dict[str, Any] = {"step": step}
        row |= {f"degree {d}": v for d, v in enumerate(order.learned[number].tolist(), start=1)}
        row |= {f"{k}-mers": v for k, v in enumerate(words.learned[number].tolist(), start=1)}
        row["mean degree"] = centroid[number]
        row["mutagenesis"] = map_agreement(maps[number], maps[-1])
        if best is not None:
            row["motif"] = motif_match(maps[number], best.log_odds)
        rows.append(row)
    verdict = judge_order(order)
    run_logger().info("coarse to fine: %s", verdict.reason)
    return {
        "learning.csv": _csv(pd.DataFrame(rows)),
        "verdict.json": json_bytes({**verdict._asdict(), "motif": best.name if best else ""}),
        "order.json": json_bytes({**order._asdict(), **{
            name: getattr(order, name).tolist() for name in ("learned", "share", "energy")
        }, "half": [half if half < float("inf") else None for half in order.half]}),
    }  # fmt: skip


def _page(campaign: str, found: _Found) -> str:
    told = json.loads(found.order.path("verdict.json").read_bytes())
    motif = told.pop("motif")
    table = None
    pictures = []
    if "order.json" in found.order.files:
        table = pd.read_csv(found.order.path("learning.csv"))
        order = LearningOrder.from_plain(json.loads(found.order.path("order.json").read_bytes()))
        pictures.append(learning_order_figure(order, order.steps))
    curve = gains = core = None
    if found.curve is not None:
        curve = pd.read_csv(found.curve.path("curve.csv"))
        law, gains = expected_gains(curve)
        pictures.append(curve_figure(curve, law))
    if found.core is not None:
        core = pd.read_csv(found.core.path("core.csv"))
    examples = pd.read_parquet(found.examples.path("examples.parquet"))
    content = LearningContent(Verdict(**told), table, motif, examples, core, gains)
    return render_learning(campaign, content, pictures)


def _notes(found: _Found) -> list[str]:
    """Return what a command prints beside the verdict."""
    examples = pd.read_parquet(found.examples.path("examples.parquet"))
    odd = int(examples["looks_mislabelled"].sum())
    against = float((examples["agreement"] < 0).mean())
    notes = [
        f"{odd} of {len(examples)} training rows look mislabelled; {against:.0%} were learned "
        "against the validation rows"
    ]
    if found.curve is not None:
        _, gains = expected_gains(pd.read_csv(found.curve.path("curve.csv")))
        notes += [
            f"{row.more:,.0f} more measurements: rank correlation {row.gain:+.3f} "
            f"({row.gain_low:+.3f} to {row.gain_high:+.3f})"
            for row in gains.itertuples()
        ]
    if found.core is not None:
        core = pd.read_csv(found.core.path("core.csv"))
        means = core.groupby("of")["validation_rank_correlation"].mean()
        notes.append(
            f"trained on a core set of {core['rows'].min()}: rank correlation {means['core']:.3f}, "
            f"on as many random rows {means['random']:.3f}, on all {means['all']:.3f}"
        )
    return notes


def _csv(frame: pd.DataFrame) -> bytes:
    sink = io.StringIO()
    frame.to_csv(sink, index=False, lineterminator="\n")
    return sink.getvalue().encode()
