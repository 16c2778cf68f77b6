"""The front door: designs from the checkpoints of a trained predictor in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType

import torch
from torch import Tensor, nn

from designlib.constraints import Constraint, feasible_starts
from designlib.predictors import Trajectory
from designlib.randomness import torch_generator
from designlib.sampling.drivers import AIS, SMC, Anneal, Driver, ReplicaExchange, Samples
from designlib.sampling.kernels import Kernel, default_kernel
from designlib.sampling.ladders import trajectory_ladder
from designlib.sampling.objectives import ScoreFunction
from designlib.sampling.plan import REFERENCE_DESIGNS
from designlib.sampling.targets import NonFiniteScoreError
from designlib.spaces import Space
from designlib.types import Designs, InputError

_DRIVERS: Mapping[str, Callable[..., Driver]] = MappingProxyType(
    {"anneal": Anneal, "smc": SMC, "exchange": ReplicaExchange, "ais": AIS}
)

_WARM_UP = 20
"""Steps on each rung that tune a step size: it may change a hundredfold in them."""

_REJECTION_ROUNDS = 8


def sample(
    checkpoints: Sequence[ScoreFunction] | Trajectory,
    space: Space,
    constraint: Constraint | None = None,
    *,
    driver: str | Driver = "anneal",
    kernel: Kernel | None = None,
    seed: int = 0,
    chains: int = 128,
    steps: int = 20,
    final_steps: int = 0,
    sharpness: float = 6.0,
    starts: Designs | None = None,
    first_chain: int = 0,
) -> Samples:
    r"""Sample designs of high score along the training of a predictor.

    Rung t of the ladder is :math:`\pi_t(x) \propto \exp(c f_t(x) / \sigma_t)` on the feasible
    designs, with f_t checkpoint t, :math:`\sigma_t` its standard deviation over 512 random feasible
    designs and c the ``sharpness``. Modules are put in evaluation mode meanwhile.

    Parameters
    ----------
    checkpoints
        The predictor at several steps of its training, earliest first, or a `Trajectory`: modules
        or functions from relaxed designs to one score each, more is better. Sequences are relaxed
        to one-hot rows (designs, sites, letters), all else to (designs, inputs).
    space, constraint
        The designs, and which of them are feasible; every design that is returned is.
    driver
        ``"anneal"``, a search; ``"smc"`` or ``"ais"``, weighted draws and log Z; ``"exchange"``,
        exact draws in the limit; or an object with settings, such as ``ReplicaExchange(500)``.
    kernel
        How chains move; chosen by the space if None. Without gradients: `Gibbs`.
    seed
        The same seed gives the same designs.
    chains
        Number of designs to return; ignored with ``starts``.
    steps, final_steps
        Kernel steps on each rung, and further ones on the last.
    sharpness
        Change of the log density per standard deviation of the score.
    starts
        Feasible designs to start from, shape (chains, columns); drawn if None. SMC and AIS take
        them to be uniform; drawn starts that are not give no log Z.
    first_chain
        Number of the first chain. Chains draw by their number, so a run may be divided into
        calls, each with its share of ``starts``.

    Returns
    -------
    Samples
        The designs, their scores by the last checkpoint, and the diagnostics of the driver.

    Raises InputError for no checkpoint; one that fails, or returns another shape, NaN or one
    score for all designs; no feasible start; a number out of range.

    References
    ----------
    From Predictors to Samplers via the Training Trajectory, ICLR 2026.

    Examples
    --------
    >>> import torch
    >>> from designlib.spaces import DNA, SequenceSpace
    >>> space = SequenceSpace(DNA, 6)
    >>> letters = torch.tensor([1.0, 0.0, 0.0, -1.0])  # an A is good, a T is bad
    >>> result = sample([lambda onehot: (onehot @ letters).sum(1)], space, steps=100)
    >>> result.decoded[:2], float(result.scores.mean()) > 4
    (['AAAAAA', 'AAAAAA'], True)
    """
    if isinstance(checkpoints, Trajectory):
        checkpoints = [checkpoints.network(index) for index in range(len(checkpoints.states))]
    device, dtype = _placement(checkpoints)
    reference, _ = _feasible(space, constraint, REFERENCE_DESIGNS, seed, "reference")
    uniform = True
    if starts is None:
        starts, uniform = _feasible(space, constraint, chains, seed, f"starts {first_chain}")
    numbers = range(first_chain, first_chain + len(starts))
    kernel = kernel or default_kernel(space)
    try:
        with _evaluation_mode(checkpoints):
            reference = reference.to(device)
            _check(checkpoints, space, reference, dtype)
            ladder = trajectory_ladder(
                checkpoints,
                space,
                reference,
                steps=steps,
                final_steps=final_steps,
                sharpness=sharpness,
                constraint=constraint,
                dtype=dtype,
            )
            if ladder[-1].target.predict is not checkpoints[-1]:
                raise InputError("the last checkpoint scores all random feasible designs alike")
            result = _driver(driver, kernel).run(ladder, kernel, starts.to(device), seed, numbers)
    except NonFiniteScoreError as error:
        raise InputError(str(error)) from error
    return result if uniform else replace(result, evidence=None)


def _driver(driver: str | Driver, kernel: Kernel) -> Driver:
    if not isinstance(driver, str):
        return driver
    if driver not in _DRIVERS:
        raise InputError(f"driver {driver!r} is unknown; {', '.join(_DRIVERS)} are accepted")
    if driver == "exchange":
        return ReplicaExchange()
    return _DRIVERS[driver](warm_up=_WARM_UP if kernel.tunes else 0)


def _feasible(
    space: Space, constraint: Constraint | None, n: int, seed: int, purpose: str
) -> tuple[Designs, bool]:
    """Return feasible designs, and whether they are uniform: drawn until enough are feasible."""
    if n < 1:
        raise InputError(f"{n} chains are no chains; at least 1 is needed")
    generator = torch_generator(seed, purpose)
    if constraint is None:
        return space.random(n, generator), True
    kept: list[Designs] = []
    for _ in range(_REJECTION_ROUNDS):
        designs = space.random(4 * n, generator)
        kept.append(designs[constraint.satisfied(designs)])
        if sum(map(len, kept)) >= n:
            return torch.cat(kept)[:n], True
    return feasible_starts(space, constraint, n, generator), False


def _placement(checkpoints: Sequence[ScoreFunction]) -> tuple[torch.device, torch.dtype]:
    """Return the device and floating type of the last checkpoint's parameters."""
    if not checkpoints:
        raise InputError("there are no checkpoints; at least one is needed")
    last = checkpoints[-1]
    tensors = list(last.parameters()) if isinstance(last, nn.Module) else []
    for tensor in tensors:
        if tensor.is_floating_point():
            return tensor.device, tensor.dtype
    return torch.device("cpu"), torch.float32


def _check(
    checkpoints: Sequence[ScoreFunction], space: Space, reference: Designs, dtype: torch.dtype
) -> None:
    """Raise InputError unless every checkpoint returns one finite score per design."""
    relaxed = space.relax(reference, dtype)
    shape = tuple(relaxed.shape)
    for number, checkpoint in enumerate(checkpoints, 1):
        try:
            with torch.no_grad():
                scores = checkpoint(relaxed)
        except (RuntimeError, IndexError, TypeError) as error:
            raise InputError(
                f"checkpoint {number} fails on designs of shape {shape}: {error}"
            ) from error
        returned = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        if returned != shape[:1]:
            raise InputError(
                f"checkpoint {number} returns {returned} for designs of shape {shape}; a tensor "
                f"of one score per design, shape {shape[:1]}, is needed"
            )


@contextmanager
def _evaluation_mode(checkpoints: Sequence[ScoreFunction]) -> Iterator[None]:
    """Switch dropout and batch statistics off, and back to what they were."""
    modules = [
        module
        for checkpoint in checkpoints
        if isinstance(checkpoint, nn.Module)
        for module in checkpoint.modules()
        if module.training
    ]
    try:
        for module in modules:
            module.training = False
        yield
    finally:
        for module in modules:
            module.training = True
