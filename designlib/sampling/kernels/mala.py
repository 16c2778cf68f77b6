r"""Metropolis-adjusted Langevin: move every variable along the gradient, with noise.

Roberts and Tweedie, "Exponential convergence of Langevin distributions and their discrete
approximations", Bernoulli 1996; Roberts and Rosenthal, "Optimal scaling of discrete
approximations to Langevin diffusions", JRSS B 1998. Inside limits the noise is truncated to them.

The log density is :math:`\beta f(x)` between the limits l and u. With step size s and
preconditioner M, a positive number for each variable, every variable on its own is proposed from

.. math::
    y_v \sim N(\mu_v(x), s^2 M_v) \text{ truncated to } [l_v, u_v], \qquad
    \mu(x) = \min\{u, \max\{l, x + \tfrac{s^2}{2} M \beta \nabla f(x)\}\}

which is Langevin's proposal where there are no limits. With :math:`\varphi` and :math:`\Phi` the
density and distribution function of a standard normal number, the density of proposing y is

.. math::
    q(y \mid x) = \prod_v \frac{\varphi((y_v - \mu_v) / \sigma_v)}
    {\sigma_v \, [\Phi((u_v - \mu_v) / \sigma_v) - \Phi((l_v - \mu_v) / \sigma_v)]},
    \qquad \sigma_v = s \sqrt{M_v}

and y is accepted with probability :math:`\min\{1, \exp(\beta f(y) - \beta f(x)) \, q(x \mid y) /
q(y \mid x)\}`. That the mean is kept between the limits changes nothing of this, since it is a
function of x alone. It keeps the limits out of the far tail on one side, however steep the score:
the mass between them is then a sum of two positive parts, free of cancellation.

================  =============================================
symbol            in the code
================  =============================================
s                 ``exp(tuning.log_size)``, of each chain
M                 ``preconditioner``, or the square of the width
:math:`\mu`       ``mean``
:math:`\sigma`    ``deviation``
l, u              ``lower``, ``upper``, from `limits_of`
================  =============================================
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from designlib.constraints import Constraint, limits_of
from designlib.sampling.kernels.base import MoveT, StateT, Tuning, require_space
from designlib.sampling.kernels.metropolis import SubspaceKernel, TablesT
from designlib.sampling.targets import Evaluation, Target
from designlib.spaces import BoxSpace, Space
from designlib.types import Designs, DeviceTensors, Gradients, InputError, Points, Scores

_LARGEST_LOG_SIZE = 50.0
"""Bound of the tuned log step size: where the score is flat every step is accepted."""

_NEARLY_ONE = 1.0 - 2.0**-53

Values: TypeAlias = Float[Tensor, "designs variables"]


class State(NamedTuple):
    """Where the chains are, with what the next step needs; nothing is scaled by beta."""

    designs: Points
    """Current points in float64, shape (designs, variables)."""
    value: Scores
    """The predictor's scores of them, shape (designs,)."""
    gradient: Gradients
    """Derivative of the score by each variable, shape (designs, variables)."""
    tuning: Tuning
    """Step size of each chain."""


class TruncatedNormal(NamedTuple):
    """Independent normal numbers between limits, each with its mean between them too."""

    mean: Values
    deviation: Float[Tensor, "#designs #variables"]
    """Mean and standard deviation of the normal number before it is truncated."""
    lower: Tensor
    upper: Tensor
    """Limits, which may be infinite; a number with equal limits is not random."""
    below: Values
    above: Values
    """Twice the mass between the lower limit and the mean, and between it and the upper one."""

    @classmethod
    def between(
        cls, mean: Tensor, deviation: Tensor, lower: Tensor, upper: Tensor
    ) -> TruncatedNormal:
        """Return the numbers with the given mean, deviation and limits, all of one shape or not."""
        scale = math.sqrt(0.5) / deviation
        below, above = torch.erf((mean - lower) * scale), torch.erf((upper - mean) * scale)
        return cls(mean, deviation, lower, upper, below, above)

    def draw(self, uniforms: Values) -> Values:
        """Return the numbers whose distribution function is ``uniforms``, always finite.

        It is inverted from the mean outwards, where the error function is exact to a rounding
        however narrow or wide the limits are.
        """
        # Twice the mass between the mean and the number, negative below the mean.
        signed = uniforms * (self.below + self.above) - self.below
        offset = torch.erfinv(signed.clamp(-_NEARLY_ONE, _NEARLY_ONE)) * self.deviation
        return (self.mean + math.sqrt(2) * offset).clamp(self.lower, self.upper)

    def log_density(self, values: Values) -> Values:
        """Return the log density of each of ``values``; 0 where the limits are equal."""
        scaled = (values - self.mean) / self.deviation
        normaliser = (math.sqrt(math.pi / 2) * self.deviation * (self.below + self.above)).log()
        return (scaled.square() / -2 - normaliser).where(self.upper > self.lower, 0.0)


