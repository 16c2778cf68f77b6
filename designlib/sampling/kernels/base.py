"""What a Markov kernel is, and the Metropolis-Hastings frame that most of them share."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, cast, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from designlib.constraints import AllOf, Constraint
from designlib.sampling.targets import Evaluation, Target
from designlib.spaces import SequenceSpace, Space
from designlib.types import Designs, Gradients, InputError, Letters, Moves, Scores

AIMED_ACCEPTANCE = 0.57
"""Acceptance rate that step sizes and path lengths are tuned to.

The optimum of Langevin proposals in high dimension: 0.574 for continuous targets
(Roberts and Rosenthal 1998), and the same for locally balanced discrete ones (Sun et al. 2022).
"""


@runtime_checkable
class ChainState(Protocol):
    """What every kernel's state has; a kernel may keep more. States are NamedTuples."""

    @property
    def designs(self) -> Designs:
        """The designs that the chains are at."""
        ...

    @property
    def value(self) -> Scores:
        """The predictor's scores of them, not scaled by beta."""
        ...


class Info(NamedTuple):
    """What happened in one step."""

    accepted: Bool[Tensor, "designs"]
    """Whose proposal was accepted, shape (designs,). A chain that has no allowed
    move proposes its own design, and accepts it.
    """
    log_acceptance: Scores
    """Logarithm of the Metropolis-Hastings ratio, shape (designs,); -inf for an
    infeasible proposal; NaN where the predictor failed on a device that is not
    waited for (see `Target.evaluate`).
    """


class Tuning(NamedTuple):
    """What a kernel learns about its own step during warm-up, for each chain."""

    log_size: Scores
    """Logarithm of the step size or path length, shape (designs,)."""
    seen: Int[Tensor, "designs"]
    """Warm-up steps seen so far on this rung, shape (designs,)."""


class LetterState(NamedTuple):
    """Chains on sequences, with what the next step needs; nothing is scaled by beta."""

    designs: Letters
    """Current designs, shape (designs, sites)."""
    value: Scores
    """The predictor's scores of them, shape (designs,)."""
    difference: Gradients
    """Estimated gain of every single change, shape (designs, sites, letters); -inf where the
    kernel does not propose it.
    """
    tuning: Tuning
    """Step size or path length of each chain."""


StateT = TypeVar("StateT", bound=ChainState)
AnyT = TypeVar("AnyT")
SpaceT = TypeVar("SpaceT")
MoveT = TypeVar("MoveT", bound=Tensor | tuple[Any, ...])


class Kernel(ABC, Generic[StateT]):
    """A Markov kernel that leaves a target's density invariant, for many chains at once.

    A step is tensor operations on the whole batch without a data-dependent branch; what
    happens to a chain does not depend on the others, unless the kernel says so.
    """

    tunes = False
    """Whether warm-up tunes a step size or path length."""

    size: float = 1.0
    """Step size or path length that warm-up begins with."""

    size_limits: tuple[float, float] = (1e-300, 1e300)
    """Smallest and largest step size or path length that warm-up may reach."""

    @abstractmethod
    def draws_per_step(self, space: Space, /) -> int:
        """Return how many uniform numbers one step uses; the last decides on a proposal."""

    @abstractmethod
    def evaluate(self, target: Target, designs: Designs, tuning: Any, /) -> StateT:
        """Return the state at ``designs``, with what was tuned for each chain."""

    @abstractmethod
    def step(
        self, target: Target, state: StateT, uniforms: Float[Tensor, "designs draws"], /
    ) -> tuple[StateT, Info]:
        """Return the state after one transition of every chain, and what happened."""

    def passes_per_step(self, target: Target) -> float:
        """Return what one step of one chain costs, in forward and backward passes."""
        return target.passes

    def first_tuning(self, _target: Target, designs: Designs) -> Any:
        """Return the tuning of chains that have not moved yet."""
        n = designs.shape[0]
        size = torch.full((n,), math.log(self.size), dtype=torch.float64, device=designs.device)
        return Tuning(size, torch.zeros(n, dtype=torch.int64, device=designs.device))

    def init(self, target: Target, designs: Designs) -> StateT:
        """Return the state of chains at ``designs``: one evaluation.

        Raises
        ------
        InputError
            No designs, designs of another space, or one that breaks the constraint; the
            message says which and why.
        NonFiniteScoreError
            The predictor gives NaN or infinity.
        """
        target.check(designs)
        state = self.evaluate(target, designs, self.first_tuning(target, designs))
        target.require_finite(state.value)
        return state

    def retarget(self, target: Target, state: StateT) -> StateT:
        """Return the state of the same chains for a new predictor or constraint: one evaluation.

        Keeps what was tuned. A change of beta alone needs no new state.
        """
        tuning = _restarted(getattr(state, "tuning", None))
        fresh = self.evaluate(target, state.designs, tuning)
        target.require_finite(fresh.value)
        return fresh

    def adapt(self, state: StateT, info: Info) -> StateT:
        """Return the state with its step size tuned by what happened; for warm-up only."""
        if not self.tunes:
            return state
        return state._replace(tuning=tuned(state.tuning, info, self.size_limits))  # pyright: ignore[reportAttributeAccessIssue] - states are NamedTuples


