"""Why the page had 503s, and that no two writers meet any more."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from jsonschema import SchemaError
from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.utilities.schema_tools import validation
from sqlalchemy.exc import OperationalError

from tasks.servers.application import _check_each_schema_once, _WritesInTurn

INSERT = sa.text("INSERT INTO runs VALUES (1)")
COUNT = sa.text("SELECT count(*) FROM runs")


async def meeting(config: AioSqliteConfiguration) -> int:
    """Write within a transaction that has read, after another one has written; return the rows."""
    engine = await config.engine()
    async with engine.begin() as connection:
        await connection.execute(sa.text("CREATE TABLE runs (n INTEGER)"))
    has_read = asyncio.Event()

    async def validated_first() -> None:
        async with await config.session(engine) as session, config.begin_transaction(session):
            await session.execute(COUNT)
            has_read.set()
            await asyncio.sleep(0.2)
            await session.execute(INSERT)

    async def written_meanwhile() -> None:
        await has_read.wait()
        async with await config.session(engine) as session, config.begin_transaction(session):
            await session.execute(INSERT)

    try:
        await asyncio.wait_for(asyncio.gather(validated_first(), written_meanwhile()), 20)
        async with engine.connect() as connection:
            return (await connection.execute(COUNT)).scalar_one()
    finally:
        await engine.dispose()


def test_prefect_alone_refuses_a_writer_that_has_read_before_another_wrote(tmp_path: Path) -> None:
    theirs = AioSqliteConfiguration(f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}")
    with pytest.raises(OperationalError, match="database is locked"):
        asyncio.run(meeting(theirs))


def test_transactions_that_meet_are_both_written(tmp_path: Path) -> None:
    ours = _WritesInTurn(f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}")
    assert asyncio.run(meeting(ours)) == 2


def test_a_transaction_inside_another_does_not_wait_for_it(tmp_path: Path) -> None:
    ours = _WritesInTurn(f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}")

    async def nested() -> int:
        engine = await ours.engine()
        try:
            async with await ours.session(engine) as outer, ours.begin_transaction(outer):
                await outer.execute(sa.text("CREATE TABLE runs (n INTEGER)"))
                async with await ours.session(engine) as inner, ours.begin_transaction(inner):
                    query = sa.text("SELECT count(*) FROM sqlite_master")
                    return (await inner.execute(query)).scalar_one()
        finally:
            await engine.dispose()

    assert asyncio.run(asyncio.wait_for(nested(), 20)) == 0


def test_a_forms_schema_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[Any] = []

    def check(schema: Any, **options: Any) -> None:
        checked.append((schema, options))
        if schema.get("type") == "nonsense":
            raise SchemaError("nonsense")

    monkeypatch.setattr(validation._VALIDATOR, "check_schema", check)
    _check_each_schema_once()
    form = {"type": "object", "properties": {"seed": {"type": "integer"}}}
    for seed in (1, 2):
        validation.validate({"seed": seed}, form, raise_on_error=True)
    with pytest.raises(validation.ValidationError, match="seed"):
        validation.validate({"seed": "x"}, form, raise_on_error=True)
    assert len(checked) == 1
    for _ in range(2):
        with pytest.raises(SchemaError):
            validation._VALIDATOR.check_schema({"type": "nonsense"})
    assert len(checked) == 3
