"""Why the comparison does not show all that was asked of it, as far as that was tested."""

from __future__ import annotations

__all__ = ["why"]

_REASONS: dict[tuple[str, str], str] = {}
"""Reasons by the beginning of what was asked and something else in it."""


def why(asked: str) -> str:
    """Return the reason for which something asked is not met; says so where none was found."""
    for (start, within), reason in _REASONS.items():
        if asked.startswith(start) and within in asked:
            return reason
    return "not explained yet."
