"""The page of a walk in MLflow: what was sampled from, with which settings, how it went."""

from __future__ import annotations

from prefect import task

from tasks.inputs.round_inputs import RoundInputs
from tasks.stages.plan import load_plan
from tasks.stages.results import RegisteredPredictor
from tasks.stages.snapshots import walk_figures
from tasks.stages.stages import StageResult, content_key
from tasks.tracking.tracking import client, flatten, log_metrics, log_params, logged_steps, run_for

__all__ = ["log_sampling"]


@task(name="log-walk")
def log_sampling(
    plan_stage: StageResult,
    snapshots: StageResult,
    version: RegisteredPredictor,
    inputs: RoundInputs,
) -> str:
    """Log the walk as a run nested in its round, with one point per rung, and return its id."""
    round_, config = inputs.round_, inputs.config.sampling
    key = content_key({"walk": snapshots.key, "round": round_.key})
    model = f"models:/{version.name}/{version.version}"
    tags = {"role": "generation", "predictor": model}
    with run_for(round_.experiment_id, key, "generation", round_.run_id, tags) as run_id:
        plan = load_plan(plan_stage)
        log_params(
            run_id,
            {**flatten(config.model_dump(mode="json")), "sampler": plan.sampler.label},
        )
        log_params(run_id, {"predictor": model, "predictor_hash": version.predictor_hash})
        known = logged_steps(run_id, "mean_acceptance")
        rungs = walk_figures(snapshots.path("snapshots.parquet"))
        for rung, figures in enumerate(rungs.drop(columns="rung").to_dict(orient="records")):
            if rung not in known:
                now = {str(name): float(value) for name, value in figures.items()}
                log_metrics(run_id, {**now, "beta": plan.rungs[rung].beta}, rung)
        chains = int(rungs["chains"].max())
        client().set_tag(run_id, "mlflow.note.content", _description(version, chains, len(rungs)))
    return run_id


def _description(version: RegisteredPredictor, chains: int, rungs: int) -> str:
    return (
        f"{chains:,} chains walked {rungs} rungs, from the "
        f"earliest checkpoint to the last, of **{version.name} version {version.version}**. The "
        "metrics have one point per rung; scores are in standard deviations of the measured values."
    )
