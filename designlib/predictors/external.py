"""External predictors, read as our own are: one-hot rows in, a score out."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import io
import math
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from designlib.config import OwnNetwork, factory_call
from designlib.spaces import DesignSpace, SequenceSpace
from designlib.types import InputError

_TO_NATURAL = {"value": 1.0, "ln": 1.0, "log2": math.log(2.0), "log10": math.log(10.0)}


class ExternalScore(nn.Module):
    """One standardised score per design of a model with a layout of its own.

    With the model's output y, as a natural logarithm where it is a logarithm and as a probability
    where it is log odds, the score is (y - centre) / scale.

    The state of the model is below ``model.``, and ``about`` says how it takes designs and where in
    its output the value is. The scale is negative where small values are better.

    Raises InputError for letters or flanks that do not fit the alphabet of the designs.
    """

    letters: Tensor
    left: Tensor
    right: Tensor

    def __init__(
        self, model: nn.Module, about: OwnNetwork, space: DesignSpace, centre: float, scale: float
    ) -> None:
        super().__init__()
        self.model = model
        self.about, self.centre, self.scale = about, centre, scale
        self.sequences = isinstance(space, SequenceSpace)
        if self.sequences == (about.input.layout == "columns"):
            raise InputError(
                "input.layout: columns is for compositions and variables, the other layouts are "
                "for sequences"
            )
        if isinstance(space, SequenceSpace):
            letters = letters_of(about, space)
            order = [letters.index(_same(letter, letters)) for letter in space.alphabet.letters]
            one_hot = torch.eye(len(letters))
            self.register_buffer("letters", one_hot[order], persistent=False)
            for name in ("left", "right"):
                flank = getattr(about.input.flanks, name).upper()
                rows = [letters.index(_same(letter, letters)) for letter in flank]
                self.register_buffer(name, one_hot[rows], persistent=False)

    def forward(self, relaxed: Tensor) -> Tensor:
        """Return the score of each design.

        Raises InputError where the model returns something else than was declared.
        """
        output = read_output(self.model(self.arranged(relaxed)), self.about, len(relaxed))
        scale = self.about.output.scale
        value = output.sigmoid() if scale == "logit" else output * _TO_NATURAL[scale]
        # Models of another precision answer in it.
        return ((value - self.centre) / self.scale).to(relaxed)

    def arranged(self, relaxed: Tensor) -> Tensor:
        """Return designs as the model takes them."""
        if not self.sequences:
            return relaxed
        # A product with zeros and ones, which is exact, and has a gradient.
        rows = relaxed @ self.letters.to(relaxed)
        flanks = [side.to(rows).expand(len(rows), -1, -1) for side in (self.left, self.right)]
        rows = torch.cat([flanks[0], rows, flanks[1]], 1)
        match self.about.input.layout:
            case "channels_first":
                return rows.transpose(1, 2)
            case "flat":
                return rows.flatten(1)
        return rows


def build_model(about: OwnNetwork, program: Tensor | None = None) -> nn.Module:
    """Return the module that a factory returns or a program holds, in float32.

    Raises InputError where the factory cannot be imported, fails, or returns no module.
    """
    if program is not None:
        return load_program(program.numpy().tobytes()).float()
    module, function, arguments = _factory(about.factory)
    try:
        built = getattr(module, function)(**arguments)
    except Exception as error:
        raise InputError(f"factory {about.factory}: {type(error).__name__}: {error}") from error
    if not isinstance(built, nn.Module):
        raise InputError(
            f"factory {about.factory} returned {type(built).__name__}; a torch.nn.Module is needed"
        )
    return built.float()


def load_program(content: bytes) -> nn.Module:
    """Return the module of a TorchScript or an exported program, on the CPU; runs its code.

    A program is code: torch evaluates expressions, unpickles objects and runs functions of the file
    while it loads it, and no filter in front of it is complete. Whoever lets a program be loaded
    lets its author run anything.

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


