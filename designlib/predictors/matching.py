"""Whether a predictor says of examples what it is known to say, and which layout would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from designlib.config import ExternalPredictor, OwnInput, OwnNetwork, OwnOutput
from designlib.predictors.external import OwnScore, evaluating, read_part
from designlib.spaces import DesignSpace, SequenceSpace
from designlib.types import InputError

__all__ = ["check_examples"]

_UNITS: dict[str, Callable[[Tensor], Tensor]] = {
    "value": lambda y: y,
    "ln": torch.exp,
    "log2": torch.exp2,
    "log10": lambda y: 10.0**y,
    "logit": torch.sigmoid,
}
_AMINO_ACIDS = ("ACDEFGHIKLMNPQRSTVWY", "ARNDCQEGHILKMFPSTWYV")
_COLUMNS_TRIED = 4096
_PERMUTED = 5
"""Letters whose orders are all tried."""
_NAMED = 3
_INDEPENDENT = 1e-3
"""How much a score may differ, in terms of their range, in the company of other designs."""


def check_examples(model: nn.Module, about: ExternalPredictor, space: DesignSpace) -> None:
    """Raise InputError unless a model says of the examples what they claim.

    The message has the first example that differs and, where another layout, order of letters,
    output column or scale would match all of them, which. A model whose scores have no gradient by
    the designs, or depend on the other designs of a batch, is refused as well.
    """
    given = [example.design for example in about.examples]
    if isinstance(space, SequenceSpace):
        given = [space.alphabet.written(design) for design in given]
    designs = space.encode(given)
    wanted = np.array([example.value for example in about.examples])
    relaxed = space.relax(designs)
    with evaluating(model):
        _check_values(model, about, space, relaxed, wanted)
        score = OwnScore(model, about.network, space, 0.0, 1.0)
        _check_use(score, relaxed)


def _check_values(
    model: nn.Module,
    about: ExternalPredictor,
    space: DesignSpace,
    relaxed: Tensor,
    wanted: Float[np.ndarray, "examples"],
) -> None:
    allowed = about.tolerance * float(abs(wanted).max())
    try:
        told = _told(model, about.network, space, relaxed)
        wrong = np.flatnonzero(~(abs(told - wanted) <= allowed))
        if not len(wrong):
            return
        first = int(wrong[0])
        said = (
            f"the predictor gives {told[first]:.6g} for example {first + 1} "
            f"({about.examples[first].design}), not {wanted[first]:.6g}; {len(wrong)} of "
            f"{len(wanted)} examples differ by more than {allowed:.2g}"
        )
    except InputError:
        raise
    except Exception as error:  # the model's own, whatever it is
        said = (
            f"the predictor cannot take designs of this layout: {type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}"
        )
    likely = _other_outputs(model, about, space, relaxed, wanted, allowed)
    likely += _other_inputs(model, about, space, relaxed, wanted, allowed)
    hint = (
        f". They match with {', or with '.join(likely[:_NAMED])}"
        if likely
        else ". No other layout, order of letters, column or scale matches either: is it the model "
        "of these examples?"
    )
    raise InputError(said + hint)


def _other_outputs(
    model: nn.Module,
    about: ExternalPredictor,
    space: DesignSpace,
    relaxed: Tensor,
    wanted: Float[np.ndarray, "examples"],
    allowed: float,
) -> list[str]:
    """Return which other columns and scales of the declared part match the examples."""
    score = OwnScore(model, about.network, space, 0.0, 1.0)
    try:
        with torch.no_grad():
            output = model(score.arranged(relaxed))
            numbers = read_part(output, about.output.part, len(relaxed)).double()
    except Exception:  # what the model cannot take has no output
        return []
    found = []
    for scale, in_units in _UNITS.items():
        told = in_units(numbers[:, :_COLUMNS_TRIED]).numpy()
        for column in np.flatnonzero((abs(told - wanted[:, None]) <= allowed).all(0)):
            update = {"scale": scale, "column": int(column)}
            if column == (about.output.column or 0):
                del update["column"]
            found.append(_differs("output", about.output, update))
    return found


def _other_inputs(
    model: nn.Module,
    about: ExternalPredictor,
    space: DesignSpace,
    relaxed: Tensor,
    wanted: Float[np.ndarray, "examples"],
    allowed: float,
) -> list[str]:
    """Return which other layouts and orders of letters match the examples."""
    if not isinstance(space, SequenceSpace):
        return []
    given = about.input.letters.upper() or space.alphabet.letters
    orders = [given]
    if len(given) <= _PERMUTED:
        orders = ["".join(order) for order in permutations(given)]
    elif len(given) == len(_AMINO_ACIDS[0]):
        orders += _AMINO_ACIDS
    found = []
    for letters in sorted(dict.fromkeys(orders), key=lambda order: order != given):
        for layout in ("channels_first", "channels_last", "flat"):
            update = {"layout": layout, "letters": letters}
            other = about.input.model_copy(update=update)
            network = about.network.model_copy(update={"input": other})
            try:
                told = _told(model, network, space, relaxed)
            except Exception:  # noqa: S112 - a layout that the model cannot take matches nothing
                continue
            if (abs(told - wanted) <= allowed).all():
                found.append(
                    _differs("input", about.input.model_copy(update={"letters": given}), update)
                )
    return found


def _told(
    model: nn.Module, about: OwnNetwork, space: DesignSpace, relaxed: Tensor
) -> Float[np.ndarray, "examples"]:
    """Return what the model says in the units of the table.

    Raises InputError for NaN and infinity.
    """
    plain = about.output.model_copy(update={"scale": "value"})
    score = OwnScore(model, about.model_copy(update={"output": plain}), space, 0.0, 1.0)
    with torch.no_grad():
        output = score(relaxed).double()
    bad = (~output.isfinite()).nonzero()[:, 0]
    if len(bad):
        raise InputError(f"the predictor gives NaN or infinity for example {int(bad[0]) + 1}")
    return _UNITS[about.output.scale](output).numpy()


def _differs(part: str, declared: OwnInput | OwnOutput, update: Mapping[str, object]) -> str:
    """Return what an update changes, as in ``input.layout: channels_last``."""
    return ", ".join(
        f"{part}.{name}: {value}"
        for name, value in update.items()
        if value != getattr(declared, name)
    )


def _check_use(score: OwnScore, relaxed: Tensor) -> None:
    """Raise InputError for a model that chains cannot follow."""
    with torch.enable_grad():
        inputs = relaxed.detach().clone().requires_grad_()
        together = score(inputs)
        slope = None
        if together.requires_grad:
            (slope,) = torch.autograd.grad(together.sum(), inputs, allow_unused=True)
    if (slope is None or not bool(slope.any())) and score.about.output.scale == "logit":
        raise InputError(
            "the predictor's probabilities of the examples are 0 or 1 to the last digit, which "
            "leaves chains no gradient to follow; use the log odds themselves, output.scale: value"
        )
    if slope is None or not bool(slope.any()):
        raise InputError(
            "the predictor's output has no gradient by the one-hot designs, which chains follow; a "
            "model that looks letters up by number has to take their one-hot rows times its table"
        )
    if not bool(slope.isfinite().all()):
        raise InputError("the gradient of the predictor by an example is NaN or infinite")
    with torch.no_grad():
        alone = torch.cat([score(row[None]) for row in relaxed])
    apart = float((alone - together.detach()).abs().max())
    if apart > _INDEPENDENT * max(float(alone.max() - alone.min()), float(alone.abs().max())):
        raise InputError(
            "the predictor's output for a design depends on the other designs of its batch (or is "
            "drawn at random) even in evaluation mode; each design has to be judged by itself"
        )
