"""Sampling digits from an energy model along its training: Table 5 of the paper."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from prefect import task
from safetensors.torch import load as load_tensors

from designlib.benchmarks.methods import EVALUATIONS_PER_PASS, Sampler, Setting
from designlib.benchmarks.problems import (
    Digits,
    EnergyConfig,
    EnergyModel,
    Mnist,
    packed_images,
    read_packed_digits,
    states_of,
)
from designlib.randomness import torch_generator
from tasks.benchmarks.runs import CODE, Row, tensor_bytes, timed
from tasks.inputs.catalogue import locate
from tasks.installation.device import use_device
from tasks.installation.files import json_bytes
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.stages.stages import StageResult, run_stage

_COOLED = Sampler("temperature annealing", "temperature")
_RAW = Sampler("trajectory annealing, raw", "trajectory", raw=True)
IMAGE_METHODS: dict[str, tuple[Sampler, ...]] = {
    "gradient chain": (Sampler("gradient chain", "fixed"),),
    _COOLED.name: tuple(replace(_COOLED, softening=softening) for softening in (10.0, 2.0)),
    _RAW.name: tuple(replace(_RAW, final_share=share) for share in (0.3, 0.6, 0.8)),
}
"""What is compared, each in the settings that are tried.

All of them end at the energy model's own density, so sharpness is none of the settings.
"""

_TUNING_SEED = 1000
_SHOWN = 40
_SMALL_TRAINED = 1300


def _mnist() -> Mnist:
    (path,) = locate("mnist_binary", Settings()).values()
    train, test = read_packed_digits(path.read_bytes())
    # Many checkpoints: with 30 in place of 120, chains come half as near to real digits.
    return Mnist(train, test, EnergyConfig(hidden=200, steps=6000, checkpoints=120))


def _digits() -> Mnist:
    """Return the 1,797 real digits of 8 x 8 pixels that scikit-learn ships."""
    from sklearn.datasets import load_digits

    grey, labels = load_digits(return_X_y=True)
    digits = Digits(
        torch.from_numpy((np.asarray(grey) > 7).astype(np.int64)),
        torch.from_numpy(np.asarray(labels).astype(np.int64)),
    )
    order = torch.randperm(len(digits.labels), generator=torch_generator(0, "digits"))
    parts = (order[:_SMALL_TRAINED], order[_SMALL_TRAINED:])
    energy = EnergyConfig(hidden=64, steps=1500, batch_size=64, learning_rate=5e-3)
    train, test = (Digits(digits.images[rows], digits.labels[rows]) for rows in parts)
    return Mnist(train, test, energy, classifier_steps=400, name="digits")


IMAGE_SETS: dict[str, Callable[[], Mnist]] = {"digits": _digits, "mnist": _mnist}
"""The sets of images: a small one that is always there, and the paper's."""


@functools.lru_cache(maxsize=1)
def _problem(name: str) -> Mnist:
    return IMAGE_SETS[name]()


@task(name="train-energy-model", task_run_name="train an energy model of {name}, seed {seed}")
def train_energy_on(name: str, seed: int) -> None:
    """Train the energy model of a set of images, which all methods share, unless it is there."""
    _trained(name, seed)


@task(name="sample-images", task_run_name="{method} on {name}, {steps} steps")
def sample_images(name: str, method: str, steps: int, seeds: int, images: int) -> list[Row]:
    """Return the rows of a method at one number of steps, a row a seed, at its best settings.

    These are the settings that come nearest on a seed which the comparison does not use.
    """

    def distance(choice: Sampler) -> float:
        return run_images(name, choice, steps, images, _TUNING_SEED)["fid"]

    tried = IMAGE_METHODS[method]
    chosen = tried[0] if len(tried) == 1 else min(tried, key=distance)
    rows = [run_images(name, chosen, steps, images, seed) for seed in range(seeds)]
    run_logger().info(
        "%s, %s, %d steps: FID %s", name, method, steps, [f"{row['fid']:.3g}" for row in rows]
    )
    return rows


def run_images(name: str, method: Sampler, steps: int, images: int, seed: int) -> Row:
    """Return the row of one run, from its stage where it was computed before.

    ``fid`` is the distance of so many sampled images, ``floor`` that of as many training images;
    ``shown`` are the first of the samples, packed.
    """
    use_device("cpu")
    about = {"problem": name, "method": repr(method), "steps": steps, "images": images}
    about["seed"] = seed

    def make() -> dict[str, bytes]:
        problem, setting = _setting(name, seed)
        chosen, budget = at_its_own_temperature(method, setting), EVALUATIONS_PER_PASS * (steps + 1)
        outcome, cost = timed(lambda: chosen.run(setting, images, budget, seed))
        figures = {
            "fid": problem.fid(outcome.designs),
            "floor": problem.floor(images),
            "accuracy": problem.accuracy,
            "side": problem.side,
        }
        names = {"problem": problem.name, "method": method.name, "settings": _settings(method)}
        row = {**about, **names, **figures, **cost}
        shown = packed_images(outcome.designs[:_SHOWN])
        return {"row.json": json_bytes(row), "shown.bin": shown}

    stage = run_stage(Settings(), "comparison-images", about, make, __name__, *CODE)
    shown = stage.path("shown.bin").read_bytes()
    return {**json.loads(stage.path("row.json").read_bytes()), "shown": shown}


def at_its_own_temperature(method: Sampler, setting: Setting) -> Sampler:
    """Return the method with an inverse temperature of 1 on the last rung.

    An energy model is a log density, so a sample of it is wanted, nothing sharper.
    """
    return replace(method, sharpness=setting.spread)


def _settings(method: Sampler) -> str:
    """Return the settings in which the choices of a method differ."""
    name = {"temperature": "softening", "trajectory": "final_share"}.get(method.ladder)
    return f"{name} {getattr(method, name):g}" if name else "none"


def _setting(name: str, seed: int) -> tuple[Mnist, Setting]:
    problem = _problem(name)
    tensors = load_tensors(_trained(name, seed).path("trajectory.safetensors").read_bytes())
    models = []
    for state in states_of(tensors):
        hidden, sites = state["weight"].shape
        model = EnergyModel(sites, hidden)
        model.load_state_dict(state)
        models.append(model.eval().requires_grad_(False))
    reference = problem.space.random(256, torch_generator(seed, "reference"))
    return problem, Setting(problem.space, None, models, reference, problem.space.random)


def _trained(name: str, seed: int) -> StageResult:
    """Return the stage of an energy model's checkpoints."""
    use_device("cpu")

    def make() -> dict[str, bytes]:
        models = (checkpoint.model for checkpoint in _problem(name).trajectory(seed))
        return {"trajectory.safetensors": tensor_bytes(models, {})}

    inputs = {"problem": name, "seed": seed}
    return run_stage(Settings(), "comparison-energy", inputs, make, __name__, *CODE)
