"""What the predictors of a campaign learned when, and from which measurements: a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
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
    Picture,
    curve_figure,
    learning_order_figure,
    render_learning,
)
from designlib.sampling.ladders import mean_score
from designlib.spaces import SequenceSpace
from designlib.tables import csv_bytes, read_csv
from designlib.types import InputError
from tasks.installation.device import use_device
from tasks.installation.files import json_bytes, parquet_bytes, read_input
from tasks.installation.settings import Settings
from tasks.reports.analyses import last_proposal, publish_analysis
from tasks.reports.data_curve import (
    Grounds,
    compare_core,
    example_losses,
    expected_gains,
    measure_curve,
)
from tasks.stages.ensemble import Ensemble, recorded_predictors
from tasks.stages.results import LearningReport
from tasks.stages.stages import StageResult, recorded_stage, run_stage
from tasks.stages.table_facts import load_facts, load_folds

_PAGE, _VERDICT, _ORDER = "learning.html", "verdict.json", "order.json"
_TABLES = ("learning.csv", "examples.parquet", "curve.csv", "core.csv")
_DESIGNS = 16
_REPEATS = 3
"""Trainings of each size, with other rows and other initial weights."""


@task(name="report-learning")
def report_learning(campaign: str, asked: LearningConfig) -> LearningReport:
    """Write what the ensemble of the last round learned when and from what, with a verdict.

    Raises InputError for a campaign whose predictors or measurements are gone, or of a single
    checkpoint.
    """
    use_device("cpu")
    proposal = last_proposal(campaign)
    about = proposal.about
    members = recorded_predictors(about, "members")
    kinds = {"table": "ingest", "folds": "split"}
    data = {
        name: recorded_stage(kind, about[name]) for name, kind in kinds.items() if name in about
    }
    if not members or len(data) < 2 or not all(stage.is_intact() for stage in data.values()):
        raise InputError(
            f"the predictors or the measurements of the last round of campaign {campaign!r} are "
            "gone; run it again"
        )
    designs = sorted(proposal.rows["design"].tolist())[:_DESIGNS]
    stages = _analyse(members, data["table"], data["folds"], designs, asked, about["config"])
    inputs = {"campaign": campaign, "analyses": stages}
    page = run_stage(Settings(), "learning", inputs, lambda: {_PAGE: _page(campaign, stages)})
    files = {_PAGE: page.path(_PAGE), **_tables(stages)}
    content, _ = _content(stages)
    verdict = content.verdict
    params = {"holds": verdict.holds, "reason": verdict.reason}
    folder = publish_analysis(campaign, "learning", page.key, files, params)
    return LearningReport(
        page=folder / _PAGE, notes=_notes(content), motif=content.motif, **verdict._asdict()
    )


def _analyse(
    stages: Sequence[StageResult],
    table: StageResult,
    folds: StageResult,
    designs: Sequence[str],
    asked: LearningConfig,
    recorded: Mapping[str, Any],
) -> list[StageResult]:
    """Return each part of the answer as a stage of its own, so that none is made twice.

    ``designs`` are candidates whose single-letter effects are followed, ``recorded`` the settings
    of the round.
    """
    read, seed = load_folds(folds), int(recorded["seed"])
    config = TrainingConfig.model_validate(recorded["training"])
    # How an imported model was trained is not known here.
    emphasis = 0.0 if "predictor" in recorded else config.emphasis
    motifs = read_input(Path(asked.motifs)).decode() if asked.motifs else ""

    def members() -> list[Trajectory]:
        return Ensemble(stages).of("").trajectories

    def grounds() -> Grounds:
        return Grounds.of(load_facts(table), read, config, seed)

    def losses() -> dict[str, bytes]:
        return {"examples.parquet": parquet_bytes(example_losses(members(), read, emphasis))}

    def curve() -> dict[str, bytes]:
        return {"curve.csv": csv_bytes(measure_curve(grounds(), _REPEATS))}

    def core() -> dict[str, bytes]:
        rows = pd.read_parquet(examples.path("examples.parquet"))
        return {"core.csv": csv_bytes(compare_core(rows, asked.core, grounds(), _REPEATS))}

    made_from = {"members": stages, "folds": folds}
    trained = {"table": table, "folds": folds, "training": config, "seed": seed}
    order_of = {**made_from, "designs": designs, "motifs": motifs}
    order = run_stage(
        Settings(),
        "learning-order",
        order_of,
        lambda: _order(members(), designs, list(read_motifs(motifs).values()) if motifs else []),
    )
    examples = run_stage(Settings(), "example-losses", made_from, losses)
    found = [order, examples]
    if asked.curve:
        found.append(run_stage(Settings(), "learning-curve", trained, curve))
    if asked.core:
        rows_of = {**trained, "core": asked.core, "examples": examples}
        found.append(run_stage(Settings(), "core-set", rows_of, core))
    return found


def _order(
    members: Sequence[Trajectory], designs: Sequence[str], motifs: Sequence[Motif]
) -> dict[str, bytes]:
    """Return the table by checkpoint, its figure, and the verdict."""
    space, steps = members[0].spec.space, members[0].steps
    if not isinstance(space, SequenceSpace):
        return {_VERDICT: json_bytes({**NO_DEGREES._asdict(), "motif": ""})}
    scores = [mean_score(members, index, "cpu") for index in range(len(steps))]
    order = order_of_learning(scores, steps, space, torch_generator(0, "learning order"))
    longest = min(LARGEST, space.length)
    words = kmer_alignment(scores, space, torch_generator(0, "k-mers"), longest)
    letters = space.encode(list(designs))
    maps = [effect_maps(score, space, letters) for score in scores]
    best = max(motifs, key=lambda motif: motif_match(maps[-1], motif.log_odds), default=None)
    degrees, kmers = order.learned.T.tolist(), words.learned.T.tolist()
    columns = {
        "step": steps,
        **{f"degree {degree}": share for degree, share in enumerate(degrees, start=1)},
        **{f"{k}-mers": share for k, share in enumerate(kmers, start=1)},
        "mean degree": mean_degrees(order),
        "mutagenesis": [map_agreement(one, maps[-1]) for one in maps],
    }
    if best is not None:
        columns["motif"] = [motif_match(one, best.log_odds) for one in maps]
    plain = {
        n: v.tolist() if isinstance(v, torch.Tensor) else v for n, v in order._asdict().items()
    }
    plain["half"] = [half if half < float("inf") else None for half in order.half]
    verdict = {**judge_order(order)._asdict(), "motif": best.name if best else ""}
    return {
        "learning.csv": csv_bytes(pd.DataFrame(columns)),
        _VERDICT: json_bytes(verdict),
        _ORDER: json_bytes(plain),
    }


def _tables(stages: Sequence[StageResult]) -> dict[str, Path]:
    return {name: one.path(name) for one in stages for name in one.files if name in _TABLES}


def _content(stages: Sequence[StageResult]) -> tuple[LearningContent, list[Picture]]:
    """Return what the page says and its figures."""
    order, tables = stages[0], _tables(stages)
    verdict = json.loads(order.path(_VERDICT).read_bytes())
    motif = verdict.pop("motif")
    read = {
        name: read_csv(path.read_bytes()) for name, path in tables.items() if path.suffix == ".csv"
    }
    pictures, gains = [], None
    if _ORDER in order.files:
        shares = LearningOrder.from_plain(json.loads(order.path(_ORDER).read_bytes()))
        pictures.append(learning_order_figure(shares, shares.steps))
    if "curve.csv" in read:
        law, gains = expected_gains(read["curve.csv"])
        pictures.append(curve_figure(read["curve.csv"], law))
    content = LearningContent(
        verdict=Verdict(**verdict),
        by_checkpoint=read.get("learning.csv"),
        motif=motif,
        examples=pd.read_parquet(tables["examples.parquet"]),
        core=read.get("core.csv"),
        gains=gains,
    )
    return content, pictures


def _page(campaign: str, stages: Sequence[StageResult]) -> bytes:
    return render_learning(campaign, *_content(stages)).encode()


def _notes(content: LearningContent) -> list[str]:
    """Return what a command prints beside the verdict."""
    odd = int(content.examples["looks_mislabelled"].sum())
    against = float((content.examples["agreement"] < 0).mean())
    notes = [
        f"{odd} of {len(content.examples)} training rows look mislabelled; {against:.0%} were "
        "learned against the validation rows"
    ]
    if content.gains is not None:
        notes += [
            f"{row.more:,.0f} more measurements: rank correlation {row.gain:+.3f} "
            f"({row.gain_low:+.3f} to {row.gain_high:+.3f})"
            for row in content.gains.itertuples()
        ]
    if content.core is not None:
        means = content.core.groupby("of")["validation_rank_correlation"].mean()
        notes.append(
            f"trained on a core set of {content.core['rows'].min()}: rank correlation "
            f"{means['core']:.3f}, on as many random rows {means['random']:.3f}, on all "
            f"{means['all']:.3f}"
        )
    return notes
