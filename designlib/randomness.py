"""Explicit randomness: every draw is a pure function of a seed and of what it is for.

Chains get counter-based streams (Philox 4x64, Salmon et al. 2011), so the draws
of a chain do not depend on which other chains share its batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

__all__ = [
    "chain_uniforms",
    "derive_seed",
    "numpy_generator",
    "torch_generator",
    "uniform_steps",
]

_DRAWS_AHEAD = 128
_MASK_64 = (1 << 64) - 1


def derive_seed(seed: int, *purpose: str | int) -> int:
    """Return a 63-bit seed that depends on ``seed`` and on every word of ``purpose``.

    >>> derive_seed(0, "split") == derive_seed(0, "split")
    True
    >>> derive_seed(0, "member", 1) == derive_seed(0, "member", 2)
    False
    """
    text = "\x1f".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def numpy_generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return NumPy's generator for one purpose."""
    return np.random.Generator(np.random.Philox(key=derive_seed(seed, *purpose)))


def torch_generator(seed: int, *purpose: str | int) -> torch.Generator:
    """Return torch's CPU generator for one purpose."""
    return torch.Generator().manual_seed(derive_seed(seed, *purpose))


def chain_uniforms(
    seed: int, rung: int, chains: Sequence[int], steps: int, draws: int, chunk: int = 0
) -> Float[Tensor, "steps chains draws"]:
    """Return the uniforms in [0, 1) that the given chains use on one chunk of one rung.

    Chain ``k`` gets the same numbers in every batch, since its stream is the Philox
    counter (rung, k, chunk) under a key made from ``seed``. Long rungs are cut into
    chunks of steps, so that memory does not grow with them. float64, so that an
    inverse-CDF draw resolves probabilities far below those of float32.
    """
    key = derive_seed(seed, "chains") & _MASK_64
    out = np.empty((len(chains), steps, draws))
    for row, chain in enumerate(chains):
        bits = np.random.Philox(key=key, counter=[0, rung, chain, chunk])
        out[row] = np.random.Generator(bits).random((steps, draws))
    return torch.from_numpy(out.transpose(1, 0, 2).copy())


def uniform_steps(
    seed: int,
    rung: int,
    chains: Sequence[int],
    steps: int,
    draws: int,
    *,
    device: torch.device | str = "cpu",
) -> Iterator[Float[Tensor, "chains draws"]]:
    """Yield the uniforms of each step of a rung, in bounded memory."""
    chunk = max(1, _DRAWS_AHEAD // draws)
    for first in range(0, steps, chunk):
        size = min(chunk, steps - first)
        draw = chain_uniforms(seed, rung, chains, size, draws, chunk=first // chunk)
        yield from draw.to(device)
