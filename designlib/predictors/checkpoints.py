"""Checkpoint files of any training: tensors only, in the order of their steps."""

from __future__ import annotations

import io
import json
import pickle
import re
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor

from designlib.types import InputError

SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".safetensors")
"""Endings of files that may hold checkpoints."""

_STEP_KEYS = ("step", "global_step", "iteration", "epoch")
_STATE_KEYS = ("state_dict", "model_state_dict", "model")
_NAMED = [re.compile(rf"{word}[=_-]?(\d+)") for word in ("step", "checkpoint", "iter", "epoch")]


class RawCheckpoint(NamedTuple):
    """Content of one checkpoint file."""

    name: str
    """The file, for messages."""
    step: int | None
    """The training step by its metadata or its name; None where neither states it."""
    tensors: dict[str, Tensor]
    """Parameters and buffers by the names that the file gives them."""


def read_tensors(name: str, content: bytes) -> RawCheckpoint:
    """Return the tensors and the step of a checkpoint file, without running what is pickled in it.

    Reads safetensors with the step in its metadata, and files of ``torch.save`` with a state dict,
    or a dictionary that holds one beside the step, as Lightning's.

    Raises InputError for pickled objects other than tensors and plain values, for a damaged file,
    for one without a state dict, and where metadata and name state different steps.
    """
    about, tensors = (_safetensors if name.endswith(".safetensors") else _saved)(name, content)
    stated = next((int(about[key]) for key in _STEP_KEYS if str(about.get(key)).isdigit()), None)
    named = step_in_name(name)
    # An epoch and a step may both be right; two steps of one kind cannot.
    if None not in (stated, named) and stated != named and "step" in name and "epoch" not in name:
        raise InputError(f"{name}: the file says step {stated}, its name says {named}")
    return RawCheckpoint(name, named if stated is None else stated, tensors)


def step_in_name(name: str) -> int | None:
    """Return the training step that a file or folder is named after; None without one.

    >>> [step_in_name(n) for n in ("epoch=3-step=400.ckpt", "checkpoint-500/model.safetensors")]
    [400, 500]
    >>> [step_in_name(n) for n in ("model_0012.pt", "last.ckpt")]
    [12, None]
    """
    for part in reversed(name.split("/")):
        stem = part
        for suffix in SUFFIXES:
            stem = stem.removesuffix(suffix)
        for pattern in _NAMED:
            if found := pattern.search(stem):
                return int(found[1])
        if numbers := re.findall(r"\d+", stem):
            return int(numbers[-1])
    return None


def in_order(checkpoints: Iterable[RawCheckpoint]) -> list[RawCheckpoint]:
    """Return checkpoints by rising step; of two equal ones the first.

    Raises InputError for a file without a step, and for different ones of the same step.
    """
    found: dict[int, RawCheckpoint] = {}
    for checkpoint in checkpoints:
        step = checkpoint.step
        if step is None:
            raise InputError(
                f"{checkpoint.name}: neither its metadata nor its name states the training step; "
                "name it like step=400.pt, or move it out of the folder"
            )
        if (other := found.setdefault(step, checkpoint)) is not checkpoint and not _equal(
            other.tensors, checkpoint.tensors
        ):
            raise InputError(
                f"{checkpoint.name} and {other.name} are both of step {step} and differ; the order "
                "of checkpoints has to be known"
            )
    return [found[step] for step in sorted(found)]


def fitted(checkpoint: RawCheckpoint, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under the names of the model, each with its own memory.

    A prefix that all names of the model share in the file, such as ``model.`` or ``module.``, is
    taken off, and what lies beside it, as losses and metrics do, is left out.

    Raises InputError for missing and unknown names, another shape, and values that are not finite.
    """
    name, tensors = checkpoint.name, checkpoint.tensors
    prefix = _prefix(tensors, expected)
    found = {key.removeprefix(prefix): v for key, v in tensors.items() if key.startswith(prefix)}
    missing = [key for key in expected if key not in found]
    unknown = [key for key in found if key not in expected]
    if missing or unknown:
        key, *others = missing or unknown
        more = f" and {len(others)} more" if others else ""
        difference = (
            f"no {key}{more}, which the model has"
            if missing
            else (f"has {key}{more}, which the model has not")
        )
        raise InputError(f"{name}: {difference}; is it the checkpoint of another architecture?")
    for key, wanted in expected.items():
        if found[key].shape != wanted.shape:
            raise InputError(
                f"{name}: {key} has shape {tuple(found[key].shape)}; that of the model has "
                f"{tuple(wanted.shape)}"
            )
        if not bool(found[key].isfinite().all()):
            raise InputError(f"{name}: {key} holds NaN or infinity")
    return {key: found[key].detach().to(wanted.dtype).clone() for key, wanted in expected.items()}


def _safetensors(name: str, content: bytes) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        tensors = load_safetensors(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{name}: no whole safetensors file ({error})") from None
    about = dict(header.get("__metadata__", {}))
    if "checkpoint" in about:  # one of ours
        about |= json.loads(about["checkpoint"])
        tensors = {key.removeprefix("parameters."): value for key, value in tensors.items()}
    return about, tensors


def _saved(name: str, content: bytes) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with warnings.catch_warnings():
            # Of pickles that are no files of torch's, which are refused below.
            warnings.simplefilter("ignore", UserWarning)
            held = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f" ({found[1]})" if found else ""
        raise InputError(
            f"{name}: holds pickled objects{what}, which could run any code, or is damaged; save "
            "the state dict alone: torch.save(model.state_dict(), file)"
        ) from None
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"{name}: cannot be read as a checkpoint ({reason})") from None
    about: dict[str, Any] = {}
    if isinstance(held, Mapping):
        inner = next((held[k] for k in _STATE_KEYS if isinstance(held.get(k), Mapping)), None)
        if inner is None:
            # Under a name of its own, as long as it is the only one beside optimiser and the like.
            named = [value for value in held.values() if _is_state(value)]
            inner = named[0] if len(named) == 1 else None
        if inner is not None:
            about, held = dict(held), inner
    tensors = dict(held) if isinstance(held, Mapping) else {}
    if not _is_state(tensors):
        raise InputError(
            f"{name}: is no state dict; a dictionary of tensors, or one under "
            f"{', '.join(_STATE_KEYS)}, is needed"
        )
    return about, {str(key): value for key, value in tensors.items()}


def _prefix(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    """Return what stands before the names of the model throughout; nothing where it does not."""
    first = next(iter(expected), "")
    ends = sorted((key.removesuffix(first) for key in tensors if key.endswith(first)), key=len)
    return next((p for p in ends if all(p + key in tensors for key in expected)), "")


def _is_state(value: object) -> bool:
    """Return whether something is a state dict: names of tensors, at least one."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(one, Tensor) for one in value.values())
    )


def _equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(v, other[k]) for k, v in one.items())
