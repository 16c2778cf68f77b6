"""Workers of this installation: one for the CPU pool, one per GPU for the GPU pool."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from datetime import datetime

from designlib.types import InputError
from tasks.installation.environment import prepare_environment
from tasks.installation.faults import exit_code
from tasks.installation.settings import REPOSITORY, Settings
from tasks.servers.services import Service, claim

_CAMPAIGNS_AT_ONCE = 4


def main(arguments: list[str] | None = None) -> int:
    """Run the workers of one pool until they are told to end; return the exit code."""
    (pool,) = arguments if arguments is not None else sys.argv[1:]
    return exit_code(lambda: _run(pool))


def _run(pool: str) -> None:
    settings = Settings()
    prepare_environment(settings)
    with suppress(KeyboardInterrupt), claim(settings, f"worker-{pool}") as service:
        _work(service, pool, settings.restart_seconds)


def cpu_worker_name() -> str:
    """Return what the CPU worker of this machine is called in the Prefect page."""
    return f"{socket.gethostname()}-cpu"


def gpu_workers() -> dict[str, str]:
    """Return the value of CUDA_VISIBLE_DEVICES for each GPU worker of this machine, by name.

    One worker per GPU. Without a GPU it is one worker that sees none and computes on the CPU.
    """
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = visible.split(",")[:count] if visible else [str(n) for n in range(count)]
    host = socket.gethostname()
    return {f"{host}-gpu-{device}": device for device in devices} or {f"{host}-gpu-none": ""}


def heard_of(pool: str, since: datetime) -> set[str]:
    """Return the names of the workers of a pool that the server has heard of since then.

    Raises InputError where there is no such pool.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    async def ask() -> set[str]:
        async with get_client() as client:
            workers = await client.read_workers_for_work_pool(pool)
        return {w.name for w in workers if w.last_heartbeat_time and w.last_heartbeat_time >= since}

    try:
        return asyncio.run(ask())
    except ObjectNotFound:
        raise InputError(f"the server has no pool {pool}: `make deploy` creates it") from None


def _work(service: Service, pool: str, restart_seconds: float) -> None:
    """Keep the workers of a pool running; one that ends is started again."""
    wanted = gpu_workers() if pool == "gpu" else {cpu_worker_name(): ""}
    running: dict[str, subprocess.Popen[bytes]] = {}
    while True:
        for name, devices in wanted.items():
            process = running.get(name)
            if process is not None and process.poll() is None:
                continue
            if process is not None:
                print(f"{name} has ended; it is started again", flush=True)  # noqa: T201 - the log
                service.end(process)
                time.sleep(restart_seconds)
            running[name] = service.run(
                _command(pool, name), {"CUDA_VISIBLE_DEVICES": devices, "PYTHONPATH": _code_first()}
            )
        service.rest()


def _code_first() -> str:
    """Return a PYTHONPATH by which runs use the code that the worker was started from."""
    return os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))


def _command(pool: str, name: str) -> list[str]:
    limit = 1 if pool == "gpu" else _CAMPAIGNS_AT_ONCE
    return [
        "prefect", "worker", "start", "--type", "process", "--pool", pool, "--name", name,
        "--limit", str(limit),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
