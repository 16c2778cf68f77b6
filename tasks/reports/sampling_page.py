"""The MLflow run of the sampling: its predictors, its settings, and its course."""

from __future__ import annotations

from prefect import task

from tasks.inputs.round_inputs import RoundInputs
from tasks.stages.plan import load_plan
from tasks.stages.results import RegisteredPredictor
from tasks.stages.snapshots import sampling_figures
from tasks.stages.stages import StageResult, content_key
from tasks.tracking.tracking import client, flatten, log_metrics, log_params, logged_steps, run_for


@task(name="log-sampling")
def log_sampling(
    plan_stage: StageResult,
    snapshots: StageResult,
    version: RegisteredPredictor,
    inputs: RoundInputs,
) -> str:
    """Log the sampling as a run nested in its round, one point per rung; return the run's id."""
    round_, config = inputs.round_, inputs.config.sampling
    key = content_key({"walk": snapshots.key, "round": round_.key})
    model = f"models:/{version.name}/{version.version}"
    tags = {"role": "generation", "predictor": model}
    with run_for(round_.experiment_id, key, "generation", round_.run_id, tags) as run_id:
        plan = load_plan(plan_stage)
        params = {**flatten(config.model_dump(mode="json")), "sampler": plan.sampler.label}
        params |= {"predictor": model, "predictor_hash": version.predictor_hash}
        log_params(run_id, params)
        known = logged_steps(run_id, "mean_acceptance")
        rungs = sampling_figures(snapshots.path("snapshots.parquet"))
        for rung, figures in enumerate(rungs.drop(columns="rung").to_dict(orient="records")):
            if rung not in known:
                now = {str(name): float(value) for name, value in figures.items()}
                log_metrics(run_id, {**now, "beta": plan.rungs[rung].beta}, rung)
        chains = int(rungs["chains"].max())
        client().set_tag(run_id, "mlflow.note.content", _description(version, chains, len(rungs)))
    return run_id


def _description(version: RegisteredPredictor, chains: int, rungs: int) -> str:
    return (
        f"{chains:,} chains followed {rungs} rungs, from the earliest checkpoint to the last, of "
        f"**{version.name} version {version.version}**. Metrics have one point per rung; scores "
        "are in standard deviations of the measured values."
    )
