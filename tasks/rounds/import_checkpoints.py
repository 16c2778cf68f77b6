"""Importing a trained predictor: its checkpoints are read, checked and stored."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from prefect import task
from prefect.runtime import deployment
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from designlib.config import ExternalPredictor, OwnNetwork, factory_call
from designlib.predictors import (
    PROGRAM,
    SUFFIXES,
    RawCheckpoint,
    TrainingState,
    build_model,
    check_examples,
    checkpoint_metrics,
    distil,
    factory_source,
    fitted,
    in_order,
    read_tensors,
    step_in_name,
)
from designlib.spaces import SequenceSpace, describe_space, widened
from designlib.types import Designs, InputError
from tasks.inputs.round_inputs import PREDICTOR_FILE, RoundInputs
from tasks.inputs.tables import table_path
from tasks.installation.device import use_device
from tasks.installation.files import json_bytes, read_input, sha256_of
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.rounds.train import Part, keep_checkpoints, prepare, write_checkpoint
from tasks.stages.stages import Stage, StageResult, open_stage, write_stage
from tasks.stages.table_facts import TableFacts, best_measured, load_facts, load_folds, load_table
from tasks.tracking.tracking import download_artifacts, flatten

_BYTES = "program.bin"
_IN_FOLDERS = ("model*.safetensors", "pytorch_model*.bin")


@task(name="import-predictor")
def import_checkpoints(external: ExternalPredictor, start: StageResult) -> StageResult:
    """Read, order and check the checkpoints of a predictor for the designs of a campaign.

    The stage does not depend on where the files lie. Raises InputError naming the unusable file, or
    stating how the predictor differs from its examples.
    """
    facts = load_facts(start)
    content = read_input(table_path(external.program)) if external.program else b""
    digest = hashlib.sha256(content).hexdigest() if external.program else ""
    _check_allowed(external, facts, digest)
    with _folders(external) as folders:
        found = [_groups(folder) for folder in folders]
        inputs = {
            "predictor": {
                **external.model_dump(mode="json", exclude={"checkpoints", "model"}),
                "factory": external.factory,
            },
            "designs": describe_space(facts.space),
            "factory": factory_source(external.factory) if external.factory else "",
            "program": digest,
            # Its designs are what a distillation learns from.
            "table": start.files if external.distillation_steps else {},
            "files": [
                {name: [sha256_of(file) for file in files] for name, files in member.items()}
                for member in found
            ],
        }

        def make(stage: Stage) -> None:
            members = [_ordered(member) for member in found]
            steps = _store(stage, external, start, facts, content, members)
            if content:
                stage.write(_BYTES, content)
            about = {**inputs, "steps": steps, "members": max(1, len(members))}
            stage.write(PREDICTOR_FILE, json_bytes(about))

        stage = write_stage(Settings(), "predictor", inputs, make)
    about = _description(stage)
    note = ""
    if external.distillation_steps:
        note = "; they are those of a distillation"
    elif len(about["steps"]) == 1:
        note = "; sampled by temperatures, as there is no trajectory"
    message = "predictor imported: %d members with %d checkpoints%s"
    run_logger().info(message, about["members"], len(about["steps"]), note)
    return stage


def _store(
    stage: Stage,
    external: ExternalPredictor,
    start: StageResult,
    facts: TableFacts,
    content: bytes,
    members: list[list[RawCheckpoint]],
) -> list[int | None]:
    """Write the checkpoints of all members with the model's names; return their steps."""
    model = build_model(external.network, _as_tensor(content) if content else None)
    if not members:
        members = [[RawCheckpoint("the model", 0, dict(model.state_dict()))]]
    if external.distillation_steps:
        measured = widened(best_measured(load_table(start), facts))
        members = [_distilled(external, model, facts, measured, member) for member in members]
    steps = [[checkpoint.step for checkpoint in member] for member in members]
    for folder, other in zip(external.checkpoints, steps, strict=False):
        if other != steps[0]:
            raise InputError(
                f"{folder} has checkpoints at steps {other}, {external.checkpoints[0]} at "
                f"{steps[0]}; the members of an ensemble need the same"
            )
    for number, member in enumerate(members, start=1):
        for checkpoint in member:
            model.load_state_dict(fitted(checkpoint, model.state_dict()))
            tensors = {key: value.detach().clone() for key, value in model.state_dict().items()}
            stage.write(_file(number, checkpoint.step), save_tensors(tensors))
        if number == 1:
            # The examples are predictions of one model; all have its layout.
            check_examples(model, external, facts.space)
    return steps[0]


