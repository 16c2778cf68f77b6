"""Check an installation and its home, and say in words what is wrong."""

from __future__ import annotations

import argparse
import sys

from tasks.installation.faults import exit_code
from tasks.installation.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Print what each check finds; the exit code is 1 where something is wrong."""
    argparse.ArgumentParser(prog="python -m flows.doctor", description=__doc__).parse_args(
        arguments
    )
    wrong: list[str] = []
    return exit_code(lambda: _examine(wrong)) or int(bool(wrong))


def _examine(wrong: list[str]) -> str:
    from tasks.servers.doctor import examine

    lines = []
    for name, fact, problems in examine(Settings()):
        lines += [f"{'wrong' if problems else 'ok':5}  {name:9}  {fact}"]
        lines += [f"{'':18}{problem}" for problem in problems]
        wrong += problems
    return "\n".join([*lines, f"{len(wrong)} problems" if wrong else "nothing is wrong"])


if __name__ == "__main__":
    sys.exit(main())
