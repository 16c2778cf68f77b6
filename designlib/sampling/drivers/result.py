"""The result of a sampling run, the same for every driver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from designlib.sampling.diagnostics import effective_sample_size, r_hat
from designlib.sampling.evidence import Evidence
from designlib.sampling.kernels.base import Kernel
from designlib.sampling.ladders.base import Rung
from designlib.spaces import Space
from designlib.types import Designs, InputError, Scores

__all__ = ["Driver", "Samples"]


@dataclass(frozen=True)
class Samples:
    """Designs at the end of a run, one per chain, with what is known of the run.

    Attributes
    ----------
    space
        The space of the designs.
    designs
        Letter indices, shares or values, shape (designs, columns).
    scores
        Scores by the last checkpoint, shape (designs,).
    acceptance
        Share of the proposals accepted on the last rung.
    passes
        Forward and backward passes that each chain cost.
    weights
        Importance weights that sum to 1, shape (designs,); None where all designs count alike.
    trace
        Scores on the last rung after warm-up, shape (designs, draws); None without chains.
    evidence
        Log Z of the last rung against the uniform density; None where it was not estimated.
    swap_rates
        Accepted share of the swaps between neighbouring rungs, shape (rungs - 1,).
    round_trips
        Trips from the first rung to the last and back, over all chains.
    """

    space: Space
    designs: Designs
    scores: Scores
    acceptance: float
    passes: float
    weights: Scores | None = None
    trace: Float[Tensor, "designs draws"] | None = None
    evidence: Evidence | None = None
    swap_rates: Float[Tensor, "pairs"] | None = None
    round_trips: int | None = None

    @property
    def decoded(self) -> list[str]:
        """The designs as text."""
        return self.space.decode(self.designs)

    @property
    def r_hat(self) -> float:
        """R-hat of the score on the last rung; InputError for fewer than 2 chains of 4 draws."""
        return float(r_hat(self._trace))

    @property
    def effective_samples(self) -> float:
        """Independent draws that the scores on the last rung are worth (bulk), over all chains."""
        return float(effective_sample_size(self._trace).bulk)

    @property
    def _trace(self) -> Float[Tensor, "designs draws"]:
        if self.trace is None:
            raise InputError(
                "weighted particles have neither an R-hat nor an effective sample size of chains; "
                "see `evidence`"
            )
        return self.trace


@runtime_checkable
class Driver(Protocol):
    """An algorithm with its settings; adding one is a class with this method."""

    def run(
        self,
        ladder: Sequence[Rung],
        kernel: Kernel,
        starts: Designs,
        seed: int,
        chains: Sequence[int],
    ) -> Samples:
        """Return the designs of numbered chains that take the ladder from ``starts``."""
        ...
