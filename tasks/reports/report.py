"""The figures and the report of a round, read from its stages."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping

import pandas as pd
from prefect import task

from designlib.candidates import read_candidates, recipe_sheet
from designlib.config import RecipeConfig
from designlib.reports import (
    LADDERS,
    RESAMPLED,
    SEARCHED,
    CounterfactualFigures,
    DataFigures,
    KeyFigure,
    Picture,
    Points,
    PredictorFigures,
    ReportContent,
    RoundFigures,
    confidence_lines,
    counterfactual_lines,
    design_figure,
    distance_figure,
    ladder_figure,
    plate_figure,
    predicted_against_known,
    render_report,
    summarise_batch,
    summarise_confidence,
    summarise_predictor,
    summarise_sampling,
    ternary_figure,
    training_figure,
)
from designlib.sampling import SamplingPlan
from designlib.selection import SelectionFigures, calibration_of
from designlib.spaces import SequenceSpace, pairwise_distances
from designlib.tables import csv_bytes
from tasks.inputs.round_inputs import RoundStages
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.reports.analyses import counterfactual_figures
from tasks.rounds.layout import laid_out
from tasks.rounds.rounds import ROUND_MAKERS
from tasks.stages.code import code_fingerprint
from tasks.stages.ensemble import Ensemble, load_spec
from tasks.stages.plan import load_plan
from tasks.stages.stages import StageResult, run_stage
from tasks.stages.table_facts import TableFacts, best_first, load_facts, load_folds

_TRUTHS = {
    "table": "",
    "nearest": ", by the value of the nearest measured design",
    "forest": ", by a random forest trained on all measurements: no measurement, never above the "
    "best one, and blind to whether the material can be made at all",
}
"""What stands for the truth, where that is not the value of the design itself."""
_USES = {
    "predictor": "train the ensemble",
    "validation_model": "train the validation model",
    "validation": "validate both during training",
    "test": "test both",
    "withheld": "are withheld and judge the candidates",
}
"""What each fold of the data is for."""


@task(name="write-report")
def write_report(stages: RoundStages) -> StageResult:
    """Draw the figures and write the self-contained report.

    It names the counterfactuals that were sampled from the round's predictors.
    """
    round_ = stages.inputs.round_
    explained = counterfactual_figures(round_.campaign, round_.number)
    inputs = {
        "round": round_.key,
        "selected": stages.selected,
        "scored": stages.scored,
        "members": stages.members,
        "plan": stages.plan,
        "layout": stages.layout,
        "explained": explained,
    }
    stage = run_stage(Settings(), "report", inputs, lambda: _files(stages, explained))
    run_logger().info("report: %s", stage.path("report.html"))
    return stage


def round_figures(stages: RoundStages) -> RoundFigures:
    """Return the figures of a round, without those of this run."""
    round_ = stages.inputs.round_
    facts = load_facts(stages.inputs.measured)
    batch = read_candidates(stages.selected.path("candidates.parquet").read_bytes()).to_pandas()
    best = pd.read_parquet(stages.selected.path("best_by_score.parquet"))
    plan = load_plan(stages.plan)
    snapshots = pd.read_parquet(
        stages.snapshots.path("snapshots.parquet"), columns=["start", "chain", "acceptance"]
    )
    checked = pd.read_parquet(stages.scored.path("measured.parquet"))
    spec = load_spec(stages.members[0])
    sampling = summarise_sampling(
        snapshots,
        [rung.steps + plan.sampler.warm_up for rung in plan.rungs],
        plan.elite_entry_rung,
        len(stages.members),
        plan.sampler.exactness,
        plan.kind,
    )
    return RoundFigures(
        campaign=round_.campaign,
        round=round_.number,
        round_key=round_.key,
        data=DataFigures(
            name=facts.name,
            rows_read=facts.rows_read,
            designs=facts.designs,
            guesses=facts.guesses,
            length=facts.length,
            components=facts.components,
            quantities=facts.quantities,
            choices=facts.choices,
        ),
        batch=summarise_batch(batch, best, facts.space, both_strands=facts.both_strands),
        predictor=summarise_predictor(checked, maximise=facts.maximise),
        confidence=summarise_confidence(
            batch, checked, calibration_of(checked, spec.transform), maximise=facts.maximise
        ),
        sampling=sampling,
        selection=SelectionFigures.from_json(stages.selected.path("selection.json").read_bytes()),
    )


def _files(stages: RoundStages, explained: Mapping[str, CounterfactualFigures]) -> dict[str, bytes]:
    """Return the report, each of its figures and the recipe sheet by file name."""
    facts = load_facts(stages.inputs.measured)
    table = read_candidates(stages.selected.path("candidates.parquet").read_bytes())
    batch = table.to_pandas()
    figures, plan = round_figures(stages), load_plan(stages.plan)
    pictures = _pictures(stages, batch, facts)
    content = ReportContent(
        candidates=table,
        what_was_run=_what_was_run(stages, facts, plan),
        key_figures=_key_figures(figures, facts),
        explained=counterfactual_lines(explained),
        pictures=list(pictures.values()),
        sampled=figures.selection.pool,
        rejected=figures.selection.rejected,
        kept=figures.selection.batch.survivors,
        provenance=_provenance(stages),
        ladder=plan.kind,
        exactness=RESAMPLED if plan.sampler.driver == "smc" else SEARCHED,
    )
    drawn = {f"{name}.png": picture.png for name, picture in pictures.items()}
    sheet = _recipe(batch, facts, stages.inputs.config.recipe)
    return {"report.html": render_report(content).encode(), **sheet, **drawn}


def _recipe(batch: pd.DataFrame, facts: TableFacts, recipe: RecipeConfig) -> dict[str, bytes]:
    """Return the recipe sheet of compositions and variables."""
    if isinstance(facts.space, SequenceSpace):
        return {}
    sheet = recipe_sheet(batch["design"].tolist(), facts.space, recipe)
    return {"recipe.csv": csv_bytes(batch[["rank", "candidate_id"]].join(sheet))}


def _pictures(stages: RoundStages, batch: pd.DataFrame, facts: TableFacts) -> dict[str, Picture]:
    checked = pd.read_parquet(stages.scored.path("measured.parquet"))
    test = checked[checked["fold"] == "test"]
    space, names = facts.space, {"value_name": facts.value_name, "units": facts.source.unit}

    def against(of_test: str, of_batch: str | None, name: str) -> Picture:
        points = Points(test["predicted_mean"].to_numpy(), test[of_test].to_numpy())
        candidates = of_batch and Points(
            batch["predicted_mean"].to_numpy(), batch[of_batch].to_numpy()
        )
        return predicted_against_known(points, candidates or None, known_name=name, **names)

    if batch["true_value"].notna().all():
        pictures = {"predicted": against("value", "true_value", "true")}
    else:
        pictures = {
            "predicted": against("value", None, "measured"),
            "validation": against("validation_score", "validation_score", "validation score of"),
        }
    wells, plate = laid_out(stages.layout), stages.inputs.config.plate
    if wells is not None and plate is not None:
        pictures["plate"] = plate_figure(wells, plate.wells)
    ladder = pd.read_parquet(stages.scored.path("ladder.parquet"))
    pictures["ladder"] = ladder_figure(ladder, **names)
    designs = space.encode(batch["design"].tolist())
    pictures["distances"] = distance_figure(
        pairwise_distances(space, designs, both_strands=facts.both_strands),
        batch["distance_to_measured"].to_numpy(),
        units=facts.distance_units,
    )
    best = best_first(load_folds(stages.inputs.folds), facts)
    predicted = batch["predicted_mean"].to_numpy()
    if not isinstance(space, SequenceSpace) and space.components:
        measured = space.encode(best["design"].tolist())
        values = best["value"].to_numpy()
        pictures["ternary"] = ternary_figure(space, designs, predicted, measured, values, **names)
    shown = design_figure(
        space,
        batch["design"].tolist(),
        predicted,
        best["design"].head(len(batch)).tolist(),
        names=("candidates", "best measured designs"),
        both_strands=facts.both_strands,
        **names,
    )
    rungs = [rung.training_step for rung in load_plan(stages.plan).rungs]
    training = [
        {"member": number, "step": state.step, **state.metrics}
        for number, member in enumerate(Ensemble(stages.members).trajectories, start=1)
        for state in member.states
    ]
    return pictures | {
        shown.name: shown,
        "training": training_figure(pd.DataFrame(training), rungs),
    }


def _what_was_run(stages: RoundStages, facts: TableFacts, plan: SamplingPlan) -> list[KeyFigure]:
    folds = load_folds(stages.inputs.folds)["fold"].value_counts()
    config, source = stages.inputs.config, facts.source
    training, sampling = config.training, config.sampling
    constraints = config.constraints.model_dump(
        mode="json",
        exclude={"motifs_on_both_strands", "required_on_either_strand"},
        exclude_none=True,
    )
    rows = f"{facts.designs:,} {facts.designs_are} from {facts.rows_read:,} rows"
    goal = (
        f"{'maximise' if facts.maximise else 'minimise'} {facts.value_name} {source.unit}".strip()
    )
    lines = {
        "Data": f"{facts.name}, {rows}",
        "About the data": source.description,
        "Citation": source.citation,
        "Objective": goal + (", learned as its logarithm" if source.transform == "log" else ""),
        "Use of the data": ", ".join(
            f"{folds[f]:,} {use}" for f, use in _USES.items() if f in folds
        ),
        "Taken as": "; ".join(f"{what}: {guess}" for what, guess in facts.guesses.items()),
        "Predictor": _external_predictor(stages)
        or f"{training.members} x {training.network.architecture if facts.alphabet else 'mlp'}, "
        f"{training.steps:,} steps, {training.checkpoints} checkpoints each",
        "Sampler": f"{plan.sampler.label}, {sampling.chains:,} chains, "
        f"{sampling.steps_per_rung} steps on each checkpoint and {sampling.final_steps} more "
        "on the last",
        "Constraints": "; ".join(f"{n}: {_words(v)}" for n, v in constraints.items() if v != [])
        or "none",
        "Seed": str(config.seed),
        "Ladder": LADDERS.get(plan.kind, ""),
    }
    return [KeyFigure(label, text) for label, text in lines.items() if text]


def _words(value: object) -> str:
    """Return a setting as a reader writes it.

    >>> _words([{"position": 1, "letters": "R"}])
    'position 1 letters R'
    """
    if isinstance(value, dict):
        return " ".join(f"{name} {_words(one)}" for name, one in value.items())
    return ", ".join(map(_words, value)) if isinstance(value, list) else str(value)


def _external_predictor(stages: RoundStages) -> str:
    predictor, content = stages.inputs.config.predictor, stages.inputs.external
    if predictor is None or content is None:
        return ""
    what = predictor.factory or "a program"
    return f"imported, not trained here: {len(stages.members)} x {what}, content {content.key}"


def _key_figures(figures: RoundFigures, facts: TableFacts) -> list[KeyFigure]:
    batch, predictor = figures.batch, figures.predictor
    units, distance = f" {facts.source.unit}".rstrip(), facts.distance_units
    lines = [
        (
            "Candidates",
            str(batch.candidates),
            f"all distinct, {batch.measured_before or 'none'} measured before",
        ),
        ("Meet every constraint", f"{batch.feasible_share:.0%}"),
        ("Predicted, median", f"{batch.predicted_median:.4g}{units}"),
        (
            "Validation score, median",
            f"{batch.validation_median:.4g}{units}",
            "a predictor trained on other measurements",
        ),
    ]
    if true := batch.true_percentile:
        best = true.median_of_best_by_score
        note = f"of the {batch.judged} candidates that the oracle knows"
        note += _TRUTHS[facts.source.truth]
        note += "" if best is None else f"; {best:.2f} for the best by score alone"
        lines.append(("True percentile, median", f"{true.median:.2f}", note))
        lines.append(("True percentile, best", f"{true.best:.2f}"))
    lines += [
        ("Diversity", f"{batch.diversity or 0:.2f} {distance}", "mean distance between two"),
        ("Novelty", f"{batch.novelty:.2f} {distance}", "mean distance to the nearest measured"),
        (
            "Predictor on test designs",
            f"rank correlation {predictor.ensemble_rank_correlation:.2f}",
            f"{predictor.test_designs:,} designs that nothing was trained on" + _ranking(predictor),
        ),
        *confidence_lines(figures.confidence),
        (
            "Cost of sampling",
            f"{figures.sampling.gradient_evaluations:,} gradients",
            "one forward and backward pass of one predictor on one design",
        ),
    ]
    return [KeyFigure(*line) for line in lines]


def _ranking(predictor: PredictorFigures) -> str:
    if predictor.ensemble_ndcg is None:
        return ""
    return (
        f"; ranked with NDCG {predictor.ensemble_ndcg:.2f}, its best 5 % "
        f"{predictor.ensemble_enrichment:.1f} times richer in the truly best 5 % than chance"
    )


def _provenance(stages: RoundStages) -> dict[str, str]:
    round_ = stages.inputs.round_
    packages = ("trajectory-design", "torch", "numpy", "pandas")
    return {
        "Round key": round_.key,
        "Configuration": round_.config_hash,
        "Measured table, sha256": stages.inputs.measured.files["measured.parquet"],
        "Candidates, sha256": stages.selected.files["candidates.parquet"],
        "Code": code_fingerprint(*ROUND_MAKERS),
        "Versions": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages),
    }
