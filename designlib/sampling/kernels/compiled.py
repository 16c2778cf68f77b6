"""A kernel's whole step as one compiled graph, for long runs.

The graph takes the predictor's parameters, beta and the random numbers as inputs, so one
compilation serves every checkpoint of a trajectory and every temperature. It takes 10 to 40
seconds and a C++ compiler on a CPU; below some ten thousand steps the plain kernel is faster.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from designlib.sampling.kernels.base import Info, Kernel, StateT, WrappedKernel
from designlib.sampling.targets import Target
from designlib.types import Designs, InputError, Relaxed, Scores

Tensors = dict[str, Tensor]
Step = Callable[[Tensors, Tensor, Any, Tensor], tuple[Any, Info, Tensor]]


class CompiledKernel(WrappedKernel[StateT]):
    """Another kernel with its step compiled by torch; the same draws up to rounding.

    A graph is kept for every shape of batch, architecture, space and constraint that is met.

    The predictor has to be a torch module without data-dependent control flow. On the CPU a
    step that meets NaN raises, as the plain kernel does.
    """

    def __init__(self, kernel: Kernel[StateT]) -> None:
        super().__init__(kernel)
        self._steps: dict[Any, Step] = {}
        self._last: tuple[Target, Tensors, Tensor, tuple[Any, ...]] | None = None

    def init(self, target: Target, designs: Designs) -> StateT:
        """Return the state of chains at ``designs``; not compiled.

        Raises InputError where the predictor is no torch module, and what the kernel raises.
        """
        _module(target)
        return super().init(target, designs)

    def step(
        self, target: Target, state: StateT, uniforms: Float[Tensor, "designs draws"]
    ) -> tuple[StateT, Info]:
        """Return the state after one transition; the first call for a shape compiles.

        Raises
        ------
        InputError
            The predictor is no torch module.
        NonFiniteScoreError
            The predictor gives NaN or infinity (on the CPU).
        """
        device = state.designs.device
        tensors, beta, signature = self._inputs_of(target, device)
        key = signature, state.designs.shape, device
        inputs = (tensors, beta, state, uniforms)
        if key in self._steps:
            after, info, any_failed = self._steps[key](*inputs)
        else:
            self._steps[key] = _whole_step(self.kernel, target)
            # The gradient is taken inside the graph, which torch traces only on request.
            with torch._dynamo.config.patch(trace_autograd_ops=True):
                after, info, any_failed = self._steps[key](*inputs)
        if device.type == "cpu" and any_failed.item():
            failed = info.log_acceptance.isnan()
            target.require_finite(torch.zeros_like(state.value).masked_fill(failed, torch.nan))
        return after, info

    def _inputs_of(
        self, target: Target, device: torch.device
    ) -> tuple[Tensors, Tensor, tuple[Any, ...]]:
        """Return parameters, beta and signature of a target, worked out once for all its steps."""
        if self._last is None or self._last[0] is not target or self._last[2].device != device:
            module = _module(target)
            tensors = {name: p.detach() for name, p in module.named_parameters()}
            tensors |= dict(module.named_buffers())
            beta = torch.tensor(target.beta, dtype=target.dtype, device=device)
            self._last = target, tensors, beta, _signature(target, tensors)
        return self._last[1:]


def _whole_step(kernel: Kernel[Any], target: Target) -> Step:
    """Return the compiled step for targets that differ from this one in parameters and beta."""
    module = _module(target)

    def step(
        tensors: Tensors, beta: Tensor, state: Any, uniforms: Tensor
    ) -> tuple[Any, Info, Tensor]:
        def predict(relaxed: Relaxed) -> Scores:
            return torch.func.functional_call(module, tensors, (relaxed,))

        traced = copy.copy(target)
        # Past the frozen dataclass, since a beta that is a number would become part of the graph.
        traced.__dict__.update(predict=predict, beta=beta)
        after, info = kernel.step(traced, state, uniforms)
        return after, info, info.log_acceptance.isnan().any()

    return torch.compile(step, fullgraph=True, dynamic=False)


def _module(target: Target) -> nn.Module:
    if not isinstance(target.predict, nn.Module):
        raise InputError(
            "a compiled step needs a torch module as predictor, not a "
            f"{type(target.predict).__name__}; use the kernel itself for functions"
        )
    return target.predict


def _signature(target: Target, tensors: Tensors) -> tuple[Any, ...]:
    shapes = tuple((name, tensor.shape, tensor.dtype) for name, tensor in tensors.items())
    of_target = (target.space, id(target.constraint), target.dtype, target.differentiable)
    return (type(target.predict), shapes, *of_target)
