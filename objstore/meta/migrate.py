"""Bring a database's schema up to this release."""

import asyncio
import threading

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, NullPool, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from objstore.meta.revision import migrations_path
from objstore.model import clock
from objstore.model.errors import DatabaseUnavailable

# Names the lock that starters take in turn; any number that nobody else uses.
ADVISORY_LOCK = 0x6F626A73746F7265


def upgrade(url: str, revision: str = "head") -> None:
    """Run the migrations that are missing, all in one transaction; several starters at once take turns.

    Blocks: call it before the event loop or in a thread. Raises DatabaseUnavailable if nobody answers.
    """
    failures: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(_upgrade(url, revision))
        except BaseException as error:
            failures.append(error)

    # In a thread of its own, so that it also works where an event loop is running.
    thread = threading.Thread(target=run, name="migrate")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration for our scripts; they run on ``connection``."""
    config = Config()
    config.set_main_option("script_location", str(migrations_path()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


async def _upgrade(url: str, revision: str) -> None:
    # Behind a pooler the connection of another starter may have statements that are named alike.
    names = {"prepared_statement_name_func": lambda: f"objstore_{clock.random_id().hex()}", "statement_cache_size": 0}
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"), poolclass=NullPool, connect_args=names
    )
    try:
        async with engine.begin() as connection:
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
            await connection.run_sync(lambda inner: command.upgrade(configuration(inner), revision))
    except OSError as error:
        raise DatabaseUnavailable(f"cannot connect to Postgres: {error!r}") from error
    finally:
        await engine.dispose()
