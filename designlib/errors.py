"""What goes wrong by what a user gave."""

from __future__ import annotations

__all__ = ["InputError"]


class InputError(ValueError):
    """Something that a user gave is wrong: the message says what, where and what is accepted.

    Commands report it in one line and exit with code 2; nothing has been written.
    """
