"""Distribute: spread the tables over the machines of a Citus cluster, or change nothing at all.

    1 check     the extension is there, and no table of ours is distributed yet
    2 spread    ``object`` and ``version`` by ``slot``, side by side; what they are read with is copied everywhere;
                queues, leases and ledgers stay on the coordinator, where SKIP LOCKED is what it always is
    3 prove     every hot statement is planned for a batch of two slots
    4 COMMIT

All in one transaction: what Citus refuses in 2 or 3 is told, and the database is as it was. Do not write meanwhile.
"""

from datetime import UTC, datetime
from typing import Any

import asyncpg

from objstore.meta.add import _ADD
from objstore.meta.current import _DELETE, _LOCK, _UPDATE, LOOKUP
from objstore.meta.revision import CONNECT_SECONDS
from objstore.meta.rows import row_of
from objstore.meta.statement import Statement
from objstore.meta.tables import slot_of
from objstore.model.errors import DatabaseUnavailable, ObjstoreError
from objstore.model.objects import ObjectVersion

DISTRIBUTED = {"object": "slot", "version": "slot"}
REFERENCE = ("bucket", "storage_class", "tier", "volume")
_SECONDS_MAX = 24 * 3600.0  # rows that are there already are moved

_VERSION = "SELECT extversion FROM pg_extension WHERE extname = 'citus'"
_DONE = "SELECT logicalrelid::text FROM pg_dist_partition WHERE logicalrelid = any($1::regclass[])"


class NotDistributed(ObjstoreError):
    """The tables stay where they are; the message says why."""


def plan() -> list[str]:
    """The statements that distribute the tables, in their order."""
    found = [f"SELECT create_reference_table('public.{name}')" for name in REFERENCE]
    first = next(iter(DISTRIBUTED))
    for name, column in DISTRIBUTED.items():
        beside = "none" if name == first else f"public.{first}"
        found.append(f"SELECT create_distributed_table('public.{name}', '{column}', colocate_with => '{beside}')")
    return found


def hot_statements() -> dict[str, tuple[Statement, tuple[Any, ...]]]:
    """What a PUT, a GET and a DELETE of small objects run, by name, with the arguments of two keys of unlike slots."""
    names = [(1, key) for key in (b"a", b"b")]
    assert len({slot_of(*name) for name in names}) == len(names)
    rows = [
        row_of(ObjectVersion(*name, bytes(16), 0, bytes(16), datetime.fromtimestamp(0, UTC), "STANDARD", b""))
        for name in names
    ]
    buckets, keys = zip(*names, strict=True)
    columns = tuple(zip(*rows, strict=True))
    return {
        "look up": (LOOKUP, (buckets, keys)),
        "add": (_ADD, (list(set(buckets)), [], 0, *columns)),
        "lock": (_LOCK, (buckets, keys)),
        "update": (_UPDATE, columns),
        "delete": (_DELETE, (buckets, keys, [slot_of(*name) for name in names])),
    }


async def explain(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, list[str]]:
    """The plans of the hot statements. Raises NotDistributed, naming the one that is not planned."""
    plans = {}
    for name, (statement, arguments) in hot_statements().items():
        try:
            rows = await connection.fetch(f"EXPLAIN (COSTS OFF) {statement.sql}", *arguments)
        except asyncpg.PostgresError as error:
            raise NotDistributed(f"this Citus does not run the statement {name!r}: {error}") from error
        plans[name] = [row[0] for row in rows]
    return plans


async def distribute(url: str) -> dict[str, list[str]]:
    """Do it, and give the plans of the hot statements. Raises NotDistributed, DatabaseUnavailable."""
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, command_timeout=_SECONDS_MAX)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnavailable(f"cannot connect to Postgres: {error!r}") from error
    try:
        async with connection.transaction():
            await _check(connection)
            for statement in plan():
                try:
                    await connection.execute(statement)
                except asyncpg.PostgresError as error:
                    raise NotDistributed(f"{statement}: {error}") from error
            return await explain(connection)
    finally:
        await connection.close()


async def _check(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    if await connection.fetchval(_VERSION) is None:
        raise NotDistributed(
            "the extension citus is not in this database: CREATE EXTENSION citus on every machine, add the workers"
            " with citus_add_node, and try again"
        )
    done = await connection.fetch(_DONE, [*DISTRIBUTED, *REFERENCE])
    if done:
        raise NotDistributed(f"distributed already: {', '.join(sorted(row[0] for row in done))}")
