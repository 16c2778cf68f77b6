"""Taking over a predictor that somebody has trained: its checkpoints read, checked and kept."""

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

__all__ = ["import_checkpoints", "members_of", "register_member"]

_BYTES = "program.bin"
_IN_FOLDERS = ("model*.safetensors", "pytorch_model*.bin")


@task(name="take-over-predictor")
def import_checkpoints(own: ExternalPredictor, start: StageResult) -> StageResult:
    """Read, order and check the checkpoints of a predictor for the designs of a campaign.

    Nothing of the stage depends on where the files lay. Raises InputError naming the file that
    cannot be used, or saying how the predictor differs from what its examples claim.
    """
    facts = load_facts(start)
    content = read_input(table_path(own.program)) if own.program else b""
    digest = hashlib.sha256(content).hexdigest() if own.program else ""
    _check_allowed(own, facts, digest)
    program = torch.from_numpy(np.frombuffer(content, np.uint8).copy()) if own.program else None
    with _folders(own) as folders:
        found = [_groups(folder) for folder in folders]
        inputs = {
            "predictor": {
                **own.model_dump(mode="json", exclude={"checkpoints", "model"}),
                "factory": own.factory,
            },
            "designs": describe_space(facts.space),
            "factory": factory_source(own.factory) if own.factory else "",
            "program": digest,
            # Its designs are what a distillation learns from.
            "table": start.files if own.distillation_steps else {},
            "files": [
                {name: [sha256_of(file) for file in files] for name, files in member.items()}
                for member in found
            ],
        }

        def make(stage: Stage) -> list[str]:
            members = [_ordered(member) for member in found]
            model = build_model(own.network, program)
            if not members:
                final = RawCheckpoint("the model", 0, dict(model.state_dict()))
                members = [[final]]
            if own.distillation_steps:
                measured = widened(best_measured(load_table(start), facts))
                members = [_distilled(own, model, facts, measured, member) for member in members]
            steps = [[checkpoint.step for checkpoint in member] for member in members]
            for number, other in enumerate(steps[1:], start=2):
                if other != steps[0]:
                    raise InputError(
                        f"{own.checkpoints[number - 1]} has checkpoints at steps {other}, "
                        f"{own.checkpoints[0]} at {steps[0]}; the members of an ensemble need the "
                        "same"
                    )
            names = [PREDICTOR_FILE]
            for number, member in enumerate(members, start=1):
                names += list(_written(stage, member, model, number))
                if number == 1:
                    # The examples are predictions of one model; all have its layout.
                    check_examples(model, own, facts.space)
            if program is not None:
                stage.write(_BYTES, content)
                names.append(_BYTES)
            about = {**inputs, "steps": steps[0], "members": len(members)}
            stage.write(PREDICTOR_FILE, json_bytes(about))
            return names

        stage = write_stage(Settings(), "predictor", inputs, make)
    told = json.loads(stage.path(PREDICTOR_FILE).read_bytes())
    run_logger().info(
        "predictor imported: %d members with %d checkpoints%s", told["members"],
        len(told["steps"]),
        "; they are those of a distillation" if own.distillation_steps else ""
        if len(told["steps"]) > 1 else "; walked by temperatures, as there is no trajectory",
    )  # fmt: skip
    return stage


