"""Programs whose file runs code of its author, each in another way; the code makes one file."""

from __future__ import annotations

import io
import json
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["CRAFTED"]


class _Touch:
    """Unpickled, it makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


def _exported(change: Callable[[str, bytes], tuple[str, bytes]]) -> bytes:
    """Export a small program and change the entries of its archive."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(24, 1))
    sink, changed = io.BytesIO(), io.BytesIO()
    shapes = ({0: torch.export.Dim("designs")},)
    program = torch.export.export(model, (torch.zeros(2, 4, 6),), dynamic_shapes=shapes)
    torch.export.save(program, sink)
    with zipfile.ZipFile(sink) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(*change(name, old.read(name)))
    return changed.getvalue()


def evaluated_expression(mark: Path) -> bytes:
    """Make the file while a symbolic size is evaluated."""
    expression = f"__import__('pathlib').Path({str(mark)!r}).touch() or Symbol('s0', integer=True)"

    def change(name: str, content: bytes) -> tuple[str, bytes]:
        if not name.endswith("models/model.json"):
            return name, content
        about = json.loads(content)
        _replace(about, "expr_str", expression)
        return name, json.dumps(about).encode()

    return _exported(change)


def pickled_weight_below_a_folder(mark: Path) -> bytes:
    """Make the file while a weight is unpickled whose path has a slash."""

    def change(name: str, content: bytes) -> tuple[str, bytes]:
        if name.endswith("weights/model_weights_config.json"):
            about = json.loads(content)
            weight = about["config"]["1.weight"]
            weight |= {"use_pickle": True, "path_name": "below/weight_0"}
            return name, json.dumps(about).encode()
        if name.endswith("weights/weight_0"):
            sink = io.BytesIO()
            torch.save(_Touch(mark), sink, pickle_module=pickle)
            return name.replace("weight_0", "below/weight_0"), sink.getvalue()
        return name, content

    return _exported(change)


class _WritesAtCall(nn.Module):
    def __init__(self, mark: str) -> None:
        super().__init__()
        self.mark = mark

    def forward(self, designs: Tensor) -> Tensor:
        # A shared mapping makes the file; unused, it would be optimised away.
        return designs.flatten(1).sum(1) + torch.from_file(self.mark, True, 1).sum()


class _WritesAtLoad(nn.Module):
    def __init__(self, mark: str) -> None:
        super().__init__()
        self.mark = mark

    def forward(self, designs: Tensor) -> Tensor:
        return designs.flatten(1).sum(1)

    @torch.jit.export
    def __getstate__(self) -> tuple[str, bool]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.mark, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]) -> None:
        self.mark = state[0]
        self.training = torch.from_file(self.mark, True, 1).numel() > 1


def script_that_writes_at_call(mark: Path) -> bytes:
    """Make the file whenever the program predicts."""
    return _scripted(_WritesAtCall(str(mark)))


def script_that_writes_at_load(mark: Path) -> bytes:
    """Make the file while the program is loaded."""
    return _scripted(_WritesAtLoad(str(mark)))


def _scripted(model: nn.Module) -> bytes:
    sink = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(model), sink)
    return sink.getvalue()


def _replace(about: Any, key: str, value: str) -> None:
    for name, below in about.items() if isinstance(about, dict) else enumerate(about):
        if name == key:
            about[name] = value
        elif isinstance(below, dict | list):
            _replace(below, key, value)


CRAFTED = {
    craft.__name__: craft
    for craft in (
        evaluated_expression,
        pickled_weight_below_a_folder,
        script_that_writes_at_load,
        script_that_writes_at_call,
    )
}
"""What makes the content of each file, by its name, given the mark that the code leaves."""