@task(name="register-member", task_run_name="import predictor {number}")
def register_member(inputs: RoundInputs, external: StageResult, number: int) -> StageResult:
    """Make a member of an imported predictor one of the round, and log every checkpoint.

    The result is like that of `tasks.rounds.train.train_member`; nothing is trained. Raises
    InputError for a checkpoint that gives NaN.
    """
    config = inputs.config.training
    where = use_device(inputs.config.execution.device)
    depends_on = {
        "external": external,
        "measured": inputs.measured,
        "folds": inputs.folds,
        "number": number,
        "noise_weights": config.noise_weights,
        "own_share": config.own_share,
        "seed": inputs.seed,
        "device": where.type,
    }
    about = _description(external)
    settings, steps = about["predictor"], about["steps"]
    imported = OwnNetwork.model_validate({name: settings[name] for name in OwnNetwork.model_fields})
    part = Part("predictor", number, inputs.seed)

    def checkpoints(stage: Stage) -> Iterator[tuple[Path, TrainingState]]:
        facts, folds = load_facts(inputs.measured), load_folds(inputs.folds)
        log = imported.output.scale in ("ln", "log2", "log10")
        source = facts.source.model_copy(update={"transform": "log" if log else "none"})
        facts = facts.model_copy(update={"source": source})
        made, training, validation = prepare(facts, folds, config, part, where)
        spec = made.model_copy(update={"network": imported, "both_strands": False})
        program = {}
        if _BYTES in external.files:
            program[PROGRAM] = _as_tensor(external.path(_BYTES).read_bytes())
        network = spec.build(program.get(PROGRAM)).to(where).eval().requires_grad_(False)
        for step in steps:
            tensors = load_tensors(external.path(_file(number, step)).read_bytes())
            parameters = {f"model.{name}": value for name, value in tensors.items()}
            with stage.computing():
                network.load_state_dict(parameters)
                try:
                    metrics = checkpoint_metrics(step, network, training, validation)
                except FloatingPointError:
                    raise InputError(
                        f"member {number} of the predictor gives NaN or infinity for a measured "
                        f"design at step {step}; leave that checkpoint out"
                    ) from None
            state = TrainingState(step, {**parameters, **program}, {}, metrics)
            yield write_checkpoint(stage, state, spec, where)
            correlation = metrics["validation_rank_correlation"]
            if step == steps[-1] and correlation < 0:
                run_logger().warning(
                    "the predictor ranks the measured validation designs the wrong way round (rank "
                    "correlation %.2f): is the direction of the objective right?",
                    correlation,
                )

    with open_stage(Settings(), "train", depends_on, __name__) as stage:
        return keep_checkpoints(stage, inputs.round_, part, flatten(settings), checkpoints(stage))


def members_of(external: StageResult) -> range:
    """Return the numbers of the imported members."""
    return range(1, _description(external)["members"] + 1)


def _description(external: StageResult) -> dict[str, Any]:
    return json.loads(external.path(PREDICTOR_FILE).read_bytes())


def _as_tensor(content: bytes) -> Tensor:
    return torch.from_numpy(np.frombuffer(content, np.uint8).copy())


def _file(number: int, step: int | None) -> str:
    return f"member-{number:02d}-{step:08d}.safetensors"