@task(name="register-member", task_run_name="import predictor {number}")
def register_member(inputs: RoundInputs, number: int) -> StageResult:
    """Make an imported member a predictor of the round, and log every checkpoint.

    The result is that of `tasks.rounds.train.train_member`; nothing is trained. Raises InputError
    for a checkpoint that gives NaN.
    """
    own, config = inputs.external, inputs.config.training
    assert own is not None  # noqa: S101 - a member of the external predictor
    where = use_device(inputs.config.execution.device)
    depends_on = {
        "own": own.files,
        "measured": inputs.measured,
        "folds": inputs.folds,
        "number": number,
        "noise_weights": config.noise_weights,
        "own_share": config.own_share,
        "seed": inputs.seed,
        "device": where.type,
    }
    told = _told(own)["predictor"]
    about = OwnNetwork.model_validate({name: told[name] for name in OwnNetwork.model_fields})
    part = Part("predictor", number, inputs.seed)

    def checkpoints(stage: Stage) -> Iterator[tuple[Path, TrainingState]]:
        facts, folds = load_facts(inputs.measured), load_folds(inputs.folds)
        log = about.output.scale in ("ln", "log2", "log10")
        source = facts.source.model_copy(update={"transform": "log" if log else "none"})
        facts = facts.model_copy(update={"source": source})
        made, training, validation = prepare(facts, folds, config, part, where)
        spec = made.model_copy(update={"network": about, "both_strands": False})
        program = {}
        if _BYTES in own.files:
            content = np.frombuffer(own.path(_BYTES).read_bytes(), np.uint8).copy()
            program[PROGRAM] = torch.from_numpy(content)
        network = spec.build(program.get(PROGRAM)).to(where).eval().requires_grad_(False)
        for step in _told(own)["steps"]:
            tensors = load_tensors(own.path(_file(number, step)).read_bytes())
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
            if step == _told(own)["steps"][-1] and correlation < 0:
                run_logger().warning(
                    "the predictor ranks the measured validation designs the wrong way round (rank "
                    "correlation %.2f): is the direction of the objective right?",
                    correlation,
                )

    with open_stage(Settings(), "train", depends_on, __name__) as stage:
        settings = flatten(_told(own)["predictor"])
        return keep_checkpoints(stage, inputs.round_, part, settings, checkpoints(stage))


def members_of(own: StageResult) -> range:
    """Return the numbers of the imported members."""
    return range(1, _told(own)["members"] + 1)


def _told(own: StageResult) -> dict[str, Any]:
    return json.loads(own.path(PREDICTOR_FILE).read_bytes())


def _file(number: int, step: int) -> str:
    return f"member-{number:02d}-{step:08d}.safetensors"


def _check_allowed(own: ExternalPredictor, facts: TableFacts, digest: str) -> None:
    if facts.goals is not None:
        raise InputError(
            "predictor: a predictor of your own predicts one value; leave objectives out"
        )
    if own.factory and deployment.id is not None:
        module, _, _ = factory_call(own.factory)
        if module not in Settings().factories:
            raise InputError(
                f"predictor.model: the operator has not allowed module {module}; "
                "DESIGN_FACTORIES lists those that a run of the page may call"
            )
    if own.program and deployment.id is not None:
        path = table_path(own.program)
        if not Settings().allows_program(path, digest):
            raise InputError(
                f"predictor.model: {own.program} is code, and the operator has not allowed it; "
                f"DESIGN_PROGRAMS lists what a run of the page may load, such as {digest}"
            )
    if own.input.layout == "columns" and isinstance(facts.space, SequenceSpace):
        raise InputError("input.layout: columns is for compositions; the designs are sequences")


@contextmanager
def _folders(own: ExternalPredictor) -> Iterator[list[Path]]:
    """Give the folder of each member; those in MLflow are fetched for as long as they are read."""
    with tempfile.TemporaryDirectory() as scratch:
        folders = []
        for number, named in enumerate(own.checkpoints):
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
        parts = [read_tensors(label, file.read_bytes()) for file in files]
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
    own: ExternalPredictor,
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
    states = distil(model, own.network, facts.space, measured, own.distillation_steps)
    return [RawCheckpoint(member[0].name, step, state) for step, state in states]


def _written(
    stage: Stage, member: Sequence[RawCheckpoint], model: nn.Module, number: int
) -> Iterator[str]:
    """Write the checkpoints of one member as the model names them; it ends as the last of them."""
    for checkpoint in member:
        assert checkpoint.step is not None  # noqa: S101 - they are in order
        model.load_state_dict(fitted(checkpoint, model.state_dict()))
        name = _file(number, checkpoint.step)
        tensors = {key: value.detach().clone() for key, value in model.state_dict().items()}
        stage.write(name, save_tensors(tensors))
        yield name
