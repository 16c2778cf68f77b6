"""What servers and workers add to a campaign, and its learning curves to a training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import torch
from prefect import task

from designlib.config import TrainingConfig
from designlib.notation.alphabets import ALPHABETS
from designlib.predictors import Examples, PredictorSpec, train
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace, describe_space
from tasks.benchmarks.measurements import store_measurement
from tasks.installation.device import use_device
from tasks.installation.log import run_logger
from tasks.installation.settings import REPOSITORY, Settings
from tasks.rounds.train import with_learned_shares
from tasks.servers.prefect_server import running_server

_CAMPAIGN = {
    "name": "orchestration",
    "training": {"members": 2, "steps": 60, "checkpoints": 8, "network": {"width": 32}},
    "sampling": {"chains": 600, "steps_per_rung": 2, "final_steps": 4},
    "selection": {"batch_size": 24},
    "execution": {"device": "cpu"},
}
"""A few seconds of work, so that what is measured is mostly what lies around it."""

_SEQUENCES = (("dna", 8), ("dna", 60), ("protein", 4), ("protein", 60))
_DESIGNS = 1000
_ENDS = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}


@task(name="measure-orchestration")
def measure_orchestration() -> Path:
    """Time a small campaign as one command and through servers and two workers; return the file.

    Both begin on an empty home whose databases exist, and are timed by the wall clock, from the
    start of the command or the submission of the run to the end. ``learning_shares`` says which
    part of a member's training the shares of its checkpoints cost.
    """
    shares = [_learning_share(name, length) for name, length in _SEQUENCES]
    run_logger().info("learning curves: %s of the training", shares)
    with tempfile.TemporaryDirectory() as scratch:
        alone = _alone(Path(scratch) / "alone")
        run_logger().info("one process: %.0f s", alone)
        served = _served(Path(scratch) / "served")
        run_logger().info("servers and two workers: %.0f s", served)
    return store_measurement(
        "orchestration",
        one_process_seconds=round(alone, 1),
        served_seconds=round(served, 1),
        difference_seconds=round(served - alone, 1),
        learning_shares=shares,
    )


def _learning_share(alphabet: str, length: int) -> dict[str, str | float]:
    """Return the processor time of all checkpoints' shares over that of their training.

    A member of the default settings on random designs, in one thread.
    """
    space = SequenceSpace(ALPHABETS[alphabet], length)
    generator, config = torch_generator(0, "learning share"), TrainingConfig()
    spec = PredictorSpec(
        network=config.network, **describe_space(space), centre=0.0, scale=1.0, seed=0
    )
    target = torch.randn(_DESIGNS, generator=generator)
    inputs = space.relax(space.random(_DESIGNS, generator))
    examples = Examples(inputs, target, torch.ones(_DESIGNS))
    device = use_device("cpu")
    began = time.process_time()
    states = list(train(spec.build(), examples, examples, config, spec.seed))
    trained = time.process_time()
    for state in states:
        with_learned_shares(state, spec, device)
    share = (time.process_time() - trained) / (trained - began)
    return {"alphabet": alphabet, "length": length, "share": round(share, 4)}


def _alone(home: Path) -> float:
    config = home.with_suffix(".yaml")
    # What is JSON is YAML.
    config.write_text(json.dumps(_CAMPAIGN))
    environment = _environment(home)
    _module(environment, "tasks.servers.prepare")
    started = time.monotonic()
    _module(environment, "flows.campaign", "--config", str(config))
    return time.monotonic() - started


def _served(home: Path) -> float:
    environment = _environment(home)
    try:
        for what in ("server", "deploy", "worker-cpu", "worker-gpu"):
            _module(environment, "tasks.servers.operate", what)
        servers = running_server(Settings(home=home))
        if servers is None:
            raise RuntimeError("the Prefect server that was just started does not answer")
        with httpx.Client(base_url=servers.address, timeout=60, trust_env=False) as client:
            started = time.monotonic()
            found = _answer(client.get("/deployments/name/design-campaign/cpu"))
            run = _answer(
                client.post(
                    f"/deployments/{found['id']}/create_flow_run",
                    json={"parameters": {"config": _CAMPAIGN}, "state": {"type": "SCHEDULED"}},
                )
            )
            where = f"/flow_runs/{run['id']}"
            while (state := _answer(client.get(where))["state"])["type"] not in _ENDS:
                time.sleep(0.5)
        if state["type"] != "COMPLETED":
            raise RuntimeError(f"the campaign ended {state}")
        return time.monotonic() - started
    finally:
        _module(environment, "tasks.servers.operate", "down")


def _environment(home: Path) -> dict[str, str]:
    """Return the environment without what points to the servers of this flow."""
    theirs = ("PREFECT_", "MLFLOW_", "DESIGN_HOME")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    return {**kept, "DESIGN_HOME": str(home)}


def _module(environment: Mapping[str, str], *command: str) -> None:
    finished = subprocess.run(  # noqa: S603 - our own modules
        [sys.executable, "-m", *command],
        env=dict(environment),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {finished.stdout}{finished.stderr}")


def _answer(response: httpx.Response) -> Any:
    response.raise_for_status()
    return response.json()
