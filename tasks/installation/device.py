"""The device of tensors: a GPU if available or requested, else one thread of the CPU."""

from __future__ import annotations

import ctypes
import sys

import torch

from designlib.types import InputError

# Names of the options in malloc.h; glibc takes no larger threshold for mmap than 32 MiB.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3

# Two threads that make the first call to MKL's vector functions at the same moment may get a
# kernel with errors of 1e-4, and so other designs. An import has one thread; one call suffices.
torch.exp(torch.zeros(1))


def use_device(name: str) -> torch.device:
    """Return the device that ``auto``, ``cpu`` or ``cuda`` stands for on this machine.

    Raises InputError if cuda is requested and there is no usable GPU.
    """
    # Two members on one thread each are faster than one member on two, and sums over a fixed
    # number of threads are the same bits everywhere.
    torch.set_num_threads(1)
    _keep_freed_memory()
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "device: cuda is set, but this machine has no usable GPU; "
            "use device: auto or cpu, or start a worker on a machine with one"
        )
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _keep_freed_memory() -> None:
    """Have glibc keep what is freed, up to 512 MiB, instead of asking the system for it each step.

    A step frees and takes again the activations of the predictor. Handed back to the system in
    between, every page of them costs a fault; kept, gradients of 2,048 chains of 60 letters take
    a fifth less time.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(_TRIM_THRESHOLD, 512 << 20)
        libc.mallopt(_MMAP_THRESHOLD, 32 << 20)
