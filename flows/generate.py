"""Sample designs by annealing along the training trajectory of an ensemble."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import flow
from pydantic import BaseModel

from tasks.inputs.round_inputs import RoundInputs
from tasks.servers.runners import runner_of
from tasks.stages.results import RegisteredPredictor
from tasks.stages.stages import StageResult


class GeneratedDesigns(BaseModel):
    """The ladder of the chains and the designs that they visited."""

    plan: StageResult
    snapshots: StageResult
    shards: list[StageResult]


@flow(
    name="generate-candidates",
    flow_run_name="generate {inputs.round_.campaign}",
)
def generate_candidates(
    inputs: RoundInputs, members: Sequence[StageResult], version: RegisteredPredictor
) -> GeneratedDesigns:
    """Plan the ladder, sample along it in shards, several at a time, and join them."""
    # PyTorch comes with these: loaded for a run, not for a server that lists the flows.
    from tasks.reports.sampling_page import log_sampling
    from tasks.rounds.generate import gather_shards, plan_chains, sample_shard
    from tasks.rounds.promotion import check_version
    from tasks.servers.remote_flows import return_result

    check_version(version, members)
    execution = inputs.config.execution
    plan = plan_chains(inputs, members)
    shared = {"inputs": inputs, "plan_stage": plan, "members": members, "shards": execution.shards}
    with runner_of(execution) as runner:
        submitted = [
            runner.submit(sample_shard, {**shared, "shard": shard})
            for shard in range(1, execution.shards + 1)
        ]
        shards = [shard for done in submitted if (shard := done.result()) is not None]
    snapshots = gather_shards(inputs, plan, members, shards)
    log_sampling(plan, snapshots, version, inputs)
    return return_result(GeneratedDesigns(plan=plan, snapshots=snapshots, shards=shards))
