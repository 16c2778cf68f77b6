"""The Prefect application of every server that is started here: it takes each run at once.

Prefect begins a transaction on SQLite as one that reads. Where another has written by the time it
writes itself, SQLite refuses it whatever the time it may wait, and the page shows 503.
"""

from __future__ import annotations

import json
from asyncio import AbstractEventLoop, Lock, get_running_loop
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from prefect.server.database.configurations import SQLITE_BEGIN_MODE, AioSqliteConfiguration
from prefect.server.database.dependencies import set_database_config
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
from prefect.utilities.schema_tools import validation

from tasks.installation.settings import Settings
from tasks.servers.guard import Guard

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

_WRITING = "IMMEDIATE"


def application(port: int) -> Guard:
    """Return the application, which answers to this port of the server's names alone."""
    from prefect.server.api.server import create_app

    database = PREFECT_API_DATABASE_CONNECTION_URL.value()
    if database.startswith("sqlite"):
        set_database_config(_WritesInTurn(database))
    _check_each_schema_once()
    hosts = frozenset(f"{name}:{port}" for name in Settings().server_names)
    return Guard(create_app(final=True), hosts)


class _WritesInTurn(AioSqliteConfiguration):
    """Transactions that hold the database from their beginning, in the order in which they came.

    SQLite alone would let those that wait try again at times of their own, the last perhaps first.
    """

    def __init__(self, database: str) -> None:
        super().__init__(connection_url=database)
        self._turns: defaultdict[AbstractEventLoop, Lock] = defaultdict(Lock)

    @asynccontextmanager
    async def begin_transaction(
        self, session: AsyncSession, with_for_update: bool = False
    ) -> AsyncGenerator[AsyncSessionTransaction, None]:
        inside_another = SQLITE_BEGIN_MODE.get() == _WRITING
        turn = nullcontext() if inside_another else self._turns[get_running_loop()]
        begun = super().begin_transaction(
            session, with_for_update=with_for_update or not inside_another
        )
        async with turn, begun as transaction:
            yield transaction


def _check_each_schema_once() -> None:
    """Keep the check of a form's own schema from being made anew for every submission.

    It takes a third of a second, in which the server does nothing else and holds the lock.
    """
    validator = validation._VALIDATOR
    check = validator.check_schema

    @lru_cache(maxsize=64)
    def check_text(text: str) -> None:
        check(json.loads(text))

    def check_once(schema: Any, **options: Any) -> None:
        if options:
            check(schema, **options)
        else:
            check_text(json.dumps(schema))

    import os

    if os.environ.get("X_MODE") != "deferred":
        validator.check_schema = check_once  # pyright: ignore[reportAttributeAccessIssue]
