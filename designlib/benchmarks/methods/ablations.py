"""The walk along the trajectory with other checkpoints and scales: Appendix G of the paper."""

from __future__ import annotations

from designlib.benchmarks.methods.chains import RawTrajectoryWalk, TrajectoryWalk

__all__ = ["checkpoint_ablations"]


def checkpoint_ablations(sharpness: float = 48.0) -> dict[str, TrajectoryWalk]:
    """Return walks that differ in number and choice of checkpoints, or in scaling, by name."""
    numbers = {
        f"{rungs} checkpoints" if rungs > 1 else "the last checkpoint only": TrajectoryWalk(
            sharpness, most_rungs=rungs
        )
        for rungs in (1, 2, 5, 10, 20, 40)
    }
    places = {
        "10 evenly spaced in steps": TrajectoryWalk(sharpness, most_rungs=10, placing="step"),
        "10 by change of the scores": TrajectoryWalk(sharpness, most_rungs=10, placing="change"),
    }
    raw = {
        f"{rungs} checkpoints, not scaled": RawTrajectoryWalk(sharpness, most_rungs=rungs)
        for rungs in (10, 40)
    }
    return numbers | places | raw
