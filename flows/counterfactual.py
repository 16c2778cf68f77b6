"""Counterfactuals: the fewest edits that change what a campaign's predictors say of designs."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from prefect import flow
from pydantic import ValidationError

from designlib.counterfactuals.config import CounterfactualConfig
from designlib.types import InputError
from tasks.command import run_command
from tasks.counterfactual import Counterfactuals, explain_designs, named_designs

__all__ = ["explain", "main"]


@flow(name="counterfactuals", flow_run_name="counterfactuals of {campaign}")
def explain(campaign: str, designs: Sequence[str], config: CounterfactualConfig) -> Counterfactuals:
    """Sample the fewest edits of each design that reach the goal, and publish table and page."""
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
        kind = float if name in ("above", "below") else str if name == "keep" else int
        parser.add_argument(
            f"--{name}", type=kind, default=field.default, help=field.description,
            **({"nargs": "+", "metavar": "WHAT"} if name == "keep" else {}),
        )  # fmt: skip
    asked = vars(parser.parse_args(arguments))
    try:
        config = CounterfactualConfig.model_validate({name: asked[name] for name in fields})
        told = run_command(lambda: explain(asked["campaign"], asked["designs"], config))
    except (InputError, ValidationError) as error:
        said = "; ".join(e["msg"] for e in error.errors()) if isinstance(
            error, ValidationError
        ) else error  # fmt: skip
        print(f"error: {said}", file=sys.stderr)  # noqa: T201 - the command's answer
        return 2
    print(told.on_screen())  # noqa: T201 - the command's answer
    return 0


if __name__ == "__main__":
    logging.captureWarnings(capture=True)
    sys.exit(main())
