"""All migrations together equal meta/tables.py, and starters may race."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import objstore
from objstore.meta import (
    cluster_tables,
    event_tables,
    history_tables,
    identity_tables,
    kms_tables,
    lifecycle_tables,
    pace_tables,
    quota_tables,
    repair_tables,
)
from objstore.meta.migrate import configuration, upgrade
from objstore.meta.revision import is_current, migrations_path, newest_revision
from objstore.meta.tables import metadata
from objstore.model.errors import DatabaseUnavailable
from tests.conftest import database_of, run_sql

# What compare_metadata does not look at: storage of columns, options of tables, collations, index definitions.
CATALOG = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attstorage::text, l.collname,
       pg_get_expr(d.adbin, d.adrelid)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
LEFT JOIN pg_collation l ON l.oid = a.attcollation LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'alembic%'
UNION ALL
SELECT relname, relkind::text, reloptions::text, relpersistence = 'p', NULL, NULL,
       CASE WHEN relkind = 'i' THEN pg_get_indexdef(oid) END
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'alembic%'
ORDER BY 1, 2
"""


def engine_of(url: str) -> AsyncEngine:
    return create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"), poolclass=NullPool)


@pytest.fixture
def empty_url(postgres_url: str, request: pytest.FixtureRequest) -> str:
    name = request.node.name
    run_sql(postgres_url, f'CREATE DATABASE "{name}"')
    return database_of(postgres_url, name)


async def test_migrations_equal_the_tables(database_url: str) -> None:
    assert lifecycle_tables.task.metadata is metadata
    assert identity_tables.identity.metadata is metadata
    assert kms_tables.kms_key.metadata is event_tables.event.metadata is metadata
    assert cluster_tables.node.metadata is repair_tables.repair.metadata is metadata
    assert quota_tables.quota.metadata is metadata
    assert pace_tables.pace.metadata is metadata
    assert history_tables.history.metadata is metadata

    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, metadata))

    engine = engine_of(database_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_catalogs_are_equal(database_url: str, empty_url: str) -> None:
    engine = engine_of(empty_url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()
    catalogs = []
    for url in (database_url, empty_url):
        raw = await asyncpg.connect(url)
        catalogs.append([tuple(row) for row in await raw.fetch(CATALOG)])
        await raw.close()
    assert catalogs[0] == catalogs[1]
    assert len(catalogs[0]) > 100


def test_starters_race(empty_url: str) -> None:
    failures: list[BaseException] = []

    def start() -> None:
        try:
            upgrade(empty_url)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


async def test_upgrade_inside_of_a_loop(database_url: str) -> None:
    upgrade(database_url)
    await asyncio.to_thread(upgrade, database_url)


def test_upgrade_without_a_server(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable):
        upgrade(f"postgresql://postgres@/postgres?host={tmp_path}")


def test_every_migration_says_when_it_runs() -> None:
    scripts = list(ScriptDirectory.from_config(configuration()).walk_revisions())
    assert scripts
    for script in scripts:
        text = script.longdoc or ""
        assert ("Runs before the code" in text) != ("Runs after the code" in text), script.path


def test_one_head() -> None:
    assert ScriptDirectory.from_config(configuration()).get_heads() == [newest_revision()]


async def test_a_database_is_current_or_not(database_url: str, empty_url: str, tmp_path: Path) -> None:
    assert await is_current(database_url)
    assert not await is_current(empty_url)
    with pytest.raises(DatabaseUnavailable):
        await is_current(f"postgresql://postgres@/postgres?host={tmp_path}")


def test_scripts_of_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (migrations_path() / "env.py").is_file()
    package = tmp_path / "objstore"
    (package / "_migrations").mkdir(parents=True)
    monkeypatch.setattr(objstore, "__file__", str(package / "__init__.py"))
    assert migrations_path() == package / "_migrations"
