"""Events that go into a table."""

import json

import asyncpg
import pytest

from objstore.events.targets import TargetSpec, open_target


@pytest.mark.parametrize("table", ["told", "other.told"])
async def test_events_become_rows(database_url: str, raw: "asyncpg.Connection[asyncpg.Record]", table: str) -> None:
    await raw.execute("CREATE SCHEMA IF NOT EXISTS other")
    await raw.execute(f"CREATE TABLE {table} (id bigint GENERATED ALWAYS AS IDENTITY, event jsonb)")
    target = open_target(TargetSpec("mine", "postgres", database_url, table))
    await target.send([json.dumps({"a": one, "b": 'é"\\'}) for one in range(3)])
    await target.close()
    found = [json.loads(row["event"]) for row in await raw.fetch(f"SELECT event FROM {table} ORDER BY id")]
    assert found == [{"a": one, "b": 'é"\\'} for one in range(3)]


async def test_a_table_that_is_not_there(database_url: str) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await open_target(TargetSpec("mine", "postgres", database_url, "nowhere")).send(["{}"])
