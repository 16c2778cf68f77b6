"""Which column of a user's table means what."""

from __future__ import annotations

__all__ = []
