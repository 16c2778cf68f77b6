"""Targets on boxes and compositions with exact draws, and bugs to plant into their kernels."""

import math
from dataclasses import replace
from functools import cache
from typing import Any

import torch

from designlib.constraints import AllOf
from designlib.constraints.bounds import Bounds
from designlib.constraints.components import AtMostComponents
from designlib.randomness import torch_generator
from designlib.sampling.kernels import Mala, SimplexLangevin
from designlib.sampling.targets import Target
from designlib.spaces import BoxSpace, SimplexSpace
from tests.designlib.sampling.kernels.points import Case, rejection

DOUBLE = torch.float64
DRAWS = 20_000
LAST = 1 - 2**-53
FREE = BoxSpace.cube(2)
BOX = BoxSpace((0.0, -1.0, 0.0), (1.0, 2.0, math.inf))
NARROW_BOX = Bounds(BOX, [0.25, -5.0, 0.5], [0.75, 0.5, 0.5])
FOUR = SimplexSpace(("Fe", "Ni", "Co", "Cr"))
FIVE = SimplexSpace(("Fe", "Ni", "Co", "Cr", "Mn"))
ALPHA = torch.tensor([2.0, 3.5, 1.5, 5.0], dtype=DOUBLE)
NARROW = Bounds(FOUR, [0.1, 0.0, 0.0, 0.3], [0.35, 0.2, 1.0, 0.6])
ALLOWED = Bounds(FIVE, [0.0, 0.15, 0.0, 0.0, 0.0], [0.45, 1.0, 0.6, 0.0, 1.0])


def skewed(x):
    """Return the log density of the log odds of a Beta number, and a normal one round a curve."""
    odds, curve = x[:, 0], (1.5 * x[:, 0]).sin()
    return 4 * odds - 5 * torch.nn.functional.softplus(odds) - (x[:, 1] - curve).square() / 2


def edged(x):
    """Return a score with its mass at the edges of the box."""
    return (
        3 * x[:, 0]
        - 1.5 * x[:, 1]
        - x[:, 2]
        + (3 * x[:, 0] * x[:, 1]).sin()
        + 0.8 * (2 * x[:, 2] + x[:, 1]).cos()
    )


def in_box(lower, upper):
    """Return a way to propose points: uniform, or exponential with rate 0.8 upwards."""

    def propose(n, generator):
        noise = torch.rand((n, len(lower)), generator=generator, dtype=DOUBLE)
        open_above = torch.isinf(upper)
        flat = lower + noise * (upper - lower).nan_to_num(0, 0)
        points = torch.where(open_above, lower - (1 - noise).log() / 0.8, flat)
        return points, (-0.8 * (points - lower)).where(open_above, 0.0).sum(1)

    return propose


@cache
def box_case(name):
    if name == "skewed":
        generator = torch_generator(2)
        # Beta(4, 1) is the fourth root of a uniform number.
        root = torch.rand(DRAWS, generator=generator, dtype=DOUBLE).pow(1 / 4)
        normal = torch.randn(DRAWS, generator=generator, dtype=DOUBLE)
        odds = (root / (1 - root)).log()
        exact = torch.stack([odds, (1.5 * odds).sin() + normal], 1)
        return Case(Target(skewed, FREE, dtype=DOUBLE), exact, 1.1)
    # Exact draws weigh the score by beta, so that a wrong beta shows.
    target = Target(edged, BOX, beta=0.8, dtype=DOUBLE)
    lower, upper = BOX.limits()
    if name == "narrow":
        target = replace(target, constraint=NARROW_BOX)
        lower, upper = NARROW_BOX.lower, NARROW_BOX.upper
    exact = rejection(target, in_box(lower, upper), 0.8 * 6.5, DRAWS)
    scales = {"box": None, "narrow": (0.03, 0.15, 1.0), "scaled": (0.2, 1.0, 2.0)}[name]
    return Case(target, exact, {"box": 0.4, "narrow": 1.5, "scaled": 0.9}[name], scales)


def dirichlet(x):
    return ((ALPHA - 1) * x.log()).sum(1)