def _check_allowed(external: ExternalPredictor, facts: TableFacts, digest: str) -> None:
    if facts.goals is not None:
        raise InputError(
            "predictor: an external predictor predicts one value; leave objectives out"
        )
    if external.factory and deployment.id is not None:
        module, _, _ = factory_call(external.factory)
        if module not in Settings().factories:
            raise InputError(
                f"predictor.model: the operator has not allowed module {module}; "
                "DESIGN_FACTORIES lists those that a run of the page may call"
            )
    if external.program and deployment.id is not None:
        path = table_path(external.program)
        if not Settings().allows_program(path, digest):
            raise InputError(
                f"predictor.model: {external.program} is code that the operator has not allowed; "
                f"DESIGN_PROGRAMS lists what a run of the page may load, such as {digest}"
            )
    if external.input.layout == "columns" and isinstance(facts.space, SequenceSpace):
        raise InputError("input.layout: columns is for compositions; the designs are sequences")


@contextmanager
def _folders(external: ExternalPredictor) -> Iterator[list[Path]]:
    """Give the folder of each member; those in MLflow are fetched while they are read."""
    with tempfile.TemporaryDirectory() as scratch:
        folders = []
        for number, named in enumerate(external.checkpoints):
            if named.startswith("runs:/"):
                folders.append(_fetched(named, Path(scratch) / str(number)))
            else:
                folders.append(table_path(named))
        yield folders


def _fetched(named: str, folder: Path) -> Path:
    run_id, _, path = named.removeprefix("runs:/").partition("/")
    folder.mkdir()
    return download_artifacts(run_id, path, folder)


def _groups(folder: Path) -> dict[str, list[Path]]:
    """Return the files of each checkpoint by its name: one file, or those of a folder of its own.

    Raises InputError where there is none.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder of checkpoints")
    groups = {
        path.name: [path]
        for path in sorted(folder.iterdir())
        if path.suffix in SUFFIXES and path.is_file()
    }
    for below in sorted(path for path in folder.iterdir() if path.is_dir()):
        for pattern in _IN_FOLDERS:
            if files := sorted(below.glob(pattern)):
                groups[below.name] = files
                break
    if not groups:
        raise InputError(
            f"{folder}: holds no checkpoints; files that end in {', '.join(SUFFIXES)} and folders "
            "such as checkpoint-500/model.safetensors are understood"
        )
    return groups


def _ordered(groups: dict[str, list[Path]]) -> list[RawCheckpoint]:
    checkpoints = []
    for name, files in groups.items():
        label = name if len(files) == 1 and files[0].name == name else f"{name}/{files[0].name}"
        parts = [read_tensors(label, read_input(file)) for file in files]
        tensors: dict[str, Tensor] = {}
        for part in parts:
            tensors |= part.tensors
        if label != name:
            # The numbers in the names of parts count the parts.
            parts[0] = parts[0]._replace(step=step_in_name(name))
        checkpoints.append(parts[0]._replace(tensors=tensors))
    if len(checkpoints) == 1 and checkpoints[0].step is None:
        checkpoints = [checkpoints[0]._replace(step=0)]
    return in_order(checkpoints)


def _distilled(
    external: ExternalPredictor,
    model: nn.Module,
    facts: TableFacts,
    measured: Designs,
    member: Sequence[RawCheckpoint],
) -> list[RawCheckpoint]:
    """Return the checkpoints of a short training in place of the only one that a member has.

    Raises InputError for a member that has a trajectory.
    """
    if len(member) > 1:
        raise InputError(
            f"distillation_steps: there are {len(member)} checkpoints, which are a trajectory; "
            "leave it out"
        )
    model.load_state_dict(fitted(member[0], model.state_dict()))
    states = distil(model, external.network, facts.space, measured, external.distillation_steps)
    return [RawCheckpoint(member[0].name, step, state) for step, state in states]
