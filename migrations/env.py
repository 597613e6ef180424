"""Alembic's environment. ``objstore.meta.migrate.upgrade`` runs it on its own connection.

By hand, from the source tree (also for ``revision --autogenerate``):

    alembic -c migrations/alembic.ini -x url=postgresql://user@host/database upgrade head
"""

import asyncio

from alembic import context
from sqlalchemy import Connection, NullPool, make_url
from sqlalchemy.ext.asyncio import create_async_engine

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
from objstore.meta.tables import metadata

# Their tables are on the same MetaData.
assert lifecycle_tables.task.metadata is metadata
assert identity_tables.identity.metadata is metadata
assert kms_tables.kms_key.metadata is event_tables.event.metadata is metadata
assert cluster_tables.node.metadata is metadata
assert repair_tables.repair.metadata is history_tables.history.metadata is metadata
assert quota_tables.quota.metadata is metadata
assert pace_tables.pace.metadata is metadata


def run(connection: Connection) -> None:
    """Run what was asked for on a connection."""
    context.configure(connection=connection, target_metadata=metadata, compare_server_default=True)
    with context.begin_transaction():
        context.run_migrations()


async def connect_and_run() -> None:
    """For the command line."""
    url = make_url(context.get_x_argument(as_dictionary=True)["url"])
    engine = create_async_engine(url.set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(connect_and_run())
