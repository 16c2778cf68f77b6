"""The kernel that suits a space."""

from __future__ import annotations

from typing import Any

from designlib.sampling.kernels.base import MetropolisKernel
from designlib.sampling.kernels.gibbs_with_gradients import GibbsWithGradients
from designlib.sampling.kernels.mixed import MixedKernel, part_kernel
from designlib.spaces import MixedSpace, SequenceSpace, Space

__all__ = ["default_kernel"]


def default_kernel(space: Space) -> MetropolisKernel[Any, Any]:
    """Return Gibbs-with-Gradients for sequences, else one that suits the variables.

    Raises InputError for a space of no known kind.
    """
    if isinstance(space, SequenceSpace):
        return GibbsWithGradients()
    return MixedKernel() if isinstance(space, MixedSpace) else part_kernel(space)
