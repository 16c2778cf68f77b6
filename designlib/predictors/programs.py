"""Programs that torch has written.

A program is code: torch evaluates expressions, unpickles objects and runs functions of the file
while it loads it, and no filter in front of it is complete. Whoever lets a program be loaded lets
its author run anything.
"""

from __future__ import annotations

import io
import warnings
import zipfile

import torch
from torch import nn

from designlib.types import InputError

__all__ = ["load_program"]


def load_program(content: bytes) -> nn.Module:
    """Return the module of a TorchScript or an exported program, on the CPU; runs its code.

    Raises InputError for any other file.
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


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
