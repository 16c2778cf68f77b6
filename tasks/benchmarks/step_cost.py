"""What one sampling step costs beside the bare gradient that it cannot do without."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch
from prefect import task
from torch import nn

from designlib.config import ConstraintConfig, GCConfig
from designlib.constraints import Constraint, build
from designlib.notation import DNA
from designlib.randomness import chain_uniforms, torch_generator
from designlib.sampling.kernels import CompiledKernel, GibbsWithGradients, Kernel
from designlib.sampling.targets import Target
from designlib.spaces import SequenceSpace
from tasks.benchmarks.measurements import store_measurement
from tasks.installation.device import use_device
from tasks.installation.log import run_logger

_REPEATS = 25
_CASES = (("mlp", 256), ("mlp", 2048), ("cnn", 256), ("cnn", 2048))
_CONSTRAINTS = ConstraintConfig(
    forbidden_motifs=("GGTCTC", "GAATTC"), max_homopolymer=5, gc=GCConfig(low=0.2, high=0.8)
)
"""Three families of constraints at once."""
_TURNS, _SECONDS, _LEAD_SECONDS, _CHAINS = 5, 2.0, 0.2, 256
"""How two processes are compared with one."""


@task(name="measure-step-cost")
def measure_step_cost() -> Path:
    """Measure steps against bare gradients, turn by turn, and return the file of the ratios.

    CPU time of one thread; the two are timed alternately, so that both see the same machine.
    Then how much faster two processes are than one.
    """
    use_device("cpu")
    rows = []
    for way in ("eager", "constrained", "compiled"):
        for kind, chains in _CASES:
            network, space = _small_network(kind)
            constraint = build(_CONSTRAINTS, space) if way == "constrained" else None
            plain = GibbsWithGradients()
            kernel = CompiledKernel(plain) if way == "compiled" else plain
            row = {"predictor": kind, "chains": chains, "step": way}
            row |= _ratio(network, space, constraint, kernel, chains)
            rows.append(row)
            run_logger().info("%s", row)
    return store_measurement("step-cost", rows=rows, two_processes=_measure_scaling())


def _small_network(kind: str) -> tuple[nn.Module, SequenceSpace]:
    """Return a predictor of the benchmark, ``mlp`` or ``cnn``, and its space."""
    torch.manual_seed(0)
    if kind == "mlp":
        layers = [nn.Flatten(), nn.Linear(32, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()]
        network = nn.Sequential(*layers, nn.Linear(256, 1), nn.Flatten(0))
        return network.requires_grad_(False), SequenceSpace(DNA, 8)
    filters = [nn.Conv1d(4, 64, 7, padding="same"), nn.ReLU()]
    filters += [nn.Conv1d(64, 64, 7, padding="same"), nn.ReLU(), nn.AdaptiveAvgPool1d(1)]
    head = [nn.Flatten(), nn.Linear(64, 1), nn.Flatten(0)]
    network = nn.Sequential(_ChannelsFirst(), *filters, *head)
    return network.requires_grad_(False), SequenceSpace(DNA, 60)


class _ChannelsFirst(nn.Module):
    def forward(self, one_hot: torch.Tensor) -> torch.Tensor:
        return one_hot.transpose(1, 2)


def _ratio(
    network: nn.Module,
    space: SequenceSpace,
    constraint: Constraint | None,
    kernel: Kernel[Any],
    chains: int,
) -> dict[str, float]:
    letters = space.random(20 * chains, torch_generator(0, "step cost"))
    letters = (letters if constraint is None else letters[constraint.satisfied(letters)])[:chains]
    target = Target(network, space, constraint, beta=1.0)
    draws = chain_uniforms(0, 0, range(chains), 1, kernel.draws_per_step(space))[0]
    state = kernel.init(target, letters)
    one_hot = space.relax(letters)

    def gradient() -> None:
        inputs = one_hot.requires_grad_(True)
        torch.autograd.grad(network(inputs).sum(), inputs)

    def step() -> None:
        kernel.step(target, state, draws)

    # The first step compiles or fills caches.
    began = time.perf_counter()
    step()
    first = time.perf_counter() - began
    ratios, seconds = [], []
    for _ in range(_REPEATS):
        bare = _cpu_seconds(gradient)
        ratios.append(_cpu_seconds(step) / bare)
        seconds.append(bare)
    return {
        "ratio": round(statistics.median(ratios), 3),
        "lowest": round(min(ratios), 3),
        "highest": round(max(ratios), 3),
        "gradient_milliseconds": round(1e3 * statistics.median(seconds), 2),
        "first_step_seconds": round(first, 1),
    }


def _cpu_seconds(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _measure_scaling() -> dict[str, float]:
    """Return the speed of two processes over that of one, for steps and for bare gradients.

    The second says what the machine can give. Processes run for the same two seconds; one
    alone and two together take turns, so that both see the same machine.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        # Both processes import and warm up before anything counts.
        _speeds(pool, 2, "steps")
        ratios: dict[str, list[float]] = {"steps": [], "gradients": []}
        for _ in range(_TURNS):
            for what, measured in ratios.items():
                alone = _speeds(pool, 1, what)
                measured.append(_speeds(pool, 2, what) / alone)
    return {what: round(statistics.median(each), 2) for what, each in ratios.items()}


def _speeds(pool: ProcessPoolExecutor, processes: int, what: str) -> float:
    """Return how many pieces of work per second the processes do together."""
    start = time.time() + _LEAD_SECONDS
    counts = [pool.submit(_count, what, start) for _ in range(processes)]
    return sum(count.result() for count in counts)


def _count(what: str, start: float) -> float:
    """Return how many steps or gradients per second this process does from ``start`` on."""
    torch.set_num_threads(1)
    network, space = _small_network("cnn")
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
