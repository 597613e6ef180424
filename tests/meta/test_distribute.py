"""Distributing the tables. Citus itself is not here: what can be held is what it would be told, and that without it
nothing happens.
"""

import asyncio
import os
import subprocess
import sys
from typing import Any

import asyncpg
import pytest
from sqlalchemy import UniqueConstraint

from objstore.meta import cluster_tables, event_tables, identity_tables, kms_tables, lifecycle_tables, repair_tables
from objstore.meta.distribute import (
    DISTRIBUTED,
    REFERENCE,
    NotDistributed,
    distribute,
    explain,
    hot_statements,
    plan,
)
from objstore.meta.tables import metadata

MODULES = (cluster_tables, event_tables, identity_tables, kms_tables, lifecycle_tables, repair_tables)


def test_the_statements() -> None:
    assert plan() == [
        "SELECT create_reference_table('public.bucket')",
        "SELECT create_reference_table('public.storage_class')",
        "SELECT create_reference_table('public.tier')",
        "SELECT create_reference_table('public.volume')",
        "SELECT create_distributed_table('public.object', 'slot', colocate_with => 'none')",
        "SELECT create_distributed_table('public.version', 'slot', colocate_with => 'public.object')",
    ]


@pytest.mark.parametrize("name", DISTRIBUTED)
def test_what_citus_asks_of_a_distributed_table(name: str) -> None:
    """Every unique index has the distribution column, which never changes; nothing refers to it, nothing counts."""
    table, column = metadata.tables[name], DISTRIBUTED[name]
    assert column in table.primary_key.columns
    assert all(column in index.columns for index in table.indexes if index.unique)
    assert not [one for one in table.constraints if isinstance(one, UniqueConstraint)]
    assert not any(other.foreign_keys for other in metadata.tables.values())
    assert not any(column.identity or column.default for column in table.columns)


def test_every_table_is_there() -> None:
    assert all(MODULES)
    assert {*DISTRIBUTED, *REFERENCE} <= set(metadata.tables)
    assert not set(DISTRIBUTED) & set(REFERENCE)


async def test_without_the_extension_nothing_happens(database_url: str, raw: Any) -> None:
    before = await raw.fetch("SELECT oid, relname FROM pg_class ORDER BY oid")
    with pytest.raises(NotDistributed, match="the extension citus is not in this database"):
        await distribute(database_url)
    assert await raw.fetch("SELECT oid, relname FROM pg_class ORDER BY oid") == before


async def test_a_statement_that_is_not_planned_is_named(raw: "asyncpg.Connection[Any]") -> None:
    """The hot statements as they are planned, which is all that a distributed Postgres has to do with them."""
    plans = await explain(raw)
    assert list(plans) == list(hot_statements())
    assert "LockRows" in plans["lock"][0]
    transaction = raw.transaction()
    await transaction.start()
    await raw.execute("ALTER TABLE version RENAME TO version_2; ALTER TABLE object RENAME TO object_2")
    with pytest.raises(NotDistributed, match=r"'look up'.*object"):
        await explain(raw)
    await transaction.rollback()


async def test_the_command(database_url: str) -> None:
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "objstore", "migrate", *arguments]
        environment = os.environ | {"OBJSTORE_DATABASE_URL": database_url}
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    done = await asyncio.to_thread(run, "--distributed", "citus")
    assert (done.returncode, done.stdout) == (1, "the schema is that of this release\n")
    assert done.stderr.startswith("objstore: the extension citus is not in this database")
    assert (await asyncio.to_thread(run, "--show")).stdout.splitlines() == [f"{one};" for one in plan()]
