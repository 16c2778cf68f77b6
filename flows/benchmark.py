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


@flow(name="benchmark")
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
    lines = ["CPU time of one step / one forward and backward pass (median, lowest to highest)"]
    for row in json.loads(path.read_bytes())["rows"]:
        kind = "with constraints" if row["constrained"] else "free"
        lines.append(
            f"  {row['predictor']} {row['chains']:5d} chains, {kind:16}  {row['ratio']:.2f}  "
            f"({row['lowest']:.2f} to {row['highest']:.2f})"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