def wavy(x):
    """Return a score whose faces and corners differ."""
    slopes = torch.tensor([3.0, -2.0, 1.0, 0.0, -1.0, 2.0], dtype=DOUBLE)[: x.shape[1]]
    return x @ slopes + 2 * (5 * x[:, 0] - 3 * x[:, 1]).sin() - 4 * (x[:, 2] - 0.4).square()


ALIKE = torch.tensor(0.0)


def on_faces(space, k, ranks=ALIKE):
    """Return a way to propose compositions: a uniform face of k components, uniform on it.

    Components of rank -1 are on every face and those of rank 1 on none.
    """

    def propose(n, generator):
        order = (torch.rand((n, space.columns), generator=generator) + ranks).argsort(1)
        amounts = -torch.rand((n, space.columns), generator=generator, dtype=DOUBLE).log()
        amounts = amounts.scatter(1, order[:, k:], 0.0)
        points = amounts / amounts.sum(1, keepdim=True)
        return points, torch.zeros(n, dtype=DOUBLE)

    return propose


@cache
def shares_case(name):
    if name == "dirichlet":
        concentration = torch.distributions.Dirichlet(ALPHA)
        with torch.random.fork_rng():
            torch.manual_seed(4)
            exact = concentration.sample(torch.Size([DRAWS]))
        return Case(Target(dirichlet, FOUR, dtype=DOUBLE), exact, 0.25)
    thrice = AtMostComponents(FIVE, 3)
    space, constraint, propose, ceiling, step_size = {
        "wavy": (FOUR, None, on_faces(FOUR, 4), 5, 0.4),
        "bounded": (FOUR, NARROW, on_faces(FOUR, 4), 4, 0.6),
        "sparse": (FIVE, thrice, on_faces(FIVE, 3), 5, 0.6),
        "single": (FIVE, AtMostComponents(FIVE, 1), on_faces(FIVE, 1), 5, 0.4),
        "sparse-bounded": (
            FIVE,
            AllOf(FIVE, [ALLOWED, thrice]),
            on_faces(FIVE, 3, torch.tensor([0, -1, 0, 1, 0])),
            4,
            0.4,
        ),
    }[name]
    target = Target(wavy, space, constraint, beta=0.8, dtype=DOUBLE)
    exact = rejection(target, propose, 0.8 * ceiling, DRAWS)
    return Case(target, exact, step_size)


BOXES = ("skewed", "box", "scaled", "narrow")
SHARES = ("dirichlet", "wavy", "bounded", "sparse", "sparse-bounded", "single")


def case(name):
    return box_case(name) if name in BOXES else shares_case(name)


def make(name, *bugs):
    """Return the kernel of a case, with bugs planted into it."""
    kind: Any = Mala if name in BOXES else SimplexLangevin
    kernel = type("Planted", (*bugs, kind), {}) if bugs else kind
    chosen = case(name)
    options = (chosen.preconditioner,) if name in BOXES else ()
    return kernel(chosen.step_size, *options)


Planted: Any = object
"""What a bug says of the kernel that it is mixed into: nothing, since it may be any."""


class NoRejection(Planted):
    """Every proposal is accepted."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        return torch.zeros_like(log_forward)


class HalfBeta(Planted):
    """The acceptance ratio has half the inverse temperature."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        right = super().log_acceptance(target, state, proposed, log_forward, back)
        return right - target.beta / 2 * (proposed.value - state.value)


class StaleGradient(Planted):
    """The reverse proposal uses the gradient at the current point."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        stale = proposed._replace(gradient=state.gradient)
        return super().log_acceptance(target, state, stale, log_forward, back)


class InvertedAcceptance(Planted):
    """The acceptance ratio is upside down."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        return -super().log_acceptance(target, state, proposed, log_forward, back)


class ForwardOnly(Planted):
    """The probabilities of the proposals are left out of the ratio."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        return target.beta * (proposed.value - state.value)


BUGS = [NoRejection, HalfBeta, StaleGradient, InvertedAcceptance, ForwardOnly]
