"""How the tasks of one flow run side by side."""

from __future__ import annotations

import multiprocessing
from typing import Any, cast

from prefect.futures import PrefectFuture
from prefect.runtime import deployment
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from designlib.errors import InputError
from tasks.inputs.config import ExecutionConfig
from tasks.installation.settings import Settings

_AT_ONCE = 2


def side_by_side(tasks: int) -> TaskRunner[PrefectFuture[Any]]:
    """Return a runner for so many tasks at once, in threads of this process.

    torch gives up Python's lock while it computes, so two tasks use two cores, and neither pays
    for starting another interpreter.
    """
    # Prefect declares its own runner's future type narrower than its flows accept.
    return cast("TaskRunner[PrefectFuture[Any]]", _Threads(max_workers=tasks))


def in_processes(processes: int) -> TaskRunner[PrefectFuture[Any]]:
    """Return a runner for so many tasks at once, each in a process of its own.

    For many short calls of torch, between which Python's lock would be the bottleneck.

    Raises InputError for no process.
    """
    if processes < 1:
        raise InputError(f"at least one process is needed, not {processes}")
    return cast("TaskRunner[PrefectFuture[Any]]", _Processes(max_workers=processes))


class _Threads(ThreadPoolTaskRunner):
    """Threads that nobody waits for where the run is interrupted.

    Ctrl-C reaches the main thread alone, which would wait until a training of hours has ended.
    What they are doing ends with the process, as if it were killed; stages go on from their files.
    """

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        if _is_interruption(exc_type) and self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
        super().__exit__(exc_type, exc_value, traceback)


class _Processes(ProcessPoolTaskRunner):
    """Processes that end at once where the run is interrupted.

    Ctrl-C can reach a process as it waits for work, and Python's pool then waits for it forever.
    """

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        if _is_interruption(exc_type):
            for process in multiprocessing.active_children():
                process.terminate()
        super().__exit__(exc_type, exc_value, traceback)


def _is_interruption(exc_type: type[BaseException] | None) -> bool:
    """Return whether a run ends by a signal: the one kind of error that is no Exception."""
    return exc_type is not None and not issubclass(exc_type, Exception)


def runner_of(execution: ExecutionConfig) -> TaskRunner[Any]:
    """Return what runs the shards of a walk: threads of this process, a Dask or a Ray cluster.

    Without an address the cluster is made on this machine and ends with the run. The processes of
    a cluster elsewhere share DESIGN_HOME with this one.

    Raises InputError where the packages of the engine are not installed, and for an address that a
    run of the page may not name: the processes of a cluster run what they are sent.
    """
    if execution.engine == "threads":
        return side_by_side(_AT_ONCE)
    address = execution.address
    if address and deployment.id is not None and address not in Settings().clusters:
        raise InputError(
            f"execution.runner: the operator has not allowed {address}; DESIGN_CLUSTERS lists the "
            "clusters that a run of the page may use"
        )
    try:
        if execution.engine == "dask":
            from prefect_dask.task_runners import DaskTaskRunner

            if execution.address:
                return DaskTaskRunner(address=execution.address)
            own = {"n_workers": _AT_ONCE, "threads_per_worker": 1, "dashboard_address": None}
            return DaskTaskRunner(cluster_kwargs=own)
        from prefect_ray import RayTaskRunner  # pyright: ignore[reportMissingImports] - an extra
    except ImportError:
        name = execution.engine
        raise InputError(
            f"runner: {name} needs its packages: pip install 'trajectory-design[{name}]'"
        ) from None
    if execution.address:
        return RayTaskRunner(address=execution.address)
    return RayTaskRunner(init_kwargs={"num_cpus": _AT_ONCE, "include_dashboard": False})