def factory_source(factory: str) -> str:
    """Return the SHA-256 of the file that a factory is in, so that a change of it is noticed."""
    module, function, _ = _factory(factory)
    try:
        file = inspect.getsourcefile(inspect.unwrap(getattr(module, function)))
    except TypeError:
        file = getattr(module, "__file__", None)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""


def letters_of(about: OwnNetwork, space: SequenceSpace) -> str:
    """Return the model's letters in the order of its channels.

    Raises InputError for a letter given twice, and for one of the designs or of a flank that is
    missing.
    """
    needed = space.alphabet.letters
    letters = about.input.letters.upper() or needed
    if len(set(letters)) < len(letters):
        raise InputError(f"input.letters: {letters} names a letter twice")
    for letter in needed:
        if _same(letter, letters) not in letters:
            raise InputError(
                f"input.letters: {letters} has no channel for {letter}; the designs are of {needed}"
            )
    for name in ("left", "right"):
        for place, letter in enumerate(getattr(about.input.flanks, name).upper(), 1):
            if _same(letter, letters) not in letters:
                raise InputError(
                    f"input.flanks.{name}: {letter!r} at position {place} is none of the "
                    f"letters {letters}"
                )
    return letters


def read_output(output: Any, about: OwnNetwork, designs: int) -> Tensor:
    """Return the declared number for each design out of what a model returned.

    Raises InputError saying what there is instead.
    """
    column, flat = about.output.column, read_part(output, about.output.part, designs)
    if column is None and flat.shape[1] != 1:
        raise InputError(
            f"the model returns {flat.shape[1]} numbers for each design; name one of them as "
            "output.column"
        )
    if (column or 0) >= flat.shape[1]:
        raise InputError(
            f"output.column: {column} is asked for, but the model returns {flat.shape[1]} numbers "
            "for each design, counted from 0"
        )
    return flat[:, column or 0]


def read_part(output: Any, part: str, designs: int) -> Tensor:
    """Return one part of what a model returned, all numbers of a design in one row.

    Raises InputError saying what there is instead.
    """
    if part:
        several = isinstance(output, list | tuple)
        parts = {str(n): one for n, one in enumerate(output)} if several else output
        if not isinstance(parts, dict) or part not in parts:
            known = ", ".join(parts) if isinstance(parts, dict) else "a single tensor"
            raise InputError(f"output.part: {part!r} is not in what the model returns: {known}")
        output = parts[part]
    if not isinstance(output, Tensor):
        named = list(output) if isinstance(output, dict) else list(range(len(output)))
        raise InputError(f"the model returns several parts, {named}; name one as output.part")
    if output.ndim == 0 or len(output) != designs:
        raise InputError(
            f"the model returns shape {tuple(output.shape)} for {designs} designs; its first "
            "dimension has to be that of the designs"
        )
    return output.reshape(designs, -1)


@contextmanager
def evaluating(model: nn.Module, device: torch.device | str | None = None) -> Iterator[nn.Module]:
    """Give a module in evaluation mode, on a device if one is named, and put all back after.

    The mode of every part is restored by itself: a part that was frozen stays frozen.
    """
    modes = [(part, part.training) for part in model.modules()]
    before = next((tensor.device for tensor in model.parameters()), None)
    try:
        model.eval()
        yield model if device is None else model.to(device)
    finally:
        for part, mode in modes:
            part.training = mode
        if device is not None and before is not None:
            model.to(before)


def _factory(text: str) -> tuple[Any, str, dict[str, Any]]:
    name, function, arguments = factory_call(text)
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"factory {text}: {error}; the module has to be in the working directory, in "
            "PYTHONPATH or installed"
        ) from None
    if not callable(getattr(module, function, None)):
        raise InputError(f"factory {text}: module {name} has no function {function}")
    return module, function, arguments


def _same(letter: str, letters: str) -> str:
    """Return the letter as an alphabet writes it, T and U being the same."""
    other = {"T": "U", "U": "T"}.get(letter, letter)
    return letter if letter in letters or other not in letters else other
