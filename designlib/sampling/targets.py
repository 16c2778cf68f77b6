"""The density that a chain samples: one score at one temperature, with its constraint."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from designlib.constraints import Constraint
from designlib.spaces import Space
from designlib.types import Designs, Gradients, InputError, Relaxed, Scores

FORWARD_SHARE = 1 / 3
"""Cost of a score alone, in forward and backward passes: a gradient costs two scores more."""


class NonFiniteScoreError(ArithmeticError):
    """A predictor gave NaN or infinity, as a score or as a gradient."""


class Evaluation(NamedTuple):
    """A predictor's scores and their derivatives, neither scaled by beta."""

    value: Scores
    """Score of each design, shape (designs,)."""
    gradient: Gradients
    """Derivative by the relaxed input, of its shape, contiguous: (designs, sites,
    letters) for sequences, (designs, variables) for points.
    """
    relaxed: Relaxed
    """The relaxed input itself, of the same shape."""


@dataclass(frozen=True)
class Target:
    """The density proportional to exp(beta * predict(x)) on the feasible designs.

    Raises InputError unless ``beta`` is a positive finite number.
    """

    predict: Callable[[Relaxed], Scores]
    """Map from relaxed designs - one-hot rows (designs, sites, letters) of
    sequences, or points (designs, variables) - to one score per design
    (designs,). Rows must not depend on each other.
    """
    space: Space
    """The space of the designs."""
    constraint: Constraint | None = None
    """The feasible set; None for the whole space."""
    beta: float = 1.0
    """Inverse temperature in units of 1 / score, positive."""
    label: str = ""
    """What the rung is called in messages."""
    dtype: torch.dtype = torch.float32
    """Floating type of the relaxed input."""
    differentiable: bool = True
    """False where ``predict`` has no gradient: every gradient is then 0, with which
    each kernel proposes blindly and stays exact.
    """

    def __post_init__(self) -> None:
        if not (math.isfinite(self.beta) and self.beta > 0):
            raise InputError(
                f"beta is {self.beta:g}{self._where()}; it must be a positive finite number"
            )

    @property
    def passes(self) -> float:
        """Cost of one evaluation in forward and backward passes."""
        return 1.0 if self.differentiable else FORWARD_SHARE

    def same_score(self, other: Target) -> bool:
        """Return whether the two differ in beta and label alone, so that evaluations carry over."""
        return (
            self.predict is other.predict
            and self.constraint is other.constraint
            and self.space == other.space
            and self.dtype == other.dtype
        )

    def check(self, designs: Designs) -> None:
        """Raise InputError unless the designs are of the space and feasible."""
        self.space.check(designs)
        if self.constraint is not None:
            broken = (~self.constraint.satisfied(designs)).nonzero()[:, 0]
            if broken.shape[0]:
                (reason,) = self.constraint.violations(designs[broken[:1]])
                raise InputError(f"the start of chain {int(broken[0])} is infeasible: {reason}")

    def evaluate(self, designs: Designs) -> Evaluation:
        """Return scores and gradients of ``designs``: one forward and one backward pass.

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
        relaxed = self._relaxed(designs)
        if not self.differentiable:
            value = self._blind_score(relaxed)
            return Evaluation(self._finite(value, value), torch.zeros_like(relaxed), relaxed)
        with torch.enable_grad():
            relaxed.requires_grad_()
            value = self.predict(relaxed)
            self._require_shape(value, designs)
            if not value.requires_grad:
                raise InputError(
                    f"the predictor's score has no gradient{self._where()}; a target that is not "
                    "differentiable is sampled with differentiable=False"
                )
            total = value.sum()
            (gradient,) = torch.autograd.grad(total, relaxed)
        value, gradient = value.detach(), gradient.contiguous()
        relaxed.requires_grad_(False)
        # A sum is cheaper than a flag per number, and no NaN or infinity can hide in it.
        if self._waits(value) and math.isfinite(total.item() + gradient.sum().item()):
            return Evaluation(value, gradient, relaxed)
        return Evaluation(self._finite(value, gradient), gradient, relaxed)

    def score(self, designs: Designs) -> Scores:
        """Return the scores of ``designs`` alone: one forward pass.

        Raises InputError and NonFiniteScoreError as ``evaluate`` does.
        """
        value = self._blind_score(self._relaxed(designs))
        return self._finite(value, value)

    def require_finite(self, value: Scores) -> None:
        """Raise NonFiniteScoreError, naming the rung and the chain, if a score is not finite."""
        bad = (~value.isfinite()).nonzero()[:, 0].tolist()
        if bad:
            more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
            raise NonFiniteScoreError(
                "the predictor gave a score or gradient that is NaN or infinite for "
                f"chain {bad[0]}{more}{self._where()}"
            )

    def _blind_score(self, relaxed: Relaxed) -> Scores:
        with torch.no_grad():
            value = self.predict(relaxed)
        self._require_shape(value, relaxed)
        return value

    def _finite(self, value: Scores, gradient: Tensor) -> Scores:
        """Return NaN for what is not finite, or raise where the device is waited for."""
        finite = value.isfinite() & gradient.isfinite().view(len(value), -1).all(1)
        value = value.where(finite, torch.nan)
        if self._waits(value):
            self.require_finite(value)
        return value

    @staticmethod
    def _waits(value: Tensor) -> bool:
        return value.device.type == "cpu" and not torch.compiler.is_compiling()

    def _relaxed(self, designs: Designs) -> Relaxed:
        if designs.shape[0] == 0:
            raise InputError(f"there are no designs to evaluate{self._where()}")
        return self.space.relax(designs, self.dtype)

    def _require_shape(self, value: Tensor, designs: Tensor) -> None:
        if value.shape != designs.shape[:1]:
            raise InputError(
                f"the predictor returned shape {tuple(value.shape)}{self._where()}; one score "
                f"per design, shape {tuple(designs.shape[:1])}, is needed"
            )

    def _where(self) -> str:
        return f" at rung {self.label!r}" if self.label else ""
