"""Events into a table of somebody else's Postgres."""

from collections.abc import Sequence

import asyncpg


async def export_events(url: str, table: str, payloads: Sequence[str], seconds: float) -> None:
    """All of them or none, into the column ``event`` (jsonb) of ``table`` (``schema.table`` is understood)."""
    connection = await asyncpg.connect(url, timeout=seconds, command_timeout=seconds)
    try:
        schema, _, name = table.rpartition(".")
        rows = [(one,) for one in payloads]
        await connection.copy_records_to_table(name, schema_name=schema or None, records=rows, columns=["event"])
    finally:
        await connection.close(timeout=seconds)
