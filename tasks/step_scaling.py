"""How much faster two sampling processes are than one on this machine."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

__all__ = ["measure_scaling"]

_ROUNDS = 5
_SECONDS = 2.0
_LEAD_SECONDS = 0.2
_CHAINS = 256


def measure_scaling() -> dict[str, Any]:
    """Return the speed of two processes over that of one, for steps and for bare gradients.

    The second says what the machine can give. Processes run for the same two seconds; one
    alone and two together take turns, so that both see the same machine.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        # Both processes import and warm up before anything counts.
        _speeds(pool, 2, "steps")
        ratios: dict[str, list[float]] = {"steps": [], "gradients": []}
        for _ in range(_ROUNDS):
            for what, found in ratios.items():
                alone = _speeds(pool, 1, what)
                found.append(_speeds(pool, 2, what) / alone)
    return {what: round(statistics.median(found), 2) for what, found in ratios.items()}


def _speeds(pool: ProcessPoolExecutor, processes: int, what: str) -> float:
    """Return how many pieces of work per second the processes do together."""
    start = time.time() + _LEAD_SECONDS
    counts = [pool.submit(_count, what, start) for _ in range(processes)]
    return sum(count.result() for count in counts)


def _count(what: str, start: float) -> float:
    """Return how many steps or gradients per second this process does from ``start`` on."""
    import torch

    from designlib.sampling.kernels.gibbs_with_gradients import GibbsWithGradients
    from designlib.randomness import chain_uniforms, torch_generator
    from designlib.sampling.targets import Target
    from tasks.benchmarks.step_cost import small_network

    torch.set_num_threads(1)
    network, space = small_network("cnn")
    target, kernel = Target(network, space), GibbsWithGradients()
    letters = space.random(_CHAINS, torch_generator(0, "scaling"))
    state = kernel.init(target, letters)
    draws = chain_uniforms(0, 0, range(_CHAINS), 1, 2)[0]
    done = 0
    while time.time() < start:
        pass
    began = time.perf_counter()
    while time.perf_counter() - began < _SECONDS:
        if what == "steps":
            state, _ = kernel.step(target, state, draws)
        else:
            target.evaluate(letters)
        done += 1
    return done / (time.perf_counter() - began)