class LangevinKernel(SubspaceKernel[StateT, MoveT, TablesT]):
    """A kernel whose proposals are as wide as a tuned step size.

    With a target that is not differentiable it is a random walk.
    """

    tunes = True

    def __init__(self, step_size: float) -> None:
        if not 0 < step_size < math.inf:
            raise InputError(f"the step size is {step_size:g}; it must be positive and finite")
        self.size = step_size


class Mala(LangevinKernel[State, Points, DeviceTensors]):
    """Metropolis-adjusted Langevin on a box, with limits or without, or limits on some sides.

    It keeps to the limits of the space and to `Bounds`; what any other constraint forbids is
    rejected.

    ``step_size`` is the one to start with, before it is tuned: the standard deviation of a proposal
    in units of the root of the preconditioner. ``preconditioner`` is the square of the scale on
    which each variable varies, in the square of its unit; without it, the square of the distance of
    its limits, and 1 where a side is open.

    Raises InputError for a step size or a scale that is not positive and finite; later, for a
    target on a space that is no box or has another number of variables than there are scales.
    """

    def __init__(
        self, step_size: float = 0.1, preconditioner: Sequence[float] | None = None
    ) -> None:
        super().__init__(step_size)
        for index, scale in enumerate(preconditioner or ()):
            if not 0 < scale < math.inf:
                raise InputError(
                    f"the preconditioner of variable {index + 1} is {scale:g}; "
                    "it must be positive and finite"
                )
        self.preconditioner = None if preconditioner is None else tuple(preconditioner)

    def draws_per_step(self, space: Space) -> int:
        """Return one number per variable, and one that decides."""
        return space.columns + 1

    def state_at(
        self, _target: Target, designs: Designs, evaluation: Evaluation, tuning: Tuning
    ) -> State:
        """Return the state at ``designs`` from their evaluation."""
        return State(designs, evaluation.value, evaluation.gradient, tuning)

    def proposal(self, target: Target, state: State) -> TruncatedNormal:
        """Return the distribution that the next points are proposed from."""
        lower, upper, metric, scale = self.tables_of(target).on(state.designs.device)
        size = step_sizes(state.tuning)
        drift = size.square() * metric * state.gradient.double() * (target.beta / 2)
        mean = (state.designs + drift).clamp(lower, upper)
        return TruncatedNormal.between(mean, size * scale, lower, upper)

    def draw(
        self, target: Target, state: State, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[Points, Scores]:
        """Return a point to move to for each chain, and its log density."""
        proposal = self.proposal(target, state)
        points = proposal.draw(uniforms[:, :-1])
        return points, proposal.log_density(points).sum(1)

    def log_probability(self, target: Target, state: State, move: Points) -> Scores:
        """Return the log density of proposing the points ``move`` at ``state``.

        In the unit of the free variables; those that limits fix are left out.
        """
        return self.proposal(target, state).log_density(move).sum(1)

    def tables(self, space: Space, constraint: Constraint | None) -> DeviceTensors:
        """Return limits, preconditioner and its root."""
        space = require_space(space, BoxSpace, "moves the variables")
        lower, upper = limits_of(space, constraint)
        if self.preconditioner is None:
            metric = (upper - lower).square()
            metric = metric.where(metric.isfinite() & (metric > 0), 1.0)
        else:
            metric = torch.tensor(self.preconditioner, dtype=torch.float64)
        if len(metric) != space.columns:
            raise InputError(
                f"the preconditioner has {len(metric)} numbers; {space.columns}, one per "
                "variable, are needed"
            )
        return DeviceTensors(lower, upper, metric, metric.sqrt())


def step_sizes(tuning: Tuning) -> Float[Tensor, "designs 1"]:
    """Return the step size of each chain as a column, far from overflow."""
    return tuning.log_size.clamp(-_LARGEST_LOG_SIZE, _LARGEST_LOG_SIZE).exp().unsqueeze(1)
