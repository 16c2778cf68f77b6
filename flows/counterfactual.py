"""Counterfactuals: the fewest edits that change what a campaign's predictors say of designs."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import Any

from prefect import flow
from pydantic import ValidationError

from designlib.config import CounterfactualConfig
from designlib.errors import InputError
from tasks.stages.results import Counterfactuals

__all__ = ["explain", "main"]


@flow(name="counterfactuals", flow_run_name="counterfactuals of {campaign}")
def explain(campaign: str, designs: Sequence[str], config: CounterfactualConfig) -> Counterfactuals:
    """Sample the fewest edits of each design that reach the goal, and publish table and page."""
    # PyTorch comes with these: loaded for a run, not for a server that lists the flows.
    from tasks.reports.counterfactual import explain_designs, named_designs

    return explain_designs(campaign, named_designs(campaign, designs), config)


def main(arguments: list[str] | None = None) -> int:
    """Explain designs from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flows.counterfactual", description=__doc__)
    parser.add_argument("campaign", metavar="NAME", help="name of the campaign")
    parser.add_argument(
        "designs", metavar="DESIGN", nargs="+",
        help="designs, ids of candidates, or .txt files with a design in each line",
    )  # fmt: skip
    fields = CounterfactualConfig.model_fields
    for name, field in fields.items():
        several = {"nargs": "+", "metavar": "WHAT"} if name == "keep" else {}
        kind = {"above": float, "below": float, "keep": str}.get(name, int)
        add: Any = parser.add_argument
        add(f"--{name}", type=kind, default=field.default, help=field.description, **several)
    asked = vars(parser.parse_args(arguments))
    from tasks.servers.command import run_command

    try:
        config = CounterfactualConfig.model_validate({name: asked[name] for name in fields})
        found = run_command(lambda: explain(asked["campaign"], asked["designs"], config))
    except ValidationError as error:
        told = "; ".join(problem["msg"] for problem in error.errors())
        print(f"error: {told}", file=sys.stderr)  # noqa: T201 - the command's answer
        return 2
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return 2
    print(found.on_screen())  # noqa: T201 - the command's answer
    return 0


if __name__ == "__main__":
    logging.captureWarnings(capture=True)
    sys.exit(main())
