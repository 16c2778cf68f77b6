"""Known weaknesses of the installed packages: ``python -m tests.security.audit``, in make check.

Where no database of them can be reached that is said, and is no failure.
"""

from __future__ import annotations

import json
import subprocess
import sys

__all__ = ["main", "verdict"]

_SECONDS = 300


def main() -> int:
    """Ask the database for each package; return 1 where one has a known weakness."""
    command = ["pip_audit", "--local", "--skip-editable", "--format", "json"]
    try:
        finished = subprocess.run(
            [sys.executable, "-m", *command, "--progress-spinner", "off", "--timeout", "10"],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"audit skipped: no answer in {_SECONDS} s")
        return 0
    said, weak = verdict(finished.stdout, finished.stderr)
    print(said)
    return int(weak)


def verdict(answer: str, error: str) -> tuple[str, bool]:
    """Return what the answer of pip-audit comes to, and whether a package has a weakness."""
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        reason = next(reversed(error.strip().splitlines()), "no answer")
        return f"audit skipped: {reason}", False
    known = [one for one in packages if "vulns" in one]
    if len(known) < len(packages) / 2:
        return f"audit skipped: the database knows {len(known)} of {len(packages)} packages", False
    weak = [
        f"{one['name']} {one['version']}: {', '.join(found['id'] for found in one['vulns'])}"
        for one in known
        if one["vulns"]
    ]
    return "\n".join(weak or [f"no known weakness in {len(known)} packages"]), bool(weak)


if __name__ == "__main__":
    sys.exit(main())
