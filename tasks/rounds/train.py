"""Training predictors: checkpoints on disk as they are made, and in MLflow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import pandas as pd
import torch
from prefect import task

from designlib.analysis import interaction_shares
from designlib.config import TrainingConfig
from designlib.predictors import (
    Examples,
    PredictorSpec,
    RelaxedRows,
    TrainingState,
    Trajectory,
    learning_errors,
    learning_scale,
    network_at,
    noise_weights,
    repeated_rows,
    state_from_bytes,
    state_to_bytes,
    thinned,
    train,
)
from designlib.randomness import derive_seed, torch_generator
from designlib.spaces import SequenceSpace, describe_space, encode_table
from designlib.types import InputError
from tasks.inputs.round_inputs import RoundInputs
from tasks.installation.device import use_device
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.stages.ensemble import load_trajectory
from tasks.stages.results import Round
from tasks.stages.stages import Stage, StageResult, open_stage
from tasks.stages.table_facts import TableFacts, load_facts, load_folds
from tasks.tracking.tracking import (
    find_run,
    flatten,
    log_checkpoint,
    log_params,
    logged_steps,
    run_for,
)

Role = Literal["predictor", "validation_model"]
T = TypeVar("T")


class Part(NamedTuple):
    """Which predictor of a round is meant."""

    role: Role
    number: int
    seed: int
    column: str = ""

    @property
    def words(self) -> tuple[str | int, ...]:
        """What its seed is derived by."""
        # The word of release 0.1, so that a seed gives the same weights as there.
        role = "scorer" if self.role == "validation_model" else self.role
        return (role, self.number, *([self.column] if self.column else []))


SHARES = ("variance_of_single_sites", "variance_of_pairs")
"""Metrics of a checkpoint of sequences: the shares of its variance that these explain."""
_LATEST = "latest.safetensors"


@task(name="train-member", task_run_name="train {role} {number}")
def train_member(
    inputs: RoundInputs,
    role: Role,
    number: int,
    column: str = "",
    before: StageResult | None = None,
) -> StageResult:
    """Train one predictor, or resume its training, and log every checkpoint.

    ``column`` is the further value column that it learns; by default the objective of the table.
    ``before`` is the training of the last round, from whose end it starts; by default it starts
    from new weights. Raises InputError if that was another network.
    """
    config, part = inputs.config.training, Part(role, number, inputs.seed, column)
    where = use_device(inputs.config.execution.device)
    shared = config.model_dump(mode="json", exclude={"members"})
    depends_on = {
        "measured": inputs.measured,
        "folds": inputs.folds,
        "training": shared,
        "role": role,
        "number": number,
        "seed": inputs.seed,
        "device": where.type,
        "column": column,
        "before": before,
    }
    with open_stage(Settings(), "train", depends_on, __name__) as stage:
        if stage.result():
            # A kill between the manifest and the clean-up leaves it behind.
            (stage.folder / _LATEST).unlink(missing_ok=True)
        checkpoints = _checkpoints(stage, inputs, part, where, before)
        return keep_checkpoints(stage, inputs.round_, part, flatten(shared), checkpoints)


def keep_checkpoints(
    stage: Stage,
    round_: Round,
    part: Part,
    settings: Mapping[str, Any],
    checkpoints: Iterator[tuple[Path, TrainingState]],
) -> StageResult:
    """Log each checkpoint of one predictor as it is made, and return its finished stage.

    ``checkpoints`` is not read if everything is done.
    """
    logged_run = find_run(round_.experiment_id, stage.key)
    if (done := stage.result()) and logged_run and logged_run.info.status == "FINISHED":
        return done
    name = f"{part.role} {part.number} {part.column}".strip().replace("_model", " model", 1)
    tags = {"role": part.role, **({"column": part.column} if part.column else {})}
    about = {"role": part.role, "number": part.number, "seed": part.seed}
    with run_for(round_.experiment_id, stage.key, name, round_.run_id, tags) as run_id:
        log_params(run_id, {**settings, **about})
        known = logged_steps(run_id, "validation_loss")
        for file, state in checkpoints:
            if state.step not in known:
                log_checkpoint(run_id, file, state.step, state.metrics)
                metrics = ("validation_loss", "validation_rank_correlation")
                values = [state.step, *(state.metrics[metric] for metric in metrics)]
                message = "%s: step %d, validation loss %.3f, rank correlation %.3f"
                run_logger().info(message, name, *values)
    return stage.result() or _finish(stage)


def _checkpoints(
    stage: Stage,
    inputs: RoundInputs,
    part: Part,
    device: torch.device,
    last_round: StageResult | None,
) -> Iterator[tuple[Path, TrainingState]]:
    """Yield the checkpoints that exist, then train on from the latest and yield the others.

    A warm start counts its steps on from those of the last round.
    """
    path = stage.folder / _LATEST
    latest = state_from_bytes(path.read_bytes())[0] if path.exists() else None
    for path in sorted(stage.folder.glob("checkpoint-*.safetensors")):
        state, _ = state_from_bytes(path.read_bytes())
        # One that is ahead of the resumable state is made again, with the same bytes.
        if stage.result() is not None or (latest is not None and state.step <= latest.step):
            yield path, state
    if stage.result() is not None:
        return
    config = inputs.config.training
    before = load_trajectory(last_round) if last_round else None
    facts, folds = load_facts(inputs.measured), load_folds(inputs.folds)
    spec, training, validation = prepare(facts, folds, config, part, device, before)
    network = spec.build().to(device)
    done = 0
    if before is not None:
        *kept, last = thinned(before.states, max(2, config.checkpoints // 2))
        done = last.step
        network.load_state_dict(last.parameters)
        if latest is None:
            for state in kept:
                yield write_checkpoint(stage, state, spec, device)
    resume = latest and latest._replace(step=latest.step - done)
    states = train(network, training, validation, config, spec.seed, resume)
    for trained in _timed(stage, states):
        path, state = write_checkpoint(
            stage, trained._replace(step=done + trained.step), spec, device
        )
        stage.write(_LATEST, state_to_bytes(state, spec, optimiser=True))
        yield path, state


def write_checkpoint(
    stage: Stage, state: TrainingState, spec: PredictorSpec, device: torch.device
) -> tuple[Path, TrainingState]:
    """Write one checkpoint under the name of its step, with its shares; return both."""
    state = with_learned_shares(state, spec, device)
    name = f"checkpoint-{state.step:08d}.safetensors"
    return stage.write(name, state_to_bytes(state, spec)), state


def with_learned_shares(
    state: TrainingState, spec: PredictorSpec, device: torch.device
) -> TrainingState:
    """Add the shares of variance that single sites and pairs explain, if unknown, for sequences."""
    space = spec.space
    if not isinstance(space, SequenceSpace) or SHARES[0] in state.metrics:
        return state
    network = network_at(spec, state, device)
    # The same sub-cubes for all checkpoints and members.
    generator = torch_generator(0, "learning order")
    shares = interaction_shares(lambda x: network(x.to(device)).cpu(), space, generator)
    return state._replace(metrics={**state.metrics, **dict(zip(SHARES, shares, strict=True))})


def prepare(
    facts: TableFacts,
    folds: pd.DataFrame,
    config: TrainingConfig,
    part: Part,
    device: torch.device,
    before: Trajectory | None = None,
) -> tuple[PredictorSpec, Examples, Examples]:
    """Return what a predictor is, and the designs that it learns from and is validated on.

    Raises InputError where ``before``, from whose end it starts, is another network.
    """
    if part.column:
        # Errors and weights are those of the first objective.
        folds = folds.assign(value=folds[part.column], error=float("nan"), weight=float("nan"))
        folds = folds[folds["value"].notna()]
    learned = folds[folds["fold"] == part.role]
    direction = 1.0 if dict(facts.objectives)[part.column] else -1.0
    values = torch.tensor(learned["value"].to_numpy())
    known = pd.Series(learning_scale(values, facts.source.transform).numpy())
    spec = PredictorSpec(
        network=config.network,
        **describe_space(facts.space),
        both_strands=facts.both_strands,
        centre=float(known.mean()),
        scale=direction * float(known.std()),
        transform=facts.source.transform,
        seed=derive_seed(part.seed, *part.words),
        column=part.column,
    )
    if before is not None:
        # What its weights have learned is on its own scale.
        scale = {"centre": before.spec.centre, "scale": before.spec.scale}
        spec = spec.model_copy(update=scale)
        if spec.model_copy(update={"seed": before.spec.seed}) != before.spec:
            raise InputError(
                "training.start: warm needs the network and the designs of the round before; they "
                "have changed, so use start: fresh"
            )

    def examples(rows: pd.DataFrame) -> Examples:
        designs = encode_table(facts.space, rows["design"].tolist()).to(device)
        target = spec.learnt(torch.tensor(rows["value"].to_numpy()))
        given = rows["weight"].fillna(1.0).to_numpy()
        if config.noise_weights:
            errors, values = (torch.tensor(rows[name].to_numpy()) for name in ("error", "value"))
            on_scale = learning_errors(errors, values, facts.source.transform)
            given = given * noise_weights(on_scale.numpy())
        weight = torch.tensor(given)
        return Examples(
            RelaxedRows(facts.space, designs),
            target.float().to(device),
            weight.float().to(device),
        )

    repeated = learned.iloc[repeated_rows((learned["round"] > 0).to_numpy(), config.own_share)]
    return spec, examples(repeated), examples(folds[folds["fold"] == "validation"])


def _finish(stage: Stage) -> StageResult:
    result = stage.finish([path.name for path in stage.folder.glob("checkpoint-*.safetensors")])
    (stage.folder / _LATEST).unlink(missing_ok=True)
    return result


def _timed(stage: Stage, items: Iterable[T]) -> Iterator[T]:
    """Yield ``items``, counting the time it takes to make each as computation."""
    iterator = iter(items)
    while True:
        with stage.computing():
            item = next(iterator, None)
        if item is None:
            return
        yield item
