"""Programs that torch has written, loaded without running anything that is pickled in them."""

from __future__ import annotations

import io
import json
import warnings
import zipfile

import torch
from torch import nn

from designlib.types import InputError

__all__ = ["load_program"]


def load_program(content: bytes) -> nn.Module:
    """Return the module of a TorchScript or an exported program, on the CPU.

    Raises InputError for another file, and for an exported program that holds pickled objects,
    which torch would unpickle.
    """
    try:
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    except zipfile.BadZipFile:
        raise InputError(
            "the program is no file that torch.export.save or torch.jit.save writes"
        ) from None
    with warnings.catch_warnings():
        # torch says that TorchScript is deprecated, which programs that exist do not care about.
        warnings.simplefilter("ignore", DeprecationWarning)
        if any("/code/" in name for name in names):
            return torch.jit.load(io.BytesIO(content), map_location="cpu")
        _refuse_pickles(content)
        try:
            exported = torch.export.load(io.BytesIO(content))
        except Exception as error:
            raise InputError(f"the program cannot be loaded: {_first_line(error)}") from None
    program = exported.module()
    # It was exported in one mode and refuses to be set to any, by functions of its own that stand
    # in the way of a module's.
    for name in ("train", "eval"):
        program.__dict__.pop(name, None)
    return program


def _refuse_pickles(content: bytes) -> None:
    """Raise InputError for an entry that torch would unpickle without looking."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    names = archive.namelist()
    declared = {
        entry["path_name"]
        for name in names
        if name.endswith("_config.json")
        for entry in json.loads(archive.read(name)).get("config", {}).values()
        if entry.get("use_pickle")
    }
    for name in names:
        last = name.rsplit("/", 1)[-1]
        if last not in declared and not last.endswith((".pt", ".pkl")) and "custom_obj" not in last:
            continue
        try:
            torch.load(io.BytesIO(archive.read(name)), weights_only=True)
        except Exception:
            raise InputError(
                f"the program holds pickled objects ({name}), which could run any code; export it "
                "with plain tensors only"
            ) from None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
