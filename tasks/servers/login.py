"""The login of this installation's servers, made on first use."""

from __future__ import annotations

import os
import secrets

from tasks.installation.settings import Settings

_NAME = "designer"


def make_login(settings: Settings) -> bool:
    """Make a login where none is set and none was made; return whether one was made.

    Only the owner may read it. Commands and workers of this home use it by themselves; elsewhere
    ``DESIGN_LOGIN`` names it.
    """
    if settings.login is not None:
        return False
    settings.login_file.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(settings.login_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{_NAME}:{secrets.token_urlsafe(18)}\n")
    return True


def login_text(settings: Settings) -> str:
    """Return the sentence that shows a new login, once."""
    name, password = settings.credentials or ("", "")
    return (
        f"login    {name}:{password}\n"
        f"         made for both servers and kept in {settings.login_file}; not shown again"
    )
