"""What the report of a round says and shows, read from its stages."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from designlib.candidates import read_candidates, recipe_sheet
from designlib.config import RecipeConfig
from designlib.predictors import state_from_bytes
from designlib.reports import (
    LADDERS,
    RESAMPLED,
    SEARCHED,
    KeyFigure,
    Picture,
    Points,
    PredictorFigures,
    ReportContent,
    RoundFigures,
    confidence_lines,
    counterfactual_lines,
    distance_figure,
    ladder_figure,
    logo_figure,
    parallel_figure,
    plate_figure,
    predicted_against_known,
    render_report,
    ternary_figure,
    training_figure,
    variable_axes,
)
from designlib.sampling import SamplingPlan
from designlib.spaces import DesignSpace, SequenceSpace, pairwise_distances
from tasks.inputs.round_inputs import RoundStages
from tasks.reports.summary import round_figures
from tasks.rounds.layout import laid_out
from tasks.rounds.rounds import ROUND_MAKERS
from tasks.stages.code import code_fingerprint
from tasks.stages.plan import load_plan
from tasks.stages.table_facts import TableFacts, load_facts, load_folds

__all__ = ["draw_report"]

_TRUTHS = {
    "table": "",
    "nearest": ", by the value of the nearest measured design",
    "forest": ", by a random forest trained on all measurements: no measurement, never above the "
    "best one, and blind to whether the material can be made at all",
}
"""What stands for the truth, where that is not the value of the design itself."""


def draw_report(
    stages: RoundStages,
    explained: Mapping[str, Mapping[str, Any]],
) -> dict[str, bytes]:
    """Return the content of the report and of each figure by file name.

    ``explained`` has the figures of counterfactuals by the folder that they are in.
    """
    config = stages.inputs.config
    facts = load_facts(stages.inputs.measured)
    table = read_candidates(stages.selected.path("candidates.parquet").read_bytes())
    figures, plan = round_figures(stages), load_plan(stages.plan)
    pictures = _pictures(stages, table, facts)
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
    sheet = _recipe(table, facts, config.recipe)
    return {"report.html": render_report(content).encode(), **sheet, **drawn}


def _recipe(table: pa.Table, facts: TableFacts, recipe: RecipeConfig) -> dict[str, bytes]:
    """Return the recipe sheet of compositions and variables."""
    space = facts.space
    if isinstance(space, SequenceSpace):
        return {}
    batch = table.select(["rank", "candidate_id", "design"]).to_pandas()
    sheet = recipe_sheet(batch["design"].tolist(), space, recipe)
    whole = batch[["rank", "candidate_id"]].join(sheet)
    return {"recipe.csv": whole.to_csv(index=False, lineterminator="\n").encode()}


def _pictures(stages: RoundStages, table: pa.Table, facts: TableFacts) -> dict[str, Picture]:
    batch = table.to_pandas()
    checked = pd.read_parquet(stages.scored.path("measured.parquet"))
    test = checked[checked["fold"] == "test"]
    folds = load_folds(stages.inputs.folds)
    space = facts.space
    designs = space.encode(batch["design"].tolist())
    known = folds[folds["fold"] != "withheld"]
    best = known.sort_values(["value", "design"], ascending=[not facts.maximise, True])
    names = {"value_name": facts.value_name, "units": facts.source.unit}
    measured = Points(test["predicted_mean"].to_numpy(), test["value"].to_numpy())
    predicted = batch["predicted_mean"].to_numpy()
    if batch["true_value"].notna().all():
        true = Points(predicted, batch["true_value"].to_numpy())
        judged = {"predicted": predicted_against_known(measured, true, known_name="true", **names)}
    else:
        test_scores = Points(test["predicted_mean"].to_numpy(), test["validation_score"].to_numpy())
        scores = Points(predicted, batch["validation_score"].to_numpy())
        judged = {
            "predicted": predicted_against_known(measured, None, known_name="measured", **names),
            "validation": predicted_against_known(
                test_scores, scores, known_name="validation score of", **names
            ),
        }
    wells, layout = laid_out(stages.layout), stages.inputs.config.plate
    plate = {}
    if wells is not None and layout is not None:
        plate = {"plate": plate_figure(wells, layout.wells)}
    return {
        **judged,
        **plate,
        "ladder": ladder_figure(pd.read_parquet(stages.scored.path("ladder.parquet")), **names),
        "distances": distance_figure(
            pairwise_distances(space, designs, both_strands=facts.both_strands),
            batch["distance_to_measured"].to_numpy(),
            units=facts.distance_units,
        ),
        **_of_designs(space, batch, best, names, both_strands=facts.both_strands),
        "training": training_figure(*_training_curves(stages)),
    }


def _of_designs(
    space: DesignSpace,
    batch: pd.DataFrame,
    best: pd.DataFrame,
    names: Mapping[str, str],
    *,
    both_strands: bool,
) -> dict[str, Picture]:
    """Return what the designs themselves look like, beside measured ones, given best first."""
    designs = space.encode(batch["design"].tolist())
    measured = space.encode(best["design"].tolist())
    reference = measured[: len(batch)]
    if isinstance(space, SequenceSpace):
        return {"logo": logo_figure(space, designs, reference, both_strands=both_strands)}
    predicted, values = batch["predicted_mean"].to_numpy(), best["value"].to_numpy()
    number = len(space.components)
    made = (space.components, designs[:, :number].numpy(), predicted)
    told = {"value_name": names["value_name"], "units": names["units"]}
    ternary = {
        "ternary": ternary_figure(*made, measured[:, :number].numpy(), values, **told)
    } if number else {}  # fmt: skip
    parallel = parallel_figure(
        *made, reference[:, :number].numpy(), **told,
        variables=variable_axes(space, designs, reference),
    )  # fmt: skip
    return {**ternary, "parallel": parallel}


def _training_curves(stages: RoundStages) -> tuple[pd.DataFrame, list[int]]:
    rows = []
    for number, member in enumerate(stages.members, start=1):
        for name in sorted(member.files):
            state, _ = state_from_bytes(member.path(name).read_bytes())
            rows.append({"member": number, "step": state.step, **state.metrics})
    return pd.DataFrame(rows), [rung.training_step for rung in load_plan(stages.plan).rungs]


def _what_was_run(stages: RoundStages, facts: TableFacts, plan: SamplingPlan) -> dict[str, str]:
    folds = load_folds(stages.inputs.folds)["fold"].value_counts()
    config = stages.inputs.config
    training, sampling = config.training, config.sampling
    constraints = config.constraints.model_dump(
        mode="json", exclude={"motifs_on_both_strands", "required_on_either_strand"}
    )
    required = {name: value for name, value in constraints.items() if value not in (None, [])}
    told = {
        "Data": f"{facts.name}, {facts.designs:,} {facts.designs_are} from {facts.rows_read:,} "
        "rows",
        "About the data": facts.source.description,
        "Citation": facts.source.citation,
        "Objective": f"{'maximise' if facts.maximise else 'minimise'} {facts.value_name} "
        f"{facts.source.unit}".strip()
        + (", learned as its logarithm" if facts.source.transform == "log" else ""),
        "Use of the data": ", ".join(f"{name} {n:,}" for name, n in folds.items()),
        "Taken as": "; ".join(f"{what}: {guess}" for what, guess in facts.guesses.items()),
        "Predictor": _external_predictor(stages)
        if stages.inputs.external
        else f"{training.members} x "
        f"{training.network.architecture if facts.alphabet else 'mlp'}, "
        f"{training.steps:,} steps, {training.checkpoints} checkpoints each",
        "Sampler": f"{plan.sampler.label}, {sampling.chains:,} chains, "
        f"{sampling.steps_per_rung} steps on each checkpoint and {sampling.final_steps} more "
        "on the last",
        "Constraints": "; ".join(f"{name}: {value}" for name, value in required.items()) or "none",
        "Seed": str(config.seed),
    }
    if plan.kind in LADDERS:
        told["Ladder"] = LADDERS[plan.kind]
    return {label: text for label, text in told.items() if text}


def _external_predictor(stages: RoundStages) -> str:
    predictor, content = stages.inputs.config.predictor, stages.inputs.external
    assert predictor is not None  # noqa: S101 - it was imported
    assert content is not None  # noqa: S101 - it was imported
    what = predictor.factory or "a program"
    return f"imported, not trained here: {len(stages.members)} x {what}, content {content.key}"


def _key_figures(figures: RoundFigures, facts: TableFacts) -> list[KeyFigure]:
    batch, predictor = figures.batch, figures.predictor
    units = f" {facts.source.unit}".rstrip()
    lines = [
        KeyFigure(
            "Candidates",
            str(batch.candidates),
            f"all distinct, {batch.measured_before or 'none'} measured before",
        ),
        KeyFigure("Meet every constraint", f"{batch.feasible_share:.0%}"),
        KeyFigure("Predicted, median", f"{batch.predicted_median:.4g}{units}"),
        KeyFigure(
            "Validation score, median",
            f"{batch.validation_median:.4g}{units}",
            "a predictor trained on other measurements",
        ),
    ]
    if true := batch.true_percentile:
        best = true.median_of_best_by_score
        truth = _TRUTHS[facts.source.truth]
        note = f"of the {batch.judged} candidates that the oracle knows{truth}"
        lines += [
            KeyFigure(
                "True percentile, median",
                f"{true.median:.2f}",
                note if best is None else f"{note}; {best:.2f} for the best by score alone",
            ),
            KeyFigure("True percentile, best", f"{true.best:.2f}"),
        ]
    lines += [
        KeyFigure(
            "Diversity",
            f"{batch.diversity or 0:.2f} {facts.distance_units}",
            "mean distance between two",
        ),
        KeyFigure(
            "Novelty",
            f"{batch.novelty:.2f} {facts.distance_units}",
            "mean distance to the nearest measured",
        ),
        KeyFigure(
            "Predictor on test designs",
            f"rank correlation {predictor.ensemble_rank_correlation:.2f}",
            f"{predictor.test_designs:,} designs that nothing was trained on" + _ranking(predictor),
        ),
        *(KeyFigure(*line) for line in confidence_lines(figures.confidence)),
        KeyFigure(
            "Cost of sampling",
            f"{figures.sampling.gradient_evaluations:,} gradients",
            "one forward and backward pass of one predictor on one design",
        ),
    ]
    return lines


def _ranking(predictor: PredictorFigures) -> str:
    if predictor.ensemble_ndcg is None:
        return ""
    return (
        f"; ranked with NDCG {predictor.ensemble_ndcg:.2f}, its best 5 % "
        f"{predictor.ensemble_enrichment:.1f} times richer in the truly best 5 % than chance"
    )


def _provenance(stages: RoundStages) -> dict[str, str]:
    round_ = stages.inputs.round_
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("torch", "numpy", "pandas")
    )
    return {
        "Round key": round_.key,
        "Configuration": round_.config_hash,
        "Measured table, sha256": stages.inputs.measured.files["measured.parquet"],
        "Candidates, sha256": stages.selected.files["candidates.parquet"],
        "Code": code_fingerprint(*ROUND_MAKERS),
        "Versions": f"trajectory-design {importlib.metadata.version('trajectory-design')}, "
        + versions,
    }
