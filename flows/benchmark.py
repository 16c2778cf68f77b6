"""Measure this project: what a sampling step costs beside a bare gradient."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from prefect import flow

from tasks.command import run_command
from tasks.step_cost import measure_step_cost

__all__ = ["main", "step_cost"]


@flow(name="benchmark-step-cost")
def step_cost() -> Path:
    """Measure the cost of a step for small predictors and store the ratios."""
    return measure_step_cost()


def main(arguments: list[str] | None = None) -> int:
    """Run one benchmark from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flows.benchmark", description=__doc__)
    parser.add_argument("what", choices=["step-cost"])
    parser.parse_args(arguments)
    path = run_command(step_cost)
    print(_table(path), f"\nstored in {path}")  # noqa: T201 - the command's answer
    return 0


def _table(path: Path) -> str:
    content = json.loads(path.read_bytes())
    lines = ["CPU time of one step / one forward and backward pass (median, lowest to highest)"]
    for row in content["rows"]:
        lines.append(
            f"  {row['predictor']} {row['chains']:5d} chains, {row['step']:12}  "
            f"{row['ratio']:.2f}  ({row['lowest']:.2f} to {row['highest']:.2f})"
        )
    both = content["two_processes"]
    lines.append(
        f"two processes over one: {both['steps']:.2f} in steps, {both['gradients']:.2f} in bare "
        "gradients"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
