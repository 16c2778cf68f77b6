"""The density that a chain samples: one predictor at one temperature, with its constraint."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch.nn.functional import embedding

from designlib.constraints.base import Constraint, DeviceTensors
from designlib.spaces import SequenceSpace
from designlib.types import Gradients, InputError, Letters, OneHot, Scores

__all__ = ["Evaluation", "NonFiniteScoreError", "Target"]


class NonFiniteScoreError(ArithmeticError):
    """A predictor gave NaN or infinity, as a score or as a gradient."""


class Evaluation(NamedTuple):
    """A predictor's scores and their derivatives, neither scaled by beta.

    Attributes
    ----------
    value
        Score of each design, shape (designs,).
    gradient
        Derivative by the one-hot input, shape (designs, sites, letters), contiguous.
    relaxed
        The one-hot input itself, of the same shape.
    """

    value: Scores
    gradient: Gradients
    relaxed: OneHot


@dataclass(frozen=True)
class Target:
    """The density proportional to exp(beta * predict(x)) on the feasible designs.

    Parameters
    ----------
    predict
        Differentiable map from one-hot rows (designs, sites, letters) to one
        score per design (designs,). Rows must not depend on each other.
    space
        The space of the designs.
    constraint
        The feasible set; None for the whole space.
    beta
        Inverse temperature in units of 1 / score, positive.
    label
        What the rung is called in messages.
    dtype
        Floating type of the one-hot input.

    Raises
    ------
    InputError
        ``beta`` is not a positive finite number.
    """

    predict: Callable[[OneHot], Scores]
    space: SequenceSpace
    constraint: Constraint | None = None
    beta: float = 1.0
    label: str = ""
    dtype: torch.dtype = torch.float32

    def __post_init__(self) -> None:
        if not (math.isfinite(self.beta) and self.beta > 0):
            raise InputError(
                f"beta is {self.beta:g}{self._where()}; it must be a positive finite number"
            )

    def evaluate(self, letters: Letters) -> Evaluation:
        """Return scores and gradients of ``letters``: one forward and one backward pass.

        On the CPU a score or gradient that is not finite raises. Other devices are
        not waited for: there such a design gets the score NaN, which no kernel
        accepts, and ``require_finite`` raises when the caller wants to know.

        Raises
        ------
        InputError
            No designs, or a predictor whose output has another shape or no gradient.
        NonFiniteScoreError
            A score or gradient is NaN or infinite.
        """
        if letters.shape[0] == 0:
            raise InputError(f"there are no designs to evaluate{self._where()}")
        (eye,) = self._eye.on(letters.device)
        with torch.enable_grad():
            relaxed = embedding(letters, eye).requires_grad_()
            value = self.predict(relaxed)
            self._require_shape(value, letters)
            total = value.sum()
            (gradient,) = torch.autograd.grad(total, relaxed)
        value, gradient = value.detach(), gradient.contiguous()
        waits = letters.device.type == "cpu" and not torch.compiler.is_compiling()
        # A sum is cheaper than a flag per number, and no NaN or infinity can hide in it.
        if waits and math.isfinite(total.item() + gradient.sum().item()):
            return Evaluation(value, gradient, relaxed.detach())
        finite = value.isfinite() & gradient.isfinite().all(2).all(1)
        value = value.where(finite, torch.nan)
        if waits:
            self.require_finite(value)
        return Evaluation(value, gradient, relaxed.detach())

    @cached_property
    def _eye(self) -> DeviceTensors:
        return DeviceTensors(torch.eye(len(self.space.alphabet), dtype=self.dtype))

    def require_finite(self, value: Scores) -> None:
        """Raise NonFiniteScoreError, naming the rung and the chain, if a score is not finite."""
        bad = (~value.isfinite()).nonzero()[:, 0].tolist()
        if bad:
            more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
            raise NonFiniteScoreError(
                "the predictor gave a score or gradient that is NaN or infinite for "
                f"chain {bad[0]}{more}{self._where()}"
            )

    def _require_shape(self, value: torch.Tensor, letters: Letters) -> None:
        if value.shape != letters.shape[:1]:
            raise InputError(
                f"the predictor returned shape {tuple(value.shape)}{self._where()}; one score "
                f"per design, shape {tuple(letters.shape[:1])}, is needed"
            )
        if not value.requires_grad:
            raise InputError(f"the predictor's score has no gradient{self._where()}")

    def _where(self) -> str:
        return f" at rung {self.label!r}" if self.label else ""
