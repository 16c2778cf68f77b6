"""Whether a predictor reproduces examples of known value, and which layout would."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import permutations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from designlib.config import ExternalPredictor, OwnInput, OwnNetwork, OwnOutput
from designlib.predictors.external import ExternalScore, evaluating, read_part
from designlib.spaces import DesignSpace, SequenceSpace
from designlib.types import InputError

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
    """Raise InputError unless a model predicts the declared values of the examples.

    The message has the first example that differs and, where another layout, order of letters,
    output column or scale would match all of them, which. A model whose scores have no gradient by
    the designs, or depend on the other designs of a batch, is rejected as well.
    """
    designs = [example.design for example in about.examples]
    if isinstance(space, SequenceSpace):
        designs = [space.alphabet.written(design) for design in designs]
    relaxed = space.relax(space.encode(designs))
    with evaluating(model):
        _Examples(model, about, space, relaxed).check()
        _check_use(ExternalScore(model, about.network, space, 0.0, 1.0), relaxed)


class _Examples:
    """Examples of a predictor, and how its predictions of them compare with their values."""

    def __init__(
        self, model: nn.Module, about: ExternalPredictor, space: DesignSpace, relaxed: Tensor
    ) -> None:
        self.model, self.about, self.space, self.relaxed = model, about, space, relaxed
        self.wanted = np.array([example.value for example in about.examples])
        self.allowed = about.tolerance * float(abs(self.wanted).max())

    def check(self) -> None:
        """Raise InputError where a prediction differs, naming what would match instead."""
        try:
            predicted = self._predicted(self.about.network)
            wrong = np.flatnonzero(~(abs(predicted - self.wanted) <= self.allowed))
            if not len(wrong):
                return
            first = int(wrong[0])
            problem = (
                f"the predictor gives {predicted[first]:.6g} for example {first + 1} "
                f"({self.about.examples[first].design}), not {self.wanted[first]:.6g}; "
                f"{len(wrong)} of {len(self.wanted)} examples differ by more than "
                f"{self.allowed:.2g}"
            )
        except InputError:
            raise
        except Exception as error:  # the model's own, whatever it is
            problem = (
                f"the predictor cannot take designs of this layout: {type(error).__name__}: "
                f"{' '.join(str(error).split())[:200]}"
            )
        likely = [*self._other_outputs(), *self._other_inputs()]
        hint = (
            f". They match with {', or with '.join(likely[:_NAMED])}"
            if likely
            else ". No other layout, order of letters, column or scale matches either: is it the "
            "model of these examples?"
        )
        raise InputError(problem + hint)

    def _other_outputs(self) -> Iterator[str]:
        """Yield other columns and scales of the declared part that match the examples."""
        score = ExternalScore(self.model, self.about.network, self.space, 0.0, 1.0)
        declared = self.about.output
        try:
            with torch.no_grad():
                output = self.model(score.arranged(self.relaxed))
                numbers = read_part(output, declared.part, len(self.relaxed)).double()
        except Exception:  # what the model cannot take has no output
            return
        for scale, in_units in _UNITS.items():
            values = in_units(numbers[:, :_COLUMNS_TRIED]).numpy()
            matches = (abs(values - self.wanted[:, None]) <= self.allowed).all(0)
            for column in np.flatnonzero(matches):
                update = {"scale": scale, "column": int(column)}
                if column == (declared.column or 0):
                    del update["column"]
                yield _differs("output", declared, update)

    def _other_inputs(self) -> Iterator[str]:
        """Yield other layouts and orders of letters that match the examples."""
        if not isinstance(self.space, SequenceSpace):
            return
        declared = self.about.input.letters.upper() or self.space.alphabet.letters
        orders = [declared]
        if len(declared) <= _PERMUTED:
            orders += ["".join(order) for order in permutations(declared)]
        elif len(declared) == len(_AMINO_ACIDS[0]):
            orders += _AMINO_ACIDS
        as_declared = self.about.input.model_copy(update={"letters": declared})
        for letters in dict.fromkeys(orders):
            for layout in ("channels_first", "channels_last", "flat"):
                update = {"layout": layout, "letters": letters}
                other = self.about.input.model_copy(update=update)
                network = self.about.network.model_copy(update={"input": other})
                # A layout that the model cannot take matches nothing.
                with suppress(Exception):
                    matches = abs(self._predicted(network) - self.wanted) <= self.allowed
                    if matches.all():
                        yield _differs("input", as_declared, update)

    def _predicted(self, network: OwnNetwork) -> Float[np.ndarray, "examples"]:
        """Return predictions in the units of the table; raise InputError for NaN and infinity."""
        plain = network.output.model_copy(update={"scale": "value"})
        score = ExternalScore(
            self.model, network.model_copy(update={"output": plain}), self.space, 0.0, 1.0
        )
        with torch.no_grad():
            output = score(self.relaxed).double()
        bad = (~output.isfinite()).nonzero()[:, 0]
        if len(bad):
            raise InputError(f"the predictor gives NaN or infinity for example {int(bad[0]) + 1}")
        return _UNITS[network.output.scale](output).numpy()


def _differs(part: str, declared: OwnInput | OwnOutput, update: Mapping[str, object]) -> str:
    """Return what an update changes, as in ``input.layout: channels_last``."""
    return ", ".join(
        f"{part}.{name}: {value}"
        for name, value in update.items()
        if value != getattr(declared, name)
    )


def _check_use(score: ExternalScore, relaxed: Tensor) -> None:
    """Raise InputError for a model without a usable gradient, or one that depends on the batch."""
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
