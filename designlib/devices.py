"""Constant tensors that are wanted on several devices."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["DeviceTensors"]


class DeviceTensors:
    """Constant tensors, copied once to each device that asks for them."""

    def __init__(self, *tensors: Tensor) -> None:
        self._held: dict[torch.device, tuple[Tensor, ...]] = {torch.device("cpu"): tensors}

    def on(self, device: torch.device) -> tuple[Tensor, ...]:
        """Return the tensors on ``device``, in the order given at construction."""
        if device not in self._held:
            host = self._held[torch.device("cpu")]
            self._held[device] = tuple(tensor.to(device) for tensor in host)
        return self._held[device]
