"""The page of a walk in MLflow: what was sampled from, with which settings, how it went."""

from __future__ import annotations

import pandas as pd
from prefect import task

from designlib.sampling import SamplingConfig
from tasks.generate import load_plan, load_sampler
from tasks.rounds import RegisteredPredictor, Round
from tasks.stages import StageResult, content_key
from tasks.tracking import client, flatten, log_metrics, log_params, logged_steps, run_for

__all__ = ["log_walk"]


@task(name="log-walk")
def log_walk(
    plan_stage: StageResult,
    snapshots: StageResult,
    version: RegisteredPredictor,
    round_: Round,
    config: SamplingConfig,
) -> str:
    """Log the walk as a run nested in its round, with one point per rung, and return its id."""
    key = content_key({"walk": snapshots.key, "round": round_.key})
    model = f"models:/{version.name}/{version.version}"
    tags = {"role": "generation", "predictor": model}
    with run_for(round_.experiment_id, key, "generation", round_.run_id, tags) as run_id:
        log_params(
            run_id,
            {**flatten(config.model_dump(mode="json")), "sampler": load_sampler(plan_stage).label},
        )
        log_params(run_id, {"predictor": model, "predictor_hash": version.predictor_hash})
        known = logged_steps(run_id, "mean_acceptance")
        plan, _ = load_plan(plan_stage)
        visited = pd.read_parquet(snapshots.path("snapshots.parquet"))
        for rung, chains in visited.groupby("rung"):
            number = int(str(rung))
            if number not in known:
                log_metrics(run_id, _figures(chains, plan[number].beta), number)
        client().set_tag(run_id, "mlflow.note.content", _description(version, visited))
    return run_id


def _figures(chains: pd.DataFrame, beta: float) -> dict[str, float]:
    return {
        "mean_acceptance": float(chains["acceptance"].mean()),
        "median_score": float(chains["score"].median()),
        "best_score": float(chains["score"].max()),
        "distinct_share": chains["design"].nunique() / len(chains),
        "beta": beta,
    }


def _description(version: RegisteredPredictor, visited: pd.DataFrame) -> str:
    return (
        f"{visited['chain'].nunique():,} chains walked {visited['rung'].nunique()} rungs, from the "
        f"earliest checkpoint to the last, of **{version.name} version {version.version}**. The "
        "metrics have one point per rung; scores are in standard deviations of the measured values."
    )