class WrappedKernel(Kernel[StateT]):
    """A kernel around another one, which keeps the state."""

    def __init__(self, kernel: Kernel[StateT]) -> None:
        self.kernel = kernel

    def draws_per_step(self, space: Space) -> int:
        """Return what the other kernel draws."""
        return self.kernel.draws_per_step(space)

    def passes_per_step(self, target: Target) -> float:
        """Return what a step of the other kernel costs."""
        return self.kernel.passes_per_step(target)

    def evaluate(self, target: Target, designs: Designs, tuning: Any = None) -> StateT:
        """Return the other kernel's state."""
        return self.kernel.evaluate(target, designs, tuning)

    def first_tuning(self, target: Target, designs: Designs) -> Any:
        """Return the other kernel's tuning."""
        return self.kernel.first_tuning(target, designs)

    def adapt(self, state: StateT, info: Info) -> StateT:
        """Return the state as the other kernel tunes it."""
        return self.kernel.adapt(state, info)


class MetropolisKernel(Kernel[StateT], Generic[StateT, MoveT]):
    r"""A kernel that draws a move, evaluates where it leads, and accepts or not.

    With q the probability of the move and q' that of the move back, drawn at the proposed
    design, the move from x to y is accepted with probability

    .. math:: \min\{1, \exp(\beta f(y) - \beta f(x)) \, q'(y) / q(x)\},

    and never where y is infeasible (Metropolis et al. 1953, Hastings 1970). A step costs one
    evaluation of the predictor, since that of the current design is kept.
    """

    moves_once = False
    """Whether a move changes one site only, so that a mask can exclude all infeasible ones."""

    @abstractmethod
    def draw(
        self, target: Target, state: StateT, uniforms: Float[Tensor, "designs draws"], /
    ) -> tuple[MoveT, Scores]:
        """Return a move for each chain, and the log probability (density) of drawing it."""

    @abstractmethod
    def log_probability(self, target: Target, state: StateT, move: MoveT, /) -> Scores:
        """Return the log probability (density) of drawing ``move`` at ``state``."""

    def move(self, state: StateT, move: MoveT) -> tuple[Designs, MoveT]:
        """Return the designs after a move, and the move that leads back.

        Unless a kernel says otherwise, a move is the designs that it leads to.
        """
        return cast("tuple[Designs, MoveT]", (move, state.designs))

    def step(
        self, target: Target, state: StateT, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[StateT, Info]:
        """Return the state after one transition of every chain, and what happened."""
        move, log_forward = self.draw(target, state, uniforms)
        designs, back = self.move(state, move)
        proposed = self.evaluate(target, designs, getattr(state, "tuning", None))
        log_acceptance = self.log_acceptance(target, state, proposed, log_forward, back)
        if target.constraint is not None and not self.masks_all(target):
            feasible = target.constraint.satisfied(designs)
            log_acceptance = log_acceptance.where(feasible, -torch.inf)
        # A comparison with NaN is False, so what is not a number is never accepted.
        accepted = uniforms[:, -1].log() < log_acceptance
        return choose(accepted, proposed, state), Info(accepted, log_acceptance)

    def log_acceptance(
        self,
        target: Target,
        state: StateT,
        proposed: StateT,
        log_forward: Scores,
        back: MoveT,
    ) -> Scores:
        """Return the log Metropolis-Hastings ratio of moving to ``proposed``."""
        gain = target.beta * (proposed.value - state.value)
        return gain + self.log_probability(target, proposed, back) - log_forward

    def masks_all(self, target: Target, /) -> bool:
        """Return whether no infeasible design is ever proposed, so that none need be looked for."""
        constraint = target.constraint
        return constraint is None or (self.moves_once and has_full_mask(constraint))


def require_space(space: Space, kind: type[SpaceT], moves: str) -> SpaceT:
    """Return the space; raise InputError unless it is of the kind whose ``moves`` are made."""
    if not isinstance(space, kind):
        raise InputError(
            f"this kernel {moves} of a {kind.__name__}, and the target is on a "
            f"{type(space).__name__}"
        )
    return space


def letters_space(target: Target) -> SequenceSpace:
    """Return the space of a target on sequences; raise InputError for another."""
    return require_space(target.space, SequenceSpace, "changes the letters")


def allowed_moves(target: Target, letters: Tensor) -> Moves | None:
    """Return the mask of a target's constraint, or None where nothing is masked."""
    # Asked on every step: an isinstance of the protocol would take longer than many a mask.
    mask = getattr(target.constraint, "allowed_moves", None)
    return None if mask is None else mask(letters)


def has_full_mask(constraint: Constraint) -> bool:
    """Return whether a constraint's mask says all there is to say of single changes."""
    if isinstance(constraint, AllOf):
        return constraint.is_masked
    return hasattr(constraint, "allowed_moves")


def estimated_gains(target: Target, letters: Designs) -> Evaluation:
    """Return the evaluation of sequences, with the gain of each single change for the gradient.

    The gains are estimates of first order, not scaled by beta: -inf where the mask of the target's
    constraint excludes the change, else 0 for the letter that a site has.
    """
    letters_space(target)
    value, gradient, relaxed = target.evaluate(letters)
    gains = gradient - gradient.gather(2, letters.unsqueeze(2))
    moves = allowed_moves(target, letters)
    return Evaluation(value, gains if moves is None else gains.where(moves, -torch.inf), relaxed)


def first_beyond(
    probability: Float[Tensor, "designs moves"], uniforms: Float[Tensor, "designs 1"]
) -> Int[Tensor, "designs 1"]:
    """Return what `inverse_cdf` does along the second dimension, for many indices."""
    cumulative = probability.cumsum(1, dtype=torch.float64)
    return torch.searchsorted(cumulative, uniforms * cumulative[:, -1:], right=True)


def inverse_cdf(probability: Tensor, uniforms: Tensor, dim: int) -> Tensor:
    """Return the first index along ``dim`` whose cumulative probability exceeds uniform * total.

    An index of probability 0 is so never drawn. ``uniforms`` lack the dimension ``dim``.
    """
    cumulative = probability.cumsum(dim, dtype=torch.float64)
    total = cumulative.narrow(dim, -1, 1)
    return (cumulative <= uniforms.unsqueeze(dim) * total).sum(dim)


def choose(accepted: Bool[Tensor, "designs"], new: StateT, old: StateT) -> StateT:
    """Return ``new`` where accepted and ``old`` elsewhere; what was tuned belongs to the chain."""

    def pick(ours: Any, theirs: Any) -> Any:
        if ours is None or isinstance(ours, Tuning):
            return theirs
        if isinstance(ours, Tensor):
            shape = (-1,) + (1,) * (ours.ndim - 1)
            return torch.where(accepted.view(shape), ours, theirs)
        return _like(theirs, [pick(a, b) for a, b in zip(ours, theirs, strict=True)])

    return pick(new, old)


def take(state: AnyT, rows: Int[Tensor, "kept"]) -> AnyT:
    """Return the chains ``rows`` of a state or a move, tuning included."""

    def pick(part: Any) -> Any:
        if isinstance(part, Tensor):
            return part.index_select(0, rows)
        return None if part is None else _like(part, [pick(inner) for inner in part])

    return pick(state)


def _like(template: Any, parts: list[Any]) -> Any:
    """Return the parts as a tuple of the template's kind."""
    return type(template)(*parts) if hasattr(template, "_fields") else tuple(parts)


def _restarted(tuning: Any) -> Any:
    """Return the same sizes, with no warm-up step seen."""
    if tuning is None:
        return None
    if isinstance(tuning, Tuning):
        return tuning._replace(seen=torch.zeros_like(tuning.seen))
    return tuple(_restarted(one) for one in tuning)


def tuned(tuning: Tuning, info: Info, limits: tuple[float, float]) -> Tuning:
    r"""Return the tuning after one more warm-up step.

    Robbins-Monro on the logarithm of the size, :math:`\log s \mathrel{+}= 2 (a - a^*) / (t +
    1)^{0.6}` with a the acceptance probability of step t and a* the aimed one. The size is kept
    within ``limits``, so that it finds its way back as soon as a rung needs it to.
    """
    probability = info.log_acceptance.double().clamp(max=0).exp().nan_to_num(0.0)
    gain = 2.0 / (tuning.seen + 1.0) ** 0.6
    log_size = tuning.log_size + gain * (probability - AIMED_ACCEPTANCE)
    log_size = log_size.clamp(math.log(limits[0]), math.log(limits[1]))
    return Tuning(log_size, tuning.seen + 1)
