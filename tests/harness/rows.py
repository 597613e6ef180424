"""A database emptied, with the schema that it has."""

import asyncpg

from objstore.meta.tables import metadata


async def wipe(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Delete all rows. There are few: that is far quicker than TRUNCATE, which gives every table a new file."""
    await connection.execute(";".join(f'DELETE FROM "{table.name}"' for table in reversed(metadata.sorted_tables)))
